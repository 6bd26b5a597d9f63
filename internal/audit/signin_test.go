package audit_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/audit"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/iam"
)

// Sign-ins leave what CloudTrail's ConsoleLogin says.
func TestSignIn(t *testing.T) {
	t.Parallel()
	alice := iam.UserPrincipal("000000000000", "alice", "AIDA1", "ASIA1")
	alice.Session = &iam.Session{Issued: noon, Expires: noon.Add(time.Hour)}
	for name, tc := range map[string]struct {
		in   audit.SignIn
		want string
	}{
		"success": {
			audit.SignIn{Call: &call.Call{Principal: alice}, Method: "accessKey"},
			`{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDA1","arn":"arn:aws:iam::000000000000:user/alice","accountId":"000000000000","accessKeyId":"ASIA1","userName":"alice","sessionContext":{"attributes":{"creationDate":"2026-11-21T12:00:00Z","mfaAuthenticated":"false"}}},` +
				`"eventTime":"2026-11-21T12:00:00Z","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.7","userAgent":"Browser",` +
				`"requestParameters":null,"responseElements":{"ConsoleLogin":"Success"},"additionalEventData":{"MFAUsed":"No","MobileVersion":"No","SignInMethod":"accessKey"},"requestID":"id","eventID":"e0000000-0000-4000-8000-000000000002","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"000000000000","eventCategory":"Management"}`,
		},
		"failure": {
			audit.SignIn{Call: &call.Call{}, AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", Method: "accessKey"},
			`{"eventVersion":"1.11","userIdentity":{"type":"Unknown","accountId":"000000000000","accessKeyId":"AKIAAAAAAAAAAAAAAAAA"},` +
				`"eventTime":"2026-11-21T12:00:00Z","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.7","userAgent":"Browser",` +
				`"errorMessage":"Failed authentication","requestParameters":null,"responseElements":{"ConsoleLogin":"Failure"},"additionalEventData":{"MFAUsed":"No","MobileVersion":"No","SignInMethod":"accessKey"},"requestID":"id","eventID":"e0000000-0000-4000-8000-000000000002","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"000000000000","eventCategory":"Management"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTrail(t)
			c := tc.in.Call
			c.RequestID, c.Account, c.Start = "id", "000000000000", noon
			c.Source = call.Source{IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "Browser"}
			tr.SignIn(tc.in)
			if got := strings.TrimSpace(tr.text(t)); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// Who puts the secret where the key belongs does not find it in the trail, and who
// guesses does not fill the disk.
func TestSignInsThatFail(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	const secret = "wJalrXUtnFEMI7MDENGbPxRfiCYEXAMPLEKEY"
	for range 1000 {
		tr.SignIn(audit.SignIn{Call: &call.Call{Start: noon}, AccessKeyID: secret, Method: "accessKey"})
	}
	text := tr.text(t)
	failures := 0
	if err := audit.Read(tr.dir, audit.Filter{Errors: true}, func(*audit.Event, []byte) error { failures++; return nil }); err != nil || failures != 100 {
		t.Errorf("found %d as failures, error %v; want all", failures, err)
	}
	if strings.Contains(text, secret) {
		t.Error("the trail has the secret")
	}
	if stats := tr.Stats(); stats.Written != 100 || stats.LeftOut != 900 {
		t.Errorf("got %+v", stats)
	}
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}
