package docx

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/fault"
)

// maxDepth is how deep elements may be nested; Word writes a few dozen.
const maxDepth = 2000

// reader turns one part after the other into text.
type reader struct {
	ctx       context.Context // of the one call that the reader lives for
	archive   *bound.Archive
	budget    *bound.Budget
	styles    map[string]style
	numbering *numbering
}

// flow is a sequence of blocks: the body, a cell, a note.
type flow struct {
	out  strings.Builder
	last block
}

type block int

const (
	nothing block = iota
	paragraphBlock
	itemBlock
)

// add appends a block. Items of a list follow each other without an empty line.
func (f *flow) add(s string, kind block) {
	if f.out.Len() > 0 {
		if f.last == itemBlock && kind == itemBlock {
			f.out.WriteString("\n")
		} else {
			f.out.WriteString("\n\n")
		}
	}
	f.out.WriteString(s)
	f.last = kind
}

// paragraph is one that has begun.
type paragraph struct {
	text    strings.Builder
	style   string
	heading int // outline level of its own, as heading
	list    string
	level   int
	hasList bool
}

// part reads the blocks of a part.
func (r *reader) part(name string) (string, error) {
	from, err := r.archive.Part(name)
	if err != nil || from == nil {
		return "", err
	}
	w := &walker{reader: r, decoder: newDecoder(from), flows: []*flow{{}}}
	if err := w.walk(); err != nil {
		return "", err
	}
	return w.flows[0].out.String(), nil
}

// walker goes through the elements of a part. Its stacks say where it is.
type walker struct {
	*reader

	decoder    *xml.Decoder
	flows      []*flow
	paragraphs []*paragraph
	grids      []*grid
	depth      int
	hidden     bool // the run in progress is hidden
	inRun      bool
	inSettings int // depth of the settings that the walker is in; 0: none
}

// skipped are elements whose text is not the document's: what was deleted or
// moved away, older states, codes of fields, the second of two versions of a
// drawing, and what only the layout needs.
func skipped(name string) bool {
	switch name {
	case "del", "moveFrom", "delText", "delInstrText", "instrText", "Fallback", "rPrChange", "pPrChange", "tblPrChange", "tcPrChange", "trPrChange",
		"sectPrChange", "tblGridChange", "numberingChange", "sectPr", "rt", "tblGrid", "docPartObj", "sdtPr", "sdtEndPr", "binData", "pPrDefault":
		return true
	}
	return false
}

// walk reads to the end of the part.
func (w *walker) walk() error { return w.until(-1) }

// element reads to the end of the element that has begun.
func (w *walker) element() error { return w.until(0) }

// until reads until as many elements are open as when it began, plus depth.
func (w *walker) until(depth int) error {
	for i := 0; ; i++ {
		if i%4096 == 0 && w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		token, err := w.decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return damaged(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if skipped(e.Name.Local) {
				if err := w.decoder.Skip(); err != nil {
					return damaged(err)
				}
				continue
			}
			if w.depth++; w.depth > maxDepth {
				return fault.New(fault.Invalid, "The file is nested too deeply.")
			}
			if err := w.start(e); err != nil {
				return err
			}
		case xml.EndElement:
			if w.depth == depth {
				return nil
			}
			w.depth--
			if err := w.end(e.Name.Local); err != nil {
				return err
			}
		}
	}
}

func (w *walker) start(e xml.StartElement) error {
	if p := w.paragraph(); p != nil && w.inSettings > 0 {
		w.setting(p, e)
		return nil
	}
	switch e.Name.Local {
	case "p":
		w.paragraphs = append(w.paragraphs, &paragraph{})
		w.inRun, w.hidden = false, false
	case "pPr":
		w.inSettings = w.depth
	case "r":
		w.inRun, w.hidden = true, false
	case "vanish":
		w.hidden = w.inRun && onValue(attribute(e, "val"))
	case "rStyle":
		w.hidden = w.hidden || w.styles[attribute(e, "val")].hidden
	case "t":
		return w.text()
	case "tab", "ptab":
		w.write("\t")
	case "br", "cr":
		w.write("\n")
	case "noBreakHyphen":
		w.write("-")
	case "footnoteReference":
		w.write("[^" + attribute(e, "id") + "]")
	case "endnoteReference":
		w.write("[^e" + attribute(e, "id") + "]")
	case "tbl":
		w.grids = append(w.grids, &grid{})
	case "tr":
		if g := w.grid(); g != nil {
			g.rows = append(g.rows, nil)
		}
	case "tc":
		if g := w.grid(); g != nil {
			g.cell, g.span, g.goes = &flow{}, 1, false
			w.flows = append(w.flows, g.cell)
		}
	case "gridSpan":
		if g := w.grid(); g != nil {
			g.span = max(1, min(number(attribute(e, "val")), maxSpan))
		}
	case "vMerge":
		if g := w.grid(); g != nil {
			g.goes = attribute(e, "val") != "restart"
		}
	case "gridBefore":
		if g := w.grid(); g != nil && len(g.rows) > 0 {
			g.rows[len(g.rows)-1] = append(g.rows[len(g.rows)-1], make([]string, min(number(attribute(e, "val")), maxSpan))...)
		}
	}
	return nil
}

