package html

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/document/table"
)

// Limits of what pages may make of their text.
const (
	maxIndent  = 10  // levels of lists and quotations that are indented
	maxColumns = 100 // of a table, and so of what a cell can span
)

// renderer writes elements as Markdown. Its time and space are linear in the
// page: it goes through it once, and no attribute makes text of its own. Of
// links, pictures and emphasis it keeps the words; addresses and stars say
// nothing to who looks for the text.
type renderer struct {
	out    strings.Builder
	budget *bound.Budget
	err    error // the budget's; nothing is written after it

	breaks int    // line feeds that are due before the next word
	blank  bool   // a blank is due before the next word
	indent string // of each line
	last   string // indent of the line that was written last
	depth  int    // how many levels the indent has
	lists  int    // how many lists the element is in
	marker string // of the item that begins with the next word
	before string // indent of that item's first line
	inLine bool   // headings and cells are one line
}

// blocks are elements that stand for themselves; true: with an empty line
// around them.
var blocks = map[atom.Atom]bool{
	atom.Address: true, atom.Article: true, atom.Aside: true, atom.Blockquote: true, atom.Body: true, atom.Center: true, atom.Details: true,
	atom.Div: true, atom.Dl: true, atom.Fieldset: true, atom.Figcaption: true, atom.Figure: true, atom.Footer: true, atom.Form: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Header: true, atom.Hr: true, atom.Main: true,
	atom.Ol: true, atom.P: true, atom.Pre: true, atom.Section: true, atom.Summary: true, atom.Table: true, atom.Ul: true, atom.Caption: true,
	atom.Menu: true, atom.Dt: true, atom.Dd: false, atom.Li: false, atom.Tr: false, atom.Legend: false, atom.Br: false,
}

// children renders what is in an element. The parser lets no page nest more
// than some hundred elements, so recursion is safe.
func (r *renderer) children(n *html.Node) {
	for c := n.FirstChild; c != nil && r.err == nil; c = c.NextSibling {
		r.node(c)
	}
}

func (r *renderer) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		r.words(n.Data)
		return
	case html.ElementNode:
	default:
		r.children(n)
		return
	}
	apart, isBlock := blocks[n.DataAtom]
	if isBlock {
		r.line(apart && r.lists == 0)
		// What a term means comes in the line below it.
		defer r.line(apart && n.DataAtom != atom.Dt && r.lists == 0)
	}
	switch n.DataAtom {
	case atom.Br, atom.Hr:
	case atom.Img:
		r.words(attribute(n, "alt"))
	case atom.Rt, atom.Rp:
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		r.heading(n)
	case atom.Pre:
		r.preformatted(n)
	case atom.Ul, atom.Ol, atom.Menu:
		r.list(n)
	case atom.Blockquote:
		if r.out.Len() == 0 && !r.inLine {
			r.write("> ") // there is no line feed to bring the sign with it
		}
		r.indented("> ", n)
	case atom.Table:
		r.table(n)
	case atom.Td, atom.Th: // of a table that is only a frame
		r.line(true)
		r.children(n)
		r.line(true)
	default:
		r.children(n)
	}
}

// line ends the line, and leaves an empty one when apart. An item's text stays
// beside its marker.
func (r *renderer) line(apart bool) {
	if r.marker != "" || r.out.Len() == 0 {
		return
	}
	r.blank = r.inLine
	if r.inLine {
		return
	}
	r.breaks = max(r.breaks, 1)
	if apart {
		r.breaks = 2
	}
}

// words writes text with single blanks between words.
func (r *renderer) words(s string) {
	start := -1
	for i, c := range s {
		if !unicode.IsSpace(c) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			r.word(s[start:i])
			start = -1
		}
		r.blank = true
	}
	if start >= 0 {
		r.word(s[start:])
	}
}

func (r *renderer) word(s string) {
	s = strings.ReplaceAll(s, "\u00ad", "")
	if s == "" {
		return
	}
	r.begin()
	r.write(s)
}

// begin writes what is due before a word.
func (r *renderer) begin() {
	indent := r.indent
	if r.marker != "" {
		indent = r.before
	}
	switch {
	case r.breaks > 0:
		if r.breaks > 1 {
			// An empty line belongs to what both of its neighbours are in.
			r.write("\n" + strings.TrimRight(shared(indent, r.last), " "))
		}
		r.write("\n" + indent)
		r.last = r.indent
	case r.blank && r.out.Len() > 0 && r.marker == "":
		r.write(" ")
	}
	r.write(r.marker)
	r.breaks, r.blank, r.marker = 0, false, ""
}

