package bedrockruntime

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/outcrop/outcrop/internal/native/body"
)

// CheckConverseBody refuses the body of a Converse or ConverseStream call that
// is really one of a model family's native bodies, with the sentence of a body
// that the call cannot take. Without it such a call would be answered: members
// that an operation does not have are ignored, and with them everything that a
// native body says beside its messages.
//
// Only members that native bodies are known by are refused, so that a newer
// client's members still pass. What is not a JSON object passes too: the codec
// says what is wrong with it. The body is read once, without recursion.
func CheckConverseBody(data []byte) error {
	c := foreignBody{data: data}
	ok := c.object(func(key []byte) bool {
		if nativeMember(key) {
			c.found(&c.top, "#: extraneous key [%s] is not permitted", key)
		}
		if string(key) == "messages" {
			return c.list(c.message)
		}
		return c.skip()
	})
	switch {
	case !ok:
		return nil
	case c.top != "":
		return body.Malformed(c.top)
	case c.inside != "":
		return body.Malformed(c.inside)
	}
	return nil
}

// nativeMember reports whether a member is in the root of a native body and in
// no Converse body.
func nativeMember(key []byte) bool {
	switch string(key) {
	case "anthropic_version", "anthropic_beta", "max_tokens", "stop_sequences", "top_k", // Claude
		"prompt", "max_gen_len", // Llama and Claude Text Completions
		"inputText", "textGenerationConfig": // Titan
		return true
	}
	return false
}

// foreignBody goes through a body without decoding it. Its methods that return
// a bool return false where the text is no JSON, and nothing is said then.
type foreignBody struct {
	data   []byte
	at     int
	top    string // the first violation in the root
	inside string // the first one in a message
}

func (c *foreignBody) found(where *string, format string, args ...any) {
	if *where == "" {
		*where = fmt.Sprintf(format, args...)
	}
}

// message looks for a native message: text in place of a list of blocks, or
// blocks that name their type.
func (c *foreignBody) message(i int) bool {
	return c.members(func(key []byte) bool {
		if string(key) != "content" {
			return c.skip()
		}
		if c.peek() == '"' {
			c.found(&c.inside, "#/messages/%d/content: expected type: JSONArray, found: String", i)
		}
		return c.list(func(j int) bool {
			return c.members(func(key []byte) bool {
				if string(key) == "type" {
					c.found(&c.inside, "#/messages/%d/content/%d: extraneous key [type] is not permitted", i, j)
				}
				return c.skip()
			})
		})
	})
}

// members visits the members of an object, and skips what is none.
func (c *foreignBody) members(visit func(key []byte) bool) bool {
	if c.peek() != '{' {
		return c.skip()
	}
	return c.object(visit)
}

// object visits the members of an object; visit consumes the value.
func (c *foreignBody) object(visit func(key []byte) bool) bool {
	if !c.take('{') {
		return false
	}
	for first := true; !c.take('}'); first = false {
		if !first && !c.take(',') {
			return false
		}
		key, ok := c.text()
		if !ok || !c.take(':') || !visit(key) {
			return false
		}
	}
	return true
}

// list visits the members of an array, and skips what is none; visit consumes
// the member.
func (c *foreignBody) list(visit func(i int) bool) bool {
	if c.peek() != '[' {
		return c.skip()
	}
	c.at++
	for i := 0; !c.take(']'); i++ {
		if i > 0 && !c.take(',') || !visit(i) {
			return false
		}
	}
	return true
}

// skip consumes a value of any kind.
func (c *foreignBody) skip() bool {
	for depth := 0; ; {
		switch c.peek() {
		case 0:
			return false
		case '"':
			if !c.quoted() {
				return false
			}
		case '{', '[':
			depth++
			c.at++
		case '}', ']':
			depth--
			c.at++
		case ',', ':':
			if depth == 0 {
				return false
			}
			c.at++
			continue
		default: // a number or a word
			end := bytes.IndexAny(c.data[c.at:], " \t\r\n,:]}[{\"")
			if end <= 0 {
				return false
			}
			c.at += end
		}
		if depth <= 0 {
			return depth == 0
		}
	}
}

// text consumes a string and returns what it says.
func (c *foreignBody) text() ([]byte, bool) {
	if c.peek() != '"' {
		return nil, false
	}
	from := c.at
	if !c.quoted() {
		return nil, false
	}
	raw := c.data[from:c.at]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], true
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil, false
	}
	return []byte(s), true
}

// quoted consumes a string, at whose opening quote the scan stands.
func (c *foreignBody) quoted() bool {
	for i := c.at + 1; ; {
		end := bytes.IndexByte(c.data[i:], '"')
		if end < 0 {
			return false
		}
		i += end + 1
		escapes := 0
		for k := i - 2; k > c.at && c.data[k] == '\\'; k-- {
			escapes++
		}
		if escapes%2 == 0 {
			c.at = i
			return true
		}
	}
}

// take consumes a character if it is the next.
func (c *foreignBody) take(want byte) bool {
	if c.peek() != want {
		return false
	}
	c.at++
	return true
}

// peek returns the next character that is no space, or 0 at the end.
func (c *foreignBody) peek() byte {
	for ; c.at < len(c.data); c.at++ {
		switch c.data[c.at] {
		case ' ', '\t', '\r', '\n':
		default:
			return c.data[c.at]
		}
	}
	return 0
}
