package html

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// clean takes out of a page what is not its text and returns the page's title.
func clean(root *html.Node) (title string) {
	var body, main *html.Node
	articles := 0
	for n := range root.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case n.DataAtom == atom.Title && title == "" && n.FirstChild != nil && n.Parent.DataAtom == atom.Head:
			title = strings.Join(strings.Fields(n.FirstChild.Data), " ")
		case n.DataAtom == atom.Body && body == nil:
			body = n
		case main == nil && (n.DataAtom == atom.Main || attribute(n, "role") == "main"):
			main = n
		case n.DataAtom == atom.Article:
			articles++
		}
	}
	if body == nil {
		body = root
	}
	remove(root, invisible)
	if main != nil && words(main) == 0 {
		main = nil // filled by a script, or a landmark without content
	}
	if main != nil && main != body {
		main.Parent.RemoveChild(main)
		for child := body.FirstChild; child != nil; child = body.FirstChild {
			body.RemoveChild(child)
		}
		body.AppendChild(main)
	}
	hasContent := main != nil || articles > 0
	remove(root, func(n *html.Node) bool { return boilerplate(n, hasContent) })
	return title
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
		atom.Head, atom.Button, atom.Input, atom.Select, atom.Textarea, atom.Dialog, atom.Audio, atom.Video:
		return true
	}
	for _, a := range n.Attr {
		switch a.Key {
		case "hidden":
			return true
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
		// An article has a header of its own, with its title.
		for p := n.Parent; p != nil; p = p.Parent {
			if p.DataAtom == atom.Article || p.DataAtom == atom.Main || attribute(p, "role") == "main" {
				return n.DataAtom != atom.Header
			}
		}
		return true
	}
	return false
}

func words(n *html.Node) int {
	count := 0
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			count += len(strings.Fields(d.Data))
		}
	}
	return count
}
