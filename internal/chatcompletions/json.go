package chatcompletions

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/wire/jsontext"
)

// The readers below walk JSON that json.Valid has seen, and give its values as
// pieces of it: a chunk of a stream is read without making anything but the
// strings that leave the package.

// skip returns where the value that begins at i ends.
func skip(data []byte, i int) int {
	switch data[i] {
	case '"':
		return skipString(data, i)
	case '{', '[':
		depth := 0
		for ; ; i++ {
			switch data[i] {
			case '"':
				i = skipString(data, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for i < len(data) && !space(data[i]) && data[i] != ',' && data[i] != '}' && data[i] != ']' {
		i++
	}
	return i
}

func skipString(data []byte, i int) int {
	for i++; ; i++ {
		i += bytes.IndexByte(data[i:], '"')
		escaped := false
		for j := i - 1; data[j] == '\\'; j-- {
			escaped = !escaped
		}
		if !escaped {
			return i + 1
		}
	}
}

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func skipSpace(data []byte, i int) int {
	for i < len(data) && space(data[i]) {
		i++
	}
	return i
}

// members calls f for each member of an object; a value of another kind has
// none. Null values are passed over: they are as good as absent.
func members(data []byte, f func(key string, value []byte) error) error {
	i := skipSpace(data, 0)
	if i == len(data) || data[i] != '{' {
		return nil
	}
	for i = skipSpace(data, i+1); data[i] != '}'; {
		end := skip(data, i)
		rawKey := data[i:end]
		i = skipSpace(data, skipSpace(data, end)+1) // behind the colon
		end = skip(data, i)
		if value := data[i:end]; !null(value) {
			if err := f(memberName(rawKey), value); err != nil {
				return err
			}
		}
		if i = skipSpace(data, end); data[i] == ',' {
			i = skipSpace(data, i+1)
		}
	}
	return nil
}

// memberName is the name of a member. Those that are in every chunk of a stream
// take no memory.
func memberName(quoted []byte) string {
	if plain, ok := inner(quoted); ok {
		if name, ok := frequent[string(plain)]; ok {
			return name
		}
	}
	return str(quoted)
}

var frequent = func() map[string]string { //nolint:gochecknoglobals // a constant table
	table := make(map[string]string)
	for _, name := range []string{
		"id", "object", "created", "model", "service_tier", "system_fingerprint", "choices", "usage", "obfuscation",
		"index", "delta", "message", "finish_reason", "logprobs", "text", "token_ids", "stop_reason",
		"role", "content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function", "name", "arguments", "type",
		"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details",
		"cached_tokens", "reasoning_tokens", "messages", "max_tokens", "temperature", "top_p", "stop", "stream",
	} {
		table[name] = name
	}
	return table
}()

// elements calls f for each element of a list; a value of another kind has none.
func elements(data []byte, f func(n int, value []byte) error) error {
	i := skipSpace(data, 0)
	if i == len(data) || data[i] != '[' {
		return nil
	}
	i = skipSpace(data, i+1)
	for n := 0; data[i] != ']'; n++ {
		end := skip(data, i)
		if err := f(n, data[i:end]); err != nil {
			return err
		}
		if i = skipSpace(data, end); data[i] == ',' {
			i = skipSpace(data, i+1)
		}
	}
	return nil
}

func null(value []byte) bool     { return value[0] == 'n' }
func isString(value []byte) bool { return value[0] == '"' }
func isList(value []byte) bool   { return value[0] == '[' }
func isObject(value []byte) bool { return value[0] == '{' }

// kind is the word for a value's kind in messages.
func kind(value []byte) string {
	switch value[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	if bytes.ContainsAny(value, ".eE") {
		return "a decimal"
	}
	return "an integer"
}

// inner returns what is between the quotes of a string when it stands for
// itself, without a copy.
func inner(value []byte) ([]byte, bool) {
	if !isString(value) || bytes.IndexByte(value, '\\') >= 0 {
		return nil, false
	}
	return value[1 : len(value)-1], true
}

// str returns a string's text in whole UTF-8, and "" for other kinds.
func str(value []byte) string {
	if plain, ok := inner(value); ok {
		if utf8.Valid(plain) {
			return string(plain)
		}
		return strings.ToValidUTF8(string(plain), "\ufffd")
	}
	var s string
	if isString(value) {
		_ = json.Unmarshal(value, &s) // it is valid
	}
	return s
}

// whole returns a number as an integer, also where it is written as a decimal.
func whole(value []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || f != float64(int64(f)) || f > 1<<53 || f < -1<<53 {
		return 0, false
	}
	return int64(f), true
}

// count returns a number of tokens; what is none is 0.
func count(value []byte) int {
	n, ok := whole(value)
	if !ok || n < 0 || n > 1<<40 {
		return 0
	}
	return int(n)
}

// clone is a value that outlives the JSON it was in.
func clone(value []byte) json.RawMessage { return bytes.Clone(value) }

// writer writes JSON by appending.
type writer struct{ b []byte }

func (w *writer) raw(s string) { w.b = append(w.b, s...) }

// comma separates from what is before, unless that opens a list or an object.
func (w *writer) comma() {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' {
		w.b = append(w.b, ',')
	}
}

// key begins a member. name is one of this package's, and needs no escapes.
func (w *writer) key(name string) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

// member is key for a name of somebody else's, with its value.
func (w *writer) member(name string, value json.RawMessage) {
	w.comma()
	w.str(name)
	w.b = append(append(w.b, ':'), value...)
}

func (w *writer) int(n int64)     { w.b = strconv.AppendInt(w.b, n, 10) }
func (w *writer) float(f float64) { w.b = appendFloat(w.b, f) }
func (w *writer) bool(v bool)     { w.b = strconv.AppendBool(w.b, v) }
func (w *writer) str(s string)    { w.b = jsontext.AppendString(w.b, s) }

// appendFloat writes a number as encoding/json does.
func appendFloat(b []byte, f float64) []byte {
	data, err := json.Marshal(f)
	if err != nil { // no number: refused before
		return append(b, "null"...)
	}
	return append(b, data...)
}
