package docx

import (
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/document/bound"
)

// maxLevels is how deep Word's lists are.
const maxLevels = 9

// numbering knows the document's lists and counts their items.
type numbering struct {
	lists  map[string]*list
	counts map[string]*[maxLevels]int // by abstract numbering: lists that share one count on
}

type list struct {
	abstract string
	levels   [maxLevels]level
}

type level struct {
	format string // "decimal", "bullet", …
	text   string // "%1.%2."
	start  int
}

type levelXML struct {
	Index  string  `xml:"ilvl,attr"`
	Start  *valXML `xml:"start"`
	Format valXML  `xml:"numFmt"`
	Text   valXML  `xml:"lvlText"`
}

// readNumbering returns the numberings of a document; one without any is fine.
func readNumbering(archive *bound.Archive, name string) (*numbering, error) {
	var file struct {
		Abstract []struct {
			ID     string     `xml:"abstractNumId,attr"`
			Levels []levelXML `xml:"lvl"`
		} `xml:"abstractNum"`
		Lists []struct {
			ID        string `xml:"numId,attr"`
			Abstract  valXML `xml:"abstractNumId"`
			Overrides []struct {
				Index string    `xml:"ilvl,attr"`
				Start *valXML   `xml:"startOverride"`
				Level *levelXML `xml:"lvl"`
			} `xml:"lvlOverride"`
		} `xml:"num"`
	}
	if err := decode(archive, name, &file); err != nil {
		return nil, err
	}
	n := &numbering{lists: make(map[string]*list, len(file.Lists)), counts: map[string]*[maxLevels]int{}}
	for _, l := range file.Lists {
		out := &list{abstract: l.Abstract.Val}
		for _, abstract := range file.Abstract {
			if abstract.ID == l.Abstract.Val {
				for _, lvl := range abstract.Levels {
					out.set(lvl)
				}
				break
			}
		}
		for _, override := range l.Overrides {
			// A list that starts anew counts for itself.
			out.abstract = "list " + l.ID
			if override.Level != nil {
				override.Level.Index = override.Index
				out.set(*override.Level)
			}
			if i := number(override.Index); override.Start != nil && i < maxLevels {
				out.levels[i].start = number(override.Start.Val)
			}
		}
		n.lists[l.ID] = out
	}
	return n, nil
}

func (l *list) set(x levelXML) {
	i := number(x.Index)
	if i >= maxLevels {
		return
	}
	l.levels[i] = level{format: x.Format.Val, text: x.Text.Val, start: 1}
	if x.Start != nil {
		l.levels[i].start = number(x.Start.Val)
	}
}

// next returns the label of the next item of a list, such as "1.2." or "-", and
// false for a paragraph that is in none.
func (n *numbering) next(id string, depth int) (string, bool) {
	l := n.lists[id]
	if l == nil || id == "0" || depth >= maxLevels {
		return "", false
	}
	counts := n.counts[l.abstract]
	if counts == nil {
		counts = &[maxLevels]int{}
		for i := range counts {
			counts[i] = l.levels[i].start - 1
		}
		n.counts[l.abstract] = counts
	}
	counts[depth]++
	for i := depth + 1; i < maxLevels; i++ {
		counts[i] = l.levels[i].start - 1
	}
	lvl := l.levels[depth]
	switch lvl.format {
	case "bullet", "":
		return "-", true
	case "none":
		return "", true
	}
	label := lvl.text
	for i := range depth + 1 {
		// A level above that no item has been at counts as at its first.
		label = strings.ReplaceAll(label, "%"+strconv.Itoa(i+1), format(max(counts[i], l.levels[i].start), l.levels[i].format))
	}
	return strings.TrimSpace(label), true
}

func format(n int, how string) string {
	switch how {
	case "lowerLetter":
		return strings.ToLower(letters(n))
	case "upperLetter":
		return letters(n)
	case "lowerRoman":
		return strings.ToLower(roman(n))
	case "upperRoman":
		return roman(n)
	case "bullet", "none":
		return ""
	}
	return strconv.Itoa(n)
}

// letters counts A to Z, AA to ZZ, AAA, as Word does.
func letters(n int) string {
	if n < 1 || n > 26*20 {
		return strconv.Itoa(n)
	}
	return strings.Repeat(string(rune('A'+(n-1)%26)), (n-1)/26+1)
}

func roman(n int) string {
	if n < 1 || n > 3999 {
		return strconv.Itoa(n)
	}
	var b strings.Builder
	for _, digit := range []struct {
		value int
		sign  string
	}{
		{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"},
	} {
		for n >= digit.value {
			b.WriteString(digit.sign)
			n -= digit.value
		}
	}
	return b.String()
}
