package iam_test

import (
	"testing"

	api "github.com/outcrop/outcrop/internal/api/iam"
)

// A tool that deletes a user or a role asks for what cannot be made here.
func TestWhatThereIsNot(t *testing.T) {
	t.Parallel()
	s := open(t)
	does(t, s.CreateUser, api.CreateUserInput{UserName: ptr("u")})
	does(t, s.CreateRole, api.CreateRoleInput{RoleName: ptr("r"), AssumeRolePolicyDocument: ptr(trust)})
	refuses(t, s.GetLoginProfile, api.GetLoginProfileInput{UserName: ptr("u")}, "NoSuchEntity", "Login Profile for User u cannot be found.")
	refuses(t, s.DeleteLoginProfile, api.DeleteLoginProfileInput{UserName: ptr("u")}, "NoSuchEntity", "Login Profile for User u cannot be found.")
	refuses(t, s.GetAccountPasswordPolicy, api.GetAccountPasswordPolicyInput{}, "NoSuchEntity", "The Password Policy with domain name 123456789012 cannot be found.")
	if out := does(t, s.ListInstanceProfilesForRole, api.ListInstanceProfilesForRoleInput{RoleName: ptr("r")}); len(out.InstanceProfiles) != 0 {
		t.Errorf("got %+v", out)
	}
	for name, err := range map[string]error{
		"ListMFADevices":          second(s.ListMFADevices(t.Context(), &api.ListMFADevicesInput{UserName: ptr("nobody")})),
		"ListSSHPublicKeys":       second(s.ListSSHPublicKeys(t.Context(), &api.ListSSHPublicKeysInput{UserName: ptr("nobody")})),
		"ListSigningCertificates": second(s.ListSigningCertificates(t.Context(), &api.ListSigningCertificatesInput{UserName: ptr("nobody")})),
	} {
		if err == nil {
			t.Errorf("%s: got no error for a user who is not there", name)
		}
	}
	refuses(t, s.ListInstanceProfilesForRole, api.ListInstanceProfilesForRoleInput{RoleName: ptr("nobody")}, "NoSuchEntity", "The role with name nobody cannot be found.")
}

func second[T any](_ T, err error) error { return err }
