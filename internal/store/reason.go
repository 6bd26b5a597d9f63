package store

import "github.com/outcrop/outcrop/internal/fault"

// The reasons of a Conflict, in the field that Reason reads.
const (
	KeyTaken   = "key-taken"
	NameTaken  = "name-taken"
	TokenUsed  = "token-used"
	Gone       = "gone"     // Create.While did not hold
	Excluded   = "excluded" // Create.Unless matched
	Changed    = "changed"  // Update: the version is another one
	LeaseTaken = "lease-taken"
)

const reasonField = "storeReason"

// Conflict makes the fault that adapters answer. The text is for logs: whoever
// owns the resource words what a client reads.
func Conflict(reason string) error {
	return fault.New(fault.Conflict, "The resource was changed by another request. Try your request again.").WithField(reasonField, reason)
}

// Reason tells why err is a Conflict of a store; empty when it is not one.
func Reason(err error) string {
	if err == nil {
		return ""
	}
	reason, _ := fault.As(err).Fields[reasonField].(string)
	return reason
}
