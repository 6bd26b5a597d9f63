// Package html reads web pages: their text as Markdown, without what is around
// it on every page of a site.
//
// A page that is nested deeper than any person would write it is read without
// its structure, in one pass that uses no stack.
package html

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/document/text"
)

// MIME of what this package reads.
const MIME = "text/html"

// Parse reads a page; charset is the encoding that the caller declares, or "",
// which leaves it to the page. Fault: Invalid for what is not text.
func Parse(content []byte, charset string) (*document.Text, error) {
	if charset == "" {
		charset = declared(content)
	}
	s, note, err := text.Decode(content, charset)
	if err != nil {
		return nil, err
	}
	root, err := html.Parse(strings.NewReader(s))
	if err != nil {
		//nolint:nilerr // the parser refuses what is nested too deeply, and nothing else; its text is there all the same
		return text.Of(MIME, flat(s), note, "The page is nested too deeply; its text was taken without its structure."), nil
	}
	title := clean(root)
	r := &renderer{budget: &bound.Budget{}}
	r.children(root)
	if r.err != nil {
		return nil, r.err
	}
	out := strings.TrimSpace(r.out.String())
	if title != "" && !strings.HasPrefix(out, "# ") && out != "" {
		out = "# " + title + "\n\n" + out
	}
	return text.Of(MIME, out, note), nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// prescan is how far into a page its declaration of an encoding is looked for,
// as browsers do, with room for a long comment.
const prescan = 4096

// declared returns the encoding that a page says it is in, or "".
func declared(content []byte) string {
	z := html.NewTokenizer(bytes.NewReader(content[:min(len(content), prescan)]))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			if token.Data == "body" {
				return ""
			}
			if token.Data != "meta" {
				continue
			}
			for _, a := range token.Attr {
				value := strings.ToLower(a.Val)
				if a.Key == "charset" {
					return value
				}
				if _, after, ok := strings.Cut(value, "charset="); ok && a.Key == "content" {
					after, _, _ = strings.Cut(after, ";")
					return strings.Trim(after, ` "'`)
				}
			}
		}
	}
}
