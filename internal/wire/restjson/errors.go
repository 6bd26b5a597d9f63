package restjson

import (
	"github.com/outcrop/outcrop/internal/fault"
)

// malformed is the answer to a request that does not have the form of its
// operation's input. Texts name members and positions, never values.
func malformed(format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).WithCode("SerializationException")
}

func syntax(what string, pos int) error {
	return malformed("The request body is not valid JSON: %s at byte %d.", what, pos)
}

func mediaType(code, format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).WithCode(code)
}

// convert is the text for a value of the wrong type.
func convert(token byte, to string) error {
	switch token {
	case '{':
		return malformed("Start of structure or map found where not expected.")
	case '[':
		return malformed("Start of list found where not expected.")
	case '"':
		return malformed("STRING_VALUE cannot be converted to %s", to)
	case 't':
		return malformed("TRUE_VALUE cannot be converted to %s", to)
	case 'f':
		return malformed("FALSE_VALUE cannot be converted to %s", to)
	case 'n':
		return malformed("NULL_VALUE cannot be converted to %s", to)
	}
	return malformed("NUMBER_VALUE cannot be converted to %s", to)
}
