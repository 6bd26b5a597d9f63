// Package html reads web pages: their text as Markdown, without what is around
// it on every page of a site.
//
// A page that is nested deeper than any person would write it is read without
// its structure, in one pass that uses no stack.
package html

import (
	"bytes"
	"strings"

	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/table"
	"golang.org/x/net/html"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/document/text"
	"github.com/outcrop/outcrop/internal/fault"
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
		// The parser refuses what is nested too deeply, and nothing else.
		return text.Of(MIME, flat(s), note, "The page is nested too deeply; its text was taken without its structure."), nil
	}
	title := clean(root)
	out, err := convert(root)
	if err != nil {
		return nil, err
	}
	out = strings.TrimSpace(out)
	if title != "" && !strings.HasPrefix(out, "# ") && out != "" {
		out = "# " + title + "\n\n" + out
	}
	return text.Of(MIME, out, note), nil
}

func convert(root *html.Node) (string, error) {
	conv := converter.NewConverter(
		converter.WithPlugins(
			base.NewBasePlugin(),
			commonmark.NewCommonmarkPlugin(),
			table.NewTablePlugin(table.WithHeaderPromotion(true), table.WithSkipEmptyRows(true),
				table.WithNewlineBehavior(table.NewlineBehaviorPreserve), table.WithCellPaddingBehavior(table.CellPaddingBehaviorMinimal)),
		),
		// Backslashes before stars and dots would only be in the way of search.
		converter.WithEscapeMode(converter.EscapeModeDisabled),
	)
	// Of links and pictures the words are kept: addresses say nothing to a
	// reader of the text, and pictures may be inside of theirs.
	conv.Register.RendererFor("a", converter.TagTypeInline, renderChildren, converter.PriorityEarly)
	conv.Register.RendererFor("img", converter.TagTypeInline, renderAlternative, converter.PriorityEarly)
	out, err := conv.ConvertNode(root)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "The page cannot be read.")
	}
	if err := new(bound.Budget).Take(len(out)); err != nil {
		return "", err
	}
	return string(bytes.ReplaceAll(out, []byte("<br />"), []byte(" "))), nil
}

func renderChildren(ctx converter.Context, w converter.Writer, n *html.Node) converter.RenderStatus {
	ctx.RenderChildNodes(ctx, w, n)
	return converter.RenderSuccess
}

func renderAlternative(_ converter.Context, w converter.Writer, n *html.Node) converter.RenderStatus {
	_, _ = w.WriteString(strings.TrimSpace(attribute(n, "alt")))
	return converter.RenderSuccess
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
