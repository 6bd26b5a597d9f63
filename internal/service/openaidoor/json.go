package openaidoor

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
)

// badJSON refuses a body that cannot be read.
func badJSON(cause error) error {
	var typed *json.UnmarshalTypeError
	switch {
	case errors.As(cause, &typed) && typed.Field != "":
		return invalid(typed.Field, "Invalid type for '%s'.", typed.Field)
	case cause != nil && strings.HasPrefix(cause.Error(), "json: unknown field "):
		name, _ := strconv.Unquote(strings.TrimPrefix(cause.Error(), "json: unknown field "))
		return invalid(name, "Unrecognized request argument supplied: %s", name)
	}
	return fault.Wrap(fault.Invalid, cause, "We could not parse the JSON body of your request.")
}

// listed are numbers in words: 256, 512 or 1024.
func listed(numbers []int) string {
	var b strings.Builder
	for i, n := range numbers {
		switch {
		case i > 0 && i == len(numbers)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// marshal is json.Marshal without escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// compact is JSON without white space; empty: there is none.
func compact(value json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return string(value)
	}
	return b.String()
}
