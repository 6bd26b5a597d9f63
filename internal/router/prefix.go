package router

import (
	"bytes"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router/failover"
)

// Prefix is made from what all turns of a conversation begin with: the model, the
// tools, the system prompt and the first message. It is what a server's cache of
// prompts can have kept of the last turn.
func Prefix(req *inference.Request) uint64 {
	var k failover.Key
	k.Text(req.Model)
	for i := range req.Tools {
		k.Text(req.Tools[i].Name)
		k.Bytes(req.Tools[i].Schema)
	}
	parts(&k, req.System)
	if len(req.Messages) > 0 {
		parts(&k, req.Messages[0].Parts)
	}
	return k.Sum()
}

func parts(k *failover.Key, list []inference.Part) {
	k.Number(uint64(len(list)))
	for _, p := range list {
		switch p := p.(type) {
		case inference.Text:
			k.Text(p.Text)
		case inference.Guarded:
			k.Text(p.Text)
		case inference.Image:
			k.Bytes(p.Bytes)
			k.Text(p.URL)
		case inference.Document:
			k.Text(p.Name)
			k.Bytes(p.Bytes)
			k.Text(p.Text)
			k.Text(p.URL)
		case inference.ToolResult:
			parts(k, p.Content)
		}
	}
}

// prefixOfBody is Prefix for a native body: of the members that formats have for
// the beginning. It reads no further than it must and takes what is no JSON for
// nothing; ok is false where it finds no conversation.
func prefixOfBody(body []byte) (key uint64, ok bool) {
	var k failover.Key
	members(body, func(name, value []byte) {
		switch string(name) {
		case "system", "tools", "toolConfig", "system_prompt", "preamble":
			k.Bytes(name)
			k.Bytes(value)
		case "messages":
			if first := element(value); first != nil {
				ok = true
				k.Bytes(first)
			}
		}
	})
	return k.Sum(), ok
}

// members calls f with the members of a JSON object.
func members(text []byte, f func(name, value []byte)) {
	text = space(text)
	if len(text) == 0 || text[0] != '{' {
		return
	}
	for text = space(text[1:]); len(text) > 0 && text[0] == '"'; {
		n := value(text)
		name := text[:n]
		if text = space(text[n:]); len(name) < 2 || len(text) == 0 || text[0] != ':' {
			return
		}
		text = space(text[1:])
		n = value(text)
		f(name[1:len(name)-1], text[:n])
		if text = space(text[n:]); len(text) == 0 || text[0] != ',' {
			return
		}
		text = space(text[1:])
	}
}

// element is the first one of a JSON array.
func element(text []byte) []byte {
	if len(text) == 0 || text[0] != '[' {
		return nil
	}
	text = space(text[1:])
	return text[:value(text)]
}

func space(text []byte) []byte { return bytes.TrimLeft(text, " \t\r\n") }

// value is the length of the JSON value at the beginning of text, or of text when
// it does not end.
func value(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if i >= len(text) {
				return len(text)
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			continue
		default: // of a number or a word, which ends before what follows it
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}
