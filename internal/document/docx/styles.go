package docx

import (
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/document/bound"
)

// style is what matters here of a paragraph style.
type style struct {
	heading int    // 1 to 6; 0: none
	list    string // numbering that the style brings, or ""
	level   int
	hidden  bool
}

type styleXML struct {
	ID      string  `xml:"styleId,attr"`
	Type    string  `xml:"type,attr"`
	Name    valXML  `xml:"name"`
	BasedOn valXML  `xml:"basedOn"`
	Vanish  *valXML `xml:"rPr>vanish"`
	Outline *valXML `xml:"pPr>outlineLvl"`
	NumID   valXML  `xml:"pPr>numPr>numId"`
	Level   valXML  `xml:"pPr>numPr>ilvl"`
}

type valXML struct {
	Val string `xml:"val,attr"`
}

// maxHeading is the deepest level that Markdown has.
const maxHeading = 6

// readStyles returns the styles by their IDs. Names are English in every
// language of Word; IDs are not.
func readStyles(archive *bound.Archive, name string) (map[string]style, error) {
	var list struct {
		Styles []styleXML `xml:"style"`
	}
	if err := decode(archive, name, &list); err != nil {
		return nil, err
	}
	byID := make(map[string]*styleXML, len(list.Styles))
	for i := range list.Styles {
		byID[list.Styles[i].ID] = &list.Styles[i]
	}
	styles := make(map[string]style, len(list.Styles))
	for id, s := range byID {
		styles[id] = inherited(byID, s)
	}
	return styles, nil
}

// inherited follows what a style is based on, as far as such chains honestly go.
func inherited(byID map[string]*styleXML, s *styleXML) style {
	var out style
	for range 20 {
		if s == nil {
			break
		}
		if out.heading == 0 {
			out.heading = headingOf(s)
		}
		if out.list == "" {
			out.list = s.NumID.Val
			out.level = number(s.Level.Val)
		}
		out.hidden = out.hidden || isOn(s.Vanish)
		s = byID[s.BasedOn.Val]
	}
	return out
}

func headingOf(s *styleXML) int {
	name := strings.ToLower(strings.TrimSpace(s.Name.Val))
	if level, ok := strings.CutPrefix(name, "heading "); ok {
		if n := number(level); n > 0 {
			return min(n, maxHeading)
		}
	}
	if name == "title" {
		return 1
	}
	return headingOfOutline(s.Outline)
}

// headingOfOutline makes a heading of an outline level; 9 is body text.
func headingOfOutline(v *valXML) int {
	if v == nil || v.Val == "" {
		return 0
	}
	if n := number(v.Val); n < 9 {
		return min(n+1, maxHeading)
	}
	return 0
}

func number(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// isOn reads a switch of Word: there without a value means on.
func isOn(v *valXML) bool {
	return v != nil && onValue(v.Val)
}

func onValue(s string) bool { return s != "0" && s != "false" && s != "off" }
