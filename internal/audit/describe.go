package audit

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// hidden is what CloudTrail writes in place of a value that nobody shall read.
const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// maxElements is the size in bytes above which parameters and response elements
// are left out.
const maxElements = 100 << 10

// never are the members, by the operation's input or output shape, that are
// secret and that neither the model nor their names tell.
var never = map[string]map[string]bool{
	"DecodeAuthorizationMessageRequest": {"EncodedMessage": true},
	"EnableMFADeviceRequest":            {"AuthenticationCode1": true, "AuthenticationCode2": true},
	"ResyncMFADeviceRequest":            {"AuthenticationCode1": true, "AuthenticationCode2": true},
}

// describe turns an input or an output into what the trail shows of it. Without
// body only what travels in the path, the query and headers is shown.
func describe(s *schema.Shape, v any, body bool) map[string]any {
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface {
		rv = rv.Elem()
	}
	if !rv.IsValid() || rv.Kind() != reflect.Struct {
		return nil
	}
	out := map[string]any{}
	for _, m := range s.Members {
		if m.Field < 0 || m.Shape.EventStream || m.Shape.Streaming || !body && m.Location == schema.Body {
			continue
		}
		f := rv.Field(m.Field)
		if f.IsZero() {
			continue
		}
		out[lower(m.Name)] = member(s, m, f)
	}
	return out
}

// member is the value of a member of a structure.
func member(of *schema.Shape, m *schema.Member, rv reflect.Value) any {
	if secret(of, m) {
		return hidden
	}
	return value(m.Shape, rv)
}

// value is what the trail shows of a value.
func value(s *schema.Shape, rv reflect.Value) any {
	for rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface {
		rv = rv.Elem()
	}
	if !rv.IsValid() {
		return nil
	}
	switch s.Kind {
	case schema.Structure, schema.Union:
		return describe(s, rv.Interface(), true)
	case schema.List:
		if s.Value.Sensitive || opaque(s.Value.Shape) {
			return hidden
		}
		list := make([]any, 0, rv.Len())
		for i := range rv.Len() {
			list = append(list, value(s.Value.Shape, rv.Index(i)))
		}
		return list
	case schema.Map:
		if s.Value.Sensitive || opaque(s.Value.Shape) || s.Key.Sensitive || opaque(s.Key.Shape) {
			return hidden
		}
		of := make(map[string]any, rv.Len())
		for it := rv.MapRange(); it.Next(); {
			of[it.Key().String()] = value(s.Value.Shape, it.Value())
		}
		return of
	}
	if t, ok := rv.Interface().(time.Time); ok {
		return t.UTC().Format(time.RFC3339)
	}
	if rv.Kind() == reflect.String {
		return rv.String()
	}
	return rv.Interface()
}

// secret reports whether a member must not be shown.
func secret(of *schema.Shape, m *schema.Member) bool {
	return m.Sensitive || opaque(m.Shape) || never[of.Name][m.Name] || m.Shape.Kind == schema.String && !m.IdempotencyToken && secretName(m.Name)
}

// opaque reports whether a shape is marked as sensitive, or is bytes or free
// JSON, which may hold anything: documents, images, prompts, keys.
func opaque(s *schema.Shape) bool {
	return s.Sensitive || s.Kind == schema.Blob || s.Kind == schema.Document
}

// secretName reports whether a text is secret for what it is called. Models mark
// most secrets, but not all: not the session token of AssumeRole.
func secretName(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "nexttoken", "clienttoken", "clientrequesttoken", "paginationtoken":
		return false
	}
	for _, word := range []string{"secret", "password", "token", "privatekey", "assertion", "apikeyvalue"} {
		if strings.Contains(name, word) {
			return !strings.HasSuffix(name, "arn")
		}
	}
	return false
}

// hides reports whether anything in a shape must not be shown. The shapes are
// those of the services: a fixed number.
func hides(s *schema.Shape) bool {
	if known, ok := hiding.Load(s); ok {
		return known.(bool)
	}
	found := search(s, map[*schema.Shape]bool{})
	hiding.Store(s, found)
	return found
}

var hiding sync.Map // *schema.Shape to bool

func search(s *schema.Shape, seen map[*schema.Shape]bool) bool {
	if s == nil || seen[s] {
		return false
	}
	seen[s] = true
	if opaque(s) {
		return true
	}
	for _, m := range s.Members {
		if secret(s, m) || search(m.Shape, seen) {
			return true
		}
	}
	for _, m := range []*schema.Member{s.Key, s.Value} {
		if m != nil && (m.Sensitive || search(m.Shape, seen)) {
			return true
		}
	}
	return false
}

// bounded leaves out what is too large for a record, as CloudTrail does.
func bounded(of map[string]any) map[string]any {
	if len(of) == 0 {
		return nil
	}
	text, err := json.Marshal(of)
	switch {
	case err != nil: // a number that JSON does not have
		return map[string]any{"omitted": true, "reason": "cannot be written as JSON"}
	case len(text) > maxElements:
		return map[string]any{"omitted": true, "originalSize": len(text), "reason": "larger than 100 KB"}
	}
	return of
}

// lower writes a member's name as CloudTrail does: userName for IAM's UserName.
func lower(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[n:]
}
