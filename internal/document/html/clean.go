package html

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// clean takes out of a page what is not its text and returns the page's title.
func clean(root *html.Node) (title string) {
	var body *html.Node
	for n := range root.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case n.DataAtom == atom.Title && title == "" && n.FirstChild != nil && n.Parent.DataAtom == atom.Head:
			title = strings.Join(strings.Fields(n.FirstChild.Data), " ")
		case n.DataAtom == atom.Body && body == nil:
			body = n
		}
	}
	if body == nil {
		body = root
	}
	// First of all: what is hidden is not the page's content, whatever it says.
	remove(root, invisible)
	hasContent := keepMain(body)
	remove(root, func(n *html.Node) bool { return boilerplate(n, hasContent) })
	return title
}

// keepMain takes away all but what a page says is its content, and reports
// whether it says so: with articles too, beside which nothing is taken away.
func keepMain(body *html.Node) bool {
	if attribute(body, "role") == "main" {
		return true
	}
	var main []*html.Node
	articles := false
	for n := range body.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case isMain(n):
			// One without words is filled by a script, or a landmark.
			if !within(n, isMain) && hasWords(n) {
				main = append(main, n)
			}
		case n.DataAtom == atom.Article:
			articles = true
		}
	}
	if len(main) == 0 {
		return articles
	}
	for _, n := range main {
		n.Parent.RemoveChild(n)
	}
	for child := body.FirstChild; child != nil; child = body.FirstChild {
		body.RemoveChild(child)
	}
	for _, n := range main {
		body.AppendChild(n)
	}
	return true
}

func isMain(n *html.Node) bool { return n.DataAtom == atom.Main || attribute(n, "role") == "main" }

func isHeading(n *html.Node) bool {
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return true
	}
	return false
}

// within reports whether an element is in one that matches.
func within(n *html.Node, match func(*html.Node) bool) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if match(p) {
			return true
		}
	}
	return false
}

// remove takes away all elements that match, with what is in them.
func remove(root *html.Node, match func(*html.Node) bool) {
	var gone []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.CommentNode || n.Type == html.ElementNode && match(n) {
			gone = append(gone, n)
		}
	}
	for _, n := range gone {
		if n.Parent != nil {
			n.Parent.RemoveChild(n)
		}
	}
}

// invisible is what a browser does not show as text.
func invisible(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Iframe, atom.Object, atom.Embed, atom.Canvas,
		atom.Head, atom.Input, atom.Select, atom.Textarea, atom.Dialog, atom.Audio, atom.Video:
		return true
	case atom.Button:
		// The headings of a page that unfolds are buttons: the questions of a FAQ.
		return !within(n, isHeading)
	case atom.Html, atom.Body:
		return false // which some pages show when their scripts have run
	}
	for _, a := range n.Attr {
		switch a.Key {
		case "hidden":
			return !strings.EqualFold(a.Val, "until-found") // folded, and to be found
		case "style":
			style := strings.ToLower(strings.ReplaceAll(a.Val, " ", ""))
			if strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden") {
				return true
			}
		}
	}
	return false
}

// boilerplate is what every page of a site has: navigation always, and header,
// footer and side columns where the page says where its content is.
func boilerplate(n *html.Node, hasContent bool) bool {
	if n.DataAtom == atom.Nav || attribute(n, "role") == "navigation" {
		return true
	}
	if !hasContent {
		return false
	}
	switch n.DataAtom {
	case atom.Header, atom.Footer, atom.Aside:
		// Content has a header of its own, with its title, and notes and warnings
		// that stand aside from its text.
		return n.DataAtom == atom.Footer || !within(n, func(p *html.Node) bool { return p.DataAtom == atom.Article || isMain(p) })
	}
	return false
}

func hasWords(n *html.Node) bool {
	for d := range n.Descendants() {
		if d.Type == html.TextNode && strings.TrimSpace(d.Data) != "" {
			return true
		}
	}
	return false
}
