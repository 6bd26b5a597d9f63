package iam

import (
	"time"

	"github.com/outcrop/outcrop/internal/fault"
)

// Credential is what a signature is checked against: the secret of one access
// key and who owns it. Treat it as read-only.
type Credential struct {
	AccessKeyID  string
	Secret       Secret
	SessionToken Secret    // non-empty for temporary credentials; must equal the one sent
	Expires      time.Time // zero: does not expire
	Principal    Principal
}

// ErrUnknownKey returns what a client is told about an access key that does not
// exist, was revoked, or came with a session token that is not its own.
func ErrUnknownKey() error {
	return fault.New(fault.Unauthenticated, "The security token included in the request is invalid.").
		WithCode("UnrecognizedClientException")
}

// ErrExpired returns what a client is told about credentials past their time.
func ErrExpired() error {
	return fault.New(fault.Unauthenticated, "The security token included in the request is expired").
		WithCode("ExpiredTokenException")
}

// RootPrincipal is the owner of the account.
func RootPrincipal(account, accessKeyID string) Principal {
	return Principal{
		Type:        Root,
		Account:     account,
		ARN:         "arn:aws:iam::" + account + ":root",
		UserID:      account,
		AccessKeyID: accessKeyID,
	}
}

// UserPrincipal is a named user of the account.
func UserPrincipal(account, name, userID, keyID string) Principal {
	return Principal{
		Type:        User,
		Name:        name,
		Account:     account,
		ARN:         "arn:aws:iam::" + account + ":user/" + name,
		UserID:      userID,
		AccessKeyID: keyID,
	}
}