// shared returns what two indents begin with.
func shared(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

func (r *renderer) write(s string) {
	if r.err == nil {
		if r.err = r.budget.Take(len(s)); r.err == nil {
			r.out.WriteString(s)
		}
	}
}

func (r *renderer) heading(n *html.Node) {
	text := r.inside(n)
	if text == "" {
		return
	}
	r.begin()
	if !r.inLine {
		r.write(strings.Repeat("#", int(n.Data[1]-'0')) + " ")
	}
	r.write(text)
}

// inside returns the text of an element as one line.
func (r *renderer) inside(n *html.Node) string {
	in := &renderer{budget: &bound.Budget{}, inLine: true}
	in.children(n)
	return strings.TrimSpace(in.out.String())
}

func (r *renderer) preformatted(n *html.Node) {
	var text strings.Builder
	for c := range n.Descendants() {
		switch {
		case c.Type == html.TextNode:
			text.WriteString(c.Data)
		case c.DataAtom == atom.Br:
			text.WriteByte('\n')
		}
	}
	s := strings.Trim(text.String(), "\n")
	if strings.TrimSpace(s) == "" {
		return
	}
	if r.inLine {
		r.words(s)
		return
	}
	r.begin()
	r.write("```")
	for line := range strings.SplitSeq(s, "\n") {
		r.write("\n" + r.indent + strings.TrimRight(line, " \t"))
	}
	r.write("\n" + r.indent + "```")
}

func (r *renderer) list(n *html.Node) {
	r.lists++
	defer func() { r.lists-- }()
	number, err := strconv.Atoi(attribute(n, "start"))
	if err != nil || number < 0 {
		number = 1
	}
	for c := n.FirstChild; c != nil && r.err == nil; c = c.NextSibling {
		if c.DataAtom != atom.Li {
			r.node(c)
			continue
		}
		r.marker = ""
		r.line(r.lists == 1 && c.PrevSibling == nil)
		if r.inLine {
			r.children(c)
			r.blank = true
			continue
		}
		marker := "- "
		if n.DataAtom == atom.Ol {
			marker = strconv.Itoa(number) + ". "
			number++
		}
		r.marker, r.before = marker, r.indent
		r.indented(strings.Repeat(" ", len(marker)), c)
		r.marker = ""
	}
}

// indented renders an element with something before each of its lines, of which
// the first has the marker that is due.
func (r *renderer) indented(with string, n *html.Node) {
	indent := r.indent
	if r.depth++; r.depth <= maxIndent && !r.inLine {
		r.indent += with
	}
	r.children(n)
	r.indent = indent
	r.depth--
}

// table writes a table, or what is in it where the table is but a frame.
func (r *renderer) table(n *html.Node) {
	rows, caption := tableRows(n)
	if isFrame(n, rows) {
		r.children(n)
		return
	}
	if caption != nil {
		r.words(r.inside(caption))
		r.line(true)
	}
	var cells [][]string
	var held []int // how many rows each column is still taken from above
	for _, row := range rows {
		var line []string
		for _, cell := range row {
			for len(line) < len(held) && held[len(line)] > 0 {
				held[len(line)]--
				line = append(line, "")
			}
			text := r.inside(cell)
			down := span(cell, "rowspan", len(rows))
			for range span(cell, "colspan", maxColumns) {
				if len(line) >= maxColumns {
					break
				}
				for len(held) <= len(line) {
					held = append(held, 0)
				}
				held[len(line)] = down - 1
				line = append(line, text)
				text = ""
			}
			if text != "" {
				line[len(line)-1] += " " + text // beyond the last column
			}
		}
		for c := len(line); c < len(held); c++ {
			held[c] = max(held[c]-1, 0)
		}
		if strings.TrimSpace(strings.Join(line, "")) != "" {
			cells = append(cells, line)
		}
	}
	if len(cells) == 0 {
		return
	}
	if r.inLine {
		for _, line := range cells {
			r.words(strings.Join(line, " ") + " ")
		}
		return
	}
	for i, line := range strings.Split(table.Markdown(cells), "\n") {
		if i == 0 {
			r.begin()
		} else {
			r.write("\n" + r.indent)
		}
		r.write(line)
	}
}

func span(cell *html.Node, name string, limit int) int {
	n, err := strconv.Atoi(strings.TrimSpace(attribute(cell, name)))
	if err != nil {
		return 1
	}
	return max(1, min(n, limit))
}

// tableRows returns the cells of a table by rows, and its caption or nil.
// Tables in its cells are theirs.
func tableRows(n *html.Node) (rows [][]*html.Node, caption *html.Node) {
	for part := n.FirstChild; part != nil; part = part.NextSibling {
		switch part.DataAtom {
		case atom.Caption:
			caption = part
		case atom.Thead, atom.Tbody, atom.Tfoot:
			for row := part.FirstChild; row != nil; row = row.NextSibling {
				if row.DataAtom != atom.Tr {
					continue
				}
				var cells []*html.Node
				for cell := row.FirstChild; cell != nil; cell = cell.NextSibling {
					if cell.DataAtom == atom.Td || cell.DataAtom == atom.Th {
						cells = append(cells, cell)
					}
				}
				rows = append(rows, cells)
			}
		}
	}
	return rows, caption
}

// isFrame reports whether a table only puts things in their places: it says so,
// has one column, or has tables or headings in it.
func isFrame(n *html.Node, rows [][]*html.Node) bool {
	if role := attribute(n, "role"); role == "presentation" || role == "none" {
		return true
	}
	widest := 0
	for _, row := range rows {
		widest = max(widest, len(row))
	}
	if widest < 2 {
		return true
	}
	for d := range n.Descendants() {
		switch d.DataAtom {
		case atom.Table, atom.H1, atom.H2, atom.H3, atom.H4:
			return true
		}
	}
	return false
}
