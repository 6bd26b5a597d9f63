package body

import (
	"bytes"
	"encoding/json"

	"github.com/outcrop/outcrop/internal/inference"
)

// Carry puts members that only the vendor understands into a request, as
// members of the dialect that they are written in.
func Carry(req *inference.Request, dialect string, o Object, keys ...string) {
	for key, v := range Pick(o, keys...) {
		if req.Extra == nil {
			req.Extra = make(map[string]json.RawMessage)
		}
		req.Extra[key] = v
		req.Dialect = dialect
	}
}

// Pick returns the members of some names as JSON; nil when there are none.
func Pick(o Object, keys ...string) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	for _, key := range keys {
		if !o.Has(key) {
			continue
		}
		if out == nil {
			out = make(map[string]json.RawMessage)
		}
		out[key] = o.Raw(key)
	}
	return out
}

// UUID writes random characters in the form that some vendors' ids have.
func UUID(newID func(prefix string, length int) string) string {
	const digits = "0123456789abcdef"
	id := []byte(newID("", 32))
	for i, c := range id {
		id[i] = digits[c%16]
	}
	return string(id[:8]) + "-" + string(id[8:12]) + "-" + string(id[12:16]) + "-" + string(id[16:20]) + "-" + string(id[20:])
}

// Member is a member of an object, in the order in which the caller wrote them.
type Member struct {
	Key   string
	Value json.RawMessage
}

// Members reads an object that passed its schema without losing the order of
// its members.
func Members(raw json.RawMessage) []Member {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var out []Member
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return out
		}
		key, _ := t.(string)
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return out
		}
		out = append(out, Member{key, value})
	}
	return out
}
