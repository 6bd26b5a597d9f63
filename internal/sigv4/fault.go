package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
)

// The exceptions of the authentication layer, by the names of the JSON
// protocols. QueryCode has the names of the query protocol.
const (
	codeIncomplete = "IncompleteSignatureException"
	codeInvalid    = "InvalidSignatureException"
	codeMissing    = "MissingAuthenticationTokenException"
)

const mismatchText = "The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

// QueryCode translates an exception of the layers before a service (the
// signature, the permission, the form of the input) to the name that services
// with the query protocol (sts, iam) use for it. Other codes are
// returned as they are.
func QueryCode(code string) string {
	switch code {
	case codeIncomplete:
		return "IncompleteSignature"
	case codeInvalid:
		return "SignatureDoesNotMatch"
	case codeMissing:
		return "MissingAuthenticationToken"
	case "UnrecognizedClientException":
		return "InvalidClientTokenId"
	case "ExpiredTokenException":
		return "ExpiredToken"
	case "AccessDeniedException":
		return "AccessDenied"
	case "ValidationException":
		return "ValidationError"
	case "ThrottlingException":
		return "Throttling"
	}
	return code
}

func incomplete(format string, args ...any) error {
	return fault.New(fault.Unauthenticated, format, args...).WithCode(codeIncomplete)
}

func invalid(format string, args ...any) error {
	return fault.New(fault.Unauthenticated, format, args...).WithCode(codeInvalid)
}

func missing() error {
	return fault.New(fault.Unauthenticated, "Missing Authentication Token").WithCode(codeMissing)
}

// hashed stands for a header in messages: AWS prints its digest, never the
// header itself.
func hashed(header string) string {
	sum := sha256.Sum256([]byte(header))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// span writes a duration the way the messages do.
func span(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min.", d/time.Minute)
	}
	return fmt.Sprintf("%d sec.", d/time.Second)
}
