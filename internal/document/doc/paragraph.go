package doc

import (
	"encoding/binary"
	"slices"
)

// span is what the settings of a paragraph say, for the bytes from its beginning
// in the file to behind its mark.
type span struct {
	from, to uint32
	heading  int  // 1 to 9; 0: none
	inTable  bool // in a cell
	rowEnd   bool // it is the mark at the end of a row
}

// Places of the settings of paragraphs: a list of pages in the main stream, and
// in each page its paragraphs, with their settings from the end backwards.
const (
	offsetPapx  = 0x102
	pageLength  = 512
	entryLength = 13

	sprmInTable = 0x2416
	sprmRowEnd  = 0x2417
	sprmTable   = 0xd608 // its length is in two bytes
	sprmTabs    = 0xc615 // its length may be a mark

	maxHeadingStyle = 9 // styles 1 to 9 are the headings in every document
)

// paragraphs returns the settings in the order of the file. What is damaged is
// left out: the text can do without.
func paragraphs(main, table []byte) []span {
	start, length := binary.LittleEndian.Uint32(main[offsetPapx:]), binary.LittleEndian.Uint32(main[offsetPapx+4:])
	if uint64(start)+uint64(length) > uint64(len(table)) || length < 4 {
		return nil
	}
	list := table[start : start+length]
	count := (len(list) - 4) / 8
	var spans []span
	for i := range count {
		page := int64(binary.LittleEndian.Uint32(list[4*(count+1)+4*i:])) * pageLength
		if page+pageLength > int64(len(main)) || len(spans) > len(main) {
			continue
		}
		spans = append(spans, readPage(main[page:page+pageLength])...)
	}
	slices.SortStableFunc(spans, func(a, b span) int {
		switch {
		case a.from < b.from:
			return -1
		case a.from > b.from:
			return 1
		}
		return 0
	})
	return spans
}

func readPage(page []byte) []span {
	count := int(page[pageLength-1])
	entries := 4 * (count + 1)
	if entries+entryLength*count > pageLength-1 {
		return nil
	}
	spans := make([]span, 0, count)
	for i := range count {
		s := span{from: binary.LittleEndian.Uint32(page[4*i:]), to: binary.LittleEndian.Uint32(page[4*i+4:])}
		if at := 2 * int(page[entries+entryLength*i]); at > 0 && at+2 < pageLength {
			s.read(page[at:])
		}
		spans = append(spans, s)
	}
	return spans
}

// read takes what matters from the settings of a paragraph.
func (s *span) read(raw []byte) {
	size, at := 2*int(raw[0])-1, 1
	if raw[0] == 0 {
		size, at = 2*int(raw[1]), 2
	}
	if size < 2 || at+size > len(raw) {
		return
	}
	raw = raw[at : at+size]
	if style := binary.LittleEndian.Uint16(raw); style >= 1 && style <= maxHeadingStyle {
		s.heading = int(style)
	}
	for raw = raw[2:]; len(raw) >= 3; {
		code := binary.LittleEndian.Uint16(raw)
		switch code {
		case sprmInTable:
			s.inTable = raw[2] != 0
		case sprmRowEnd:
			s.rowEnd = raw[2] != 0
		}
		n := operand(code, raw[2:])
		if n < 0 || 2+n > len(raw) {
			return
		}
		raw = raw[2+n:]
	}
}

// operand returns how long the operand of a setting is, or -1.
func operand(code uint16, raw []byte) int {
	switch code >> 13 {
	case 0, 1:
		return 1
	case 2, 4, 5:
		return 2
	case 3:
		return 4
	case 7:
		return 3
	}
	switch {
	case code == sprmTable && len(raw) >= 2:
		return 1 + int(binary.LittleEndian.Uint16(raw))
	case code == sprmTabs && raw[0] == 255:
		return -1
	}
	return 1 + int(raw[0])
}

// at returns the settings at a place in the file.
func at(spans []span, offset uint32) span {
	i, found := slices.BinarySearchFunc(spans, offset, func(s span, offset uint32) int {
		switch {
		case s.from < offset:
			return -1
		case s.from > offset:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	if i >= 0 && i < len(spans) && offset < spans[i].to {
		return spans[i]
	}
	return span{}
}
