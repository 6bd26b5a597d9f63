// Package iam says who a caller is and what they may do: principals, their
// credentials, and the decision with its reason.
//
// It checks no signature (package sigv4 does, and asks this package for the
// secret) and it speaks no HTTP.
package iam

// PrincipalType tells what kind of identity signed a request.
type PrincipalType string

// The identities there are.
const (
	Root      PrincipalType = "Root"
	User      PrincipalType = "User"
	Anonymous PrincipalType = "Anonymous" // only with --auth off
)

// Principal is the verified caller of one request. It is a value: copy it freely.
type Principal struct {
	Type        PrincipalType
	Account     string // 12 digits
	ARN         string // arn:aws:iam::000000000000:root, arn:aws:iam::…:user/NAME
	UserID      string // what sts:GetCallerIdentity calls UserId
	AccessKeyID string // the access key or API key id that was used; never a secret
}