func (w *walker) paragraph() *paragraph {
	if len(w.paragraphs) == 0 {
		return nil
	}
	return w.paragraphs[len(w.paragraphs)-1]
}

// setting takes what matters of a paragraph's settings.
func (w *walker) setting(p *paragraph, e xml.StartElement) {
	switch e.Name.Local {
	case "pStyle":
		p.style = attribute(e, "val")
	case "outlineLvl":
		p.heading = headingOfOutline(&valXML{attribute(e, "val")})
	case "numId":
		p.list, p.hasList = attribute(e, "val"), true
	case "ilvl":
		p.level = number(attribute(e, "val"))
	}
}

// text reads the characters of a text element, which has no elements in it.
func (w *walker) text() error {
	for {
		token, err := w.decoder.Token()
		if err != nil {
			return damaged(err)
		}
		switch e := token.(type) {
		case xml.CharData:
			w.write(string(e))
		case xml.StartElement:
			if err := w.decoder.Skip(); err != nil {
				return damaged(err)
			}
		case xml.EndElement:
			w.depth--
			return nil
		}
	}
}

func (w *walker) write(s string) {
	if p := w.paragraph(); p != nil && !w.hidden {
		p.text.WriteString(s)
	}
}

func (w *walker) end(name string) error {
	if w.inSettings > 0 {
		if w.depth < w.inSettings {
			w.inSettings = 0
		}
		return nil
	}
	switch name {
	case "p":
		p := w.paragraph()
		if p == nil {
			return nil
		}
		w.paragraphs = w.paragraphs[:len(w.paragraphs)-1]
		return w.finish(p)
	case "r":
		w.inRun, w.hidden = false, false
	case "tc":
		g := w.grid()
		if g == nil || g.cell == nil {
			return nil
		}
		w.flows = w.flows[:len(w.flows)-1]
		w.finishCell(g)
	case "tbl":
		g := w.grid()
		if g == nil {
			return nil
		}
		w.grids = w.grids[:len(w.grids)-1]
		return w.finishGrid(g)
	}
	return nil
}

// finish adds a paragraph to where it belongs: a text box inside of another
// paragraph comes before that one.
func (w *walker) finish(p *paragraph) error {
	s := strings.TrimSpace(p.text.String())
	st := w.styles[p.style]
	if !p.hasList {
		p.list, p.level = st.list, st.level
	}
	// A heading without text is not one, but a numbered paragraph counts.
	label, inList := w.numbering.next(p.list, p.level)
	if s == "" {
		return nil
	}
	heading := p.heading
	if heading == 0 {
		heading = st.heading
	}
	kind := paragraphBlock
	switch {
	case heading > 0:
		if inList && label != "-" && label != "" {
			s = label + " " + s
		}
		s = strings.Repeat("#", heading) + " " + strings.Join(strings.Fields(s), " ")
	case inList && label != "":
		indent := strings.Repeat("  ", p.level)
		s = indent + label + " " + strings.ReplaceAll(s, "\n", "\n"+indent+"  ")
		kind = itemBlock
	}
	w.flows[len(w.flows)-1].add(s, kind)
	return w.budget.Take(len(s) + 2)
}

// notes returns the foot- and endnotes of a document, each behind its mark.
func (r *reader) notes(main string) (string, error) {
	var out []string
	for _, of := range []struct{ part, element, mark string }{{"footnotes.xml", "footnote", "[^"}, {"endnotes.xml", "endnote", "[^e"}} {
		from, err := r.archive.Part(beside(main, of.part))
		if err != nil {
			return "", err
		}
		if from == nil {
			continue
		}
		decoder := newDecoder(from)
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return "", damaged(err)
			}
			e, ok := token.(xml.StartElement)
			if !ok || e.Name.Local != of.element {
				continue
			}
			w := &walker{reader: r, decoder: decoder, flows: []*flow{{}}}
			if err := w.element(); err != nil {
				return "", err
			}
			// The first ones are the lines that separate notes from the text.
			if kind := attribute(e, "type"); kind != "" && kind != "normal" {
				continue
			}
			if s := w.flows[0].out.String(); s != "" {
				out = append(out, of.mark+attribute(e, "id")+"]: "+s)
			}
		}
	}
	return strings.Join(out, "\n\n"), nil
}
