package serving

import (
	"bytes"

	"github.com/outcrop/outcrop/internal/inference"
)

// mediumTokens is what an image counts before it is looked at, and what a file
// counts of which only the address is known.
const mediumTokens = 1600

// bytesInFile is how many bytes of a packed file (PDF, office) are a token.
const bytesInFile = 32

// inputTokens estimates the tokens of a request without reading it.
func inputTokens(req *inference.Request) int {
	var s size
	if req.Prompt != nil {
		s.text += len(req.Prompt.Text)
	} else {
		s.add(req.System)
		for i := range req.Messages {
			s.add(req.Messages[i].Parts)
		}
	}
	for i := range req.Tools {
		t := &req.Tools[i]
		s.text += len(t.Name) + len(t.Description) + len(t.Schema) + len(t.Config)
	}
	if req.Output != nil {
		s.text += len(req.Output.Name) + len(req.Output.Description) + len(req.Output.Schema)
	}
	return estimate(s.text) + s.tokens
}

// size is how much there is to read: bytes of text, and tokens of everything
// else.
type size struct{ text, tokens int }

func (s *size) add(parts []inference.Part) {
	for _, p := range parts {
		switch p := p.(type) {
		case inference.Text:
			s.text += len(p.Text)
		case inference.Guarded:
			s.text += len(p.Text)
		case inference.JSON:
			s.text += len(p.Value)
		case inference.ToolUse:
			s.text += len(p.Name) + len(p.Input)
		case inference.ToolResult:
			s.add(p.Content)
		case inference.Reasoning:
			s.text += len(p.Text) + len(p.Redacted)
		case inference.Cited:
			s.texts(p.Text)
		case inference.SearchResult:
			s.text += len(p.Source) + len(p.Title)
			s.texts(p.Content)
		case inference.Document:
			s.document(&p)
		case inference.Image:
			s.tokens += mediumTokens
		case inference.Video:
			s.medium(p.Bytes)
		case inference.Audio:
			s.medium(p.Bytes)
		}
	}
}

func (s *size) texts(texts []string) {
	for _, text := range texts {
		s.text += len(text)
	}
}

func (s *size) document(d *inference.Document) {
	s.text += len(d.Name) + len(d.Context) + len(d.Text)
	s.texts(d.Content)
	switch d.Format {
	case "csv", "html", "txt", "md":
		s.text += len(d.Bytes)
	default:
		s.tokens += len(d.Bytes) / bytesInFile
	}
	if d.URL != "" {
		s.tokens += mediumTokens
	}
}

// medium counts a film or a recording.
func (s *size) medium(b []byte) { s.tokens += max(mediumTokens, len(b)/1024) }

func textTokens(texts []string) int {
	n := 0
	for _, text := range texts {
		n += estimate(len(text))
	}
	return n
}

// longWord is how long a text of a native body is before it is taken for the
// encoded bytes of an image or a file, if it has no blank at its beginning.
const longWord = 8 << 10

// bodyTokens estimates the tokens of a native body. It looks for the ends of
// texts alone.
func bodyTokens(body []byte) int {
	text, tokens := len(body), 0
	for {
		_, rest, ok := bytes.Cut(body, []byte{'"'})
		if !ok {
			return estimate(text) + tokens
		}
		end := bytes.IndexAny(rest[:min(len(rest), longWord)], "\"\\ \n")
		if end < 0 && len(rest) > longWord {
			n := bytes.IndexByte(rest, '"')
			if n < 0 {
				n = len(rest)
			}
			text -= n
			tokens += max(mediumTokens, n*3/4/1024)
			body = rest[min(n+1, len(rest)):]
			continue
		}
		body = rest[ending(rest):]
	}
}

// ending is where what follows a text begins.
func ending(text []byte) int {
	for i := 0; i < len(text); i++ {
		n := bytes.IndexAny(text[i:], `"\\`)
		if n < 0 {
			return len(text)
		}
		if i += n; text[i] == '"' {
			return i + 1
		}
		i++ // what is escaped
	}
	return len(text)
}

// mosts are the names that formats have for how many tokens may be made. As they
// are written here they cannot stand in a text, where quotes are escaped.
var mosts = [...]string{ //nolint:gochecknoglobals // a constant table
	`"max_tokens"`, `"max_completion_tokens"`, `"max_gen_len"`, `"maxTokens"`, `"max_new_tokens"`, `"maxTokenCount"`, `"max_tokens_to_sample"`,
}

// mostInBody finds how many tokens a native body lets a model make; 0 where it
// does not say.
func mostInBody(body []byte) int {
	for _, name := range mosts {
		i := bytes.Index(body, []byte(name))
		if i < 0 {
			continue
		}
		rest := bytes.TrimLeft(body[i+len(name):], " \t\r\n")
		if len(rest) == 0 || rest[0] != ':' {
			continue
		}
		n := 0
		for _, digit := range bytes.TrimLeft(rest[1:], " \t\r\n") {
			if digit < '0' || digit > '9' || n > 1<<24 {
				break
			}
			n = 10*n + int(digit-'0')
		}
		if n > 0 {
			return n
		}
	}
	return 0
}

// estimate is about a token for four bytes of text, and never nothing.
func estimate(bytes int) int { return bytes/4 + 1 }
