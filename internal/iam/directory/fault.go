package directory

import (
	"github.com/outcrop/outcrop/internal/fault"
)

// The errors have the codes and the words of AWS.

func noEntity(s Sort, name string) error {
	return notFound("The %s with name %s cannot be found.", s, name)
}

func noPolicy(arn string) error { return notFound("Policy %s was not found.", arn) }

func notAttachable(arn string) error {
	return notFound("Policy %s does not exist or is not attachable.", arn)
}

func notFound(format string, args ...any) error {
	return fault.New(fault.NotFound, format, args...).WithCode("NoSuchEntity")
}

func exists(format string, args ...any) error {
	return fault.New(fault.Conflict, format, args...).WithCode("EntityAlreadyExists")
}

func inUse(text string) error {
	return fault.New(fault.Conflict, "%s", text).WithCode("DeleteConflict")
}

func limit(format string, args ...any) error {
	return fault.New(fault.QuotaExceeded, format, args...).WithCode("LimitExceeded")
}

func invalidInput(format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).WithCode("InvalidInput")
}

func invalid(format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).WithCode("ValidationError")
}

func invalidMarker() error { return invalid("Invalid Marker") }
