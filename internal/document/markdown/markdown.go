// Package markdown reads Markdown, which is kept as it is: its headings, lists
// and tables are what the other formats are turned into.
package markdown

import (
	"regexp"
	"strings"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/text"
)

// MIME of what this package reads.
const MIME = "text/markdown"

// Parse reads a Markdown file; charset is the encoding that the caller declares,
// or "". Of a YAML header only the title stays, as a heading where the text has
// none. Fault: Invalid as text.Parse's.
func Parse(content []byte, charset string) (*document.Text, error) {
	s, note, err := text.Decode(content, charset)
	if err != nil {
		return nil, err
	}
	return text.Of(MIME, withoutHeader(s), note), nil
}

// setting is how the first setting of a header begins.
var setting = regexp.MustCompile(`^["']?[\pL\pN_.-]+["']?[ \t]*:([ \t]|$)`)

// withoutHeader takes the settings away that site generators keep between two
// lines of dashes. Without the second line there are none, nor where text comes
// after the first: then it is a line across the page.
func withoutHeader(s string) string {
	rest, ok := strings.CutPrefix(s, "---\n")
	if !ok {
		return s
	}
	title, begun := "", false
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		trimmed := strings.TrimRight(line, " \t")
		if !begun && !strings.HasPrefix(trimmed, "#") {
			if begun = setting.MatchString(trimmed); !begun {
				return s
			}
		}
		switch {
		case trimmed == "---" || trimmed == "...":
			if title != "" && !strings.HasPrefix(strings.TrimLeft(rest, "\n"), "# ") {
				return "# " + title + "\n\n" + rest
			}
			return rest
		case trimmed == "" && title == "", strings.HasPrefix(trimmed, "#"), strings.HasPrefix(trimmed, " "), strings.HasPrefix(trimmed, "-"):
		case !strings.Contains(trimmed, ":"):
			return s // no settings: the dashes were a line across the page
		default:
			if value, ok := strings.CutPrefix(trimmed, "title:"); ok {
				title = strings.Trim(strings.TrimSpace(value), `"'`)
			}
		}
	}
	return s
}
