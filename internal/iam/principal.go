// Package iam says who a caller is: principals, their credentials, and what those
// are told who have none.
//
// It checks no signature (package sigv4 does, and asks this package for the
// secret) and it speaks no HTTP.
package iam

import "time"

// PrincipalType tells what kind of identity signed a request.
type PrincipalType string

// The identities there are, as CloudTrail's userIdentity names them.
const (
	Root        PrincipalType = "Root"
	User        PrincipalType = "IAMUser"
	AssumedRole PrincipalType = "AssumedRole"
	Anonymous   PrincipalType = "Anonymous" // only with --auth off
)

// Principal is the verified caller of one request. It is a value: copy it freely.
type Principal struct {
	Type        PrincipalType
	Account     string   // 12 digits
	ARN         string   // arn:aws:iam::000000000000:root, arn:aws:iam::…:user/NAME, arn:aws:sts::…:assumed-role/ROLE/SESSION
	UserID      string   // what sts:GetCallerIdentity calls UserId
	Name        string   // of the user or role, without its path; empty for root
	AccessKeyID string   // the access key or API key id that was used; never a secret
	Session     *Session // of temporary credentials; nil otherwise
}

// Session is what temporary credentials add to who asked for them. It is never
// changed once made.
type Session struct {
	Name           string    // of an assumed role
	Issued         time.Time // aws:TokenIssueTime
	Expires        time.Time
	SourceIdentity string
	Tags           map[string]string // session tags
	TransitiveTags []string          // those of Tags that a chained role inherits
	// Policies are the session policies, as the caller of AssumeRole wrote them,
	// and PolicyARNs the managed ones that were named.
	Policies   []string
	PolicyARNs []string
}
