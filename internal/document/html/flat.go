package html

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// flat returns the text of a page in one pass over its tags, with a line for
// each block. It keeps no tree, so nothing can be nested too deeply.
func flat(s string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(s))
	silent := atom.Atom(0) // the element whose text is not text
	for {
		switch z.Next() {
		case html.ErrorToken:
			return strings.TrimSpace(b.String())
		case html.TextToken:
			if silent == 0 {
				writeWords(&b, string(z.Text()))
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			switch a := atom.Lookup(name); a {
			case atom.Script, atom.Style, atom.Template, atom.Noscript:
				if silent == 0 {
					silent = a
				}
			default:
				breakLine(&b, a)
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if a == silent {
				silent = 0
			}
			breakLine(&b, a)
		case html.SelfClosingTagToken:
			name, _ := z.TagName()
			breakLine(&b, atom.Lookup(name))
		}
	}
}

// writeWords writes text with single blanks, also between it and what is there.
func writeWords(b *strings.Builder, s string) {
	fields := strings.Fields(s)
	if len(fields) == 0 || startsBlank(s) {
		space(b)
	}
	for i, field := range fields {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(field)
	}
	if len(fields) > 0 && endsBlank(s) {
		space(b)
	}
}

func startsBlank(s string) bool { return s != "" && strings.IndexByte(" \t\r\n\f", s[0]) >= 0 }
func endsBlank(s string) bool   { return s != "" && strings.IndexByte(" \t\r\n\f", s[len(s)-1]) >= 0 }

func space(b *strings.Builder) {
	if s := b.String(); s != "" && !endsBlank(s) {
		b.WriteByte(' ')
	}
}

func breakLine(b *strings.Builder, a atom.Atom) {
	s := b.String()
	if s == "" || strings.HasSuffix(s, "\n\n") {
		return
	}
	switch a {
	case atom.Br, atom.Li, atom.Tr, atom.Dt, atom.Dd:
		if !strings.HasSuffix(s, "\n") {
			b.WriteByte('\n')
		}
	case atom.P, atom.Div, atom.Section, atom.Article, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Table, atom.Ul, atom.Ol, atom.Blockquote, atom.Pre, atom.Title:
		if !strings.HasSuffix(s, "\n") {
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
	case atom.Td, atom.Th:
		space(b)
	}
}
