package scripted

import (
	"encoding/json"
	"unicode"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// How the tokens of a script are counted. docs/SCRIPTED.md says so too: people
// write the numbers into their tests.
const (
	tokenRunes    = 12  // of a word with the white space before it that one token takes
	imageTokens   = 256 // of an image, whatever its size
	mediaTokens   = 1024
	documentBytes = 4 // of a file that one token takes
)

// tokens cuts a text: a token is a word with the white space before it, and of a
// longer one each piece of tokenRunes. Joined, they are the text.
func tokens(text string) []string {
	var out []string
	start, runes, inWord := 0, 0, false
	for i, r := range text {
		space := unicode.IsSpace(r)
		if i > start && (space && inWord || runes == tokenRunes) {
			out = append(out, text[start:i])
			start, runes = i, 0
		}
		inWord = !space
		runes++
	}
	if start < len(text) {
		out = append(out, text[start:])
	}
	return out
}

// countText is the number of tokens of a text.
func countText(text string) int {
	n, runes, inWord := 0, 0, false
	for _, r := range text {
		space := unicode.IsSpace(r)
		if runes == 0 || space && inWord || runes == tokenRunes {
			n, runes = n+1, 0
		}
		inWord = !space
		runes++
	}
	return n
}

// countRequest is the number of input tokens of a request: those of its texts,
// one for each message, and what tools and media take. It refuses parts that
// nobody knows.
func countRequest(req *inference.Request) (int, error) {
	n := len(req.Messages)
	count := func(parts []inference.Part) error {
		for _, p := range parts {
			one, err := countPart(p)
			if err != nil {
				return err
			}
			n += one
		}
		return nil
	}
	if err := count(req.System); err != nil {
		return 0, err
	}
	for _, m := range req.Messages {
		if err := count(m.Parts); err != nil {
			return 0, err
		}
	}
	for _, t := range req.Tools {
		n += countText(t.Name) + countText(t.Description) + countJSON(t.Schema) + countJSON(t.Config)
	}
	if req.Output != nil {
		n += countJSON(req.Output.Schema)
	}
	if len(req.Messages) == 0 && len(req.System) == 0 && req.Prompt != nil {
		n += countText(req.Prompt.Text)
	}
	return max(n, 1), nil
}

func countPart(p inference.Part) (int, error) {
	switch p := p.(type) {
	case inference.Text:
		return countText(p.Text), nil
	case inference.Guarded:
		return countText(p.Text), nil
	case inference.Cited:
		n := 0
		for _, text := range p.Text {
			n += countText(text)
		}
		return n, nil
	case inference.Reasoning:
		return countText(p.Text) + len(p.Redacted)/documentBytes, nil
	case inference.ToolUse:
		return countText(p.Name) + countJSON(p.Input), nil
	case inference.ToolResult:
		n := 1
		for _, inner := range p.Content {
			one, err := countPart(inner)
			if err != nil {
				return 0, err
			}
			n += one
		}
		return n, nil
	case inference.JSON:
		return countJSON(p.Value), nil
	case inference.SearchResult:
		n := countText(p.Title)
		for _, text := range p.Content {
			n += countText(text)
		}
		return n, nil
	case inference.Image:
		return imageTokens, nil
	case inference.Document:
		n := countText(p.Text) + len(p.Bytes)/documentBytes + 1
		for _, text := range p.Content {
			n += countText(text)
		}
		return n, nil
	case inference.Video, inference.Audio:
		return mediaTokens, nil
	case inference.CachePoint:
		return 0, nil
	}
	return 0, fault.New(fault.Unsupported, "The script that serves this request does not know a part of the kind %T.", p)
}

// countJSON counts JSON text by its length: it has few spaces.
func countJSON(value json.RawMessage) int {
	return (utf8.RuneCount(value) + documentBytes - 1) / documentBytes
}
