// Package doc reads documents of Word 97 to 2003: their headings, paragraphs,
// tables and notes as Markdown. The signs and numbers of lists are left out, as
// they are not in the text, and what was deleted with changes tracked is not.
package doc

import (
	"encoding/binary"

	"golang.org/x/text/encoding/charmap"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/compound"
	"github.com/outcrop/outcrop/internal/document/text"
	"github.com/outcrop/outcrop/internal/fault"
)

// MIME of what this package reads.
const MIME = "application/msword"

// Places in the file information block at the beginning of the main stream.
const (
	offsetMagic = 0x00
	offsetFlags = 0x0a
	offsetCount = 0x4c // characters of the text, then of notes, headers and so on
	offsetClx   = 0x1a2
	blockSize   = 0x1aa

	magic         = 0xa5ec
	flagEncrypted = 0x0100
	flagTable1    = 0x0200
)

// Stories that follow each other in a document, in their order; true: read.
var stories = []bool{
	true,  // text
	true,  // footnotes
	false, // headers and footers
	false, // macros
	false, // comments
	true,  // endnotes
	true,  // text boxes
	false, // text boxes in headers
}

// Parse reads a document. Fault: Invalid (damaged, encrypted, older than Word 97).
func Parse(content []byte) (*document.Text, error) {
	file, err := compound.Open(content)
	if err != nil {
		return nil, err
	}
	main, err := file.Stream("WordDocument")
	if err != nil {
		return nil, err
	}
	if len(main) < blockSize || binary.LittleEndian.Uint16(main[offsetMagic:]) != magic {
		return nil, fault.New(fault.Invalid, "The file is damaged, or was written by a Word before 1997.")
	}
	flags := binary.LittleEndian.Uint16(main[offsetFlags:])
	if flags&flagEncrypted != 0 {
		return nil, fault.New(fault.Invalid, "The file is encrypted with a password.")
	}
	name := "0Table"
	if flags&flagTable1 != 0 {
		name = "1Table"
	}
	table, err := file.Stream(name)
	if err != nil {
		return nil, err
	}
	start, length := binary.LittleEndian.Uint32(main[offsetClx:]), binary.LittleEndian.Uint32(main[offsetClx+4:])
	if uint64(start)+uint64(length) > uint64(len(table)) {
		return nil, damaged()
	}
	chars, err := pieces(main, table[start:start+length])
	if err != nil {
		return nil, err
	}
	w := &writer{spans: paragraphs(main, table)}
	for i, read := range stories {
		n := int64(binary.LittleEndian.Uint32(main[offsetCount+4*i:]))
		story := chars[:min(n, int64(len(chars)))]
		chars = chars[len(story):]
		if read {
			w.story(story)
		}
	}
	return text.Of(MIME, w.out.String()), nil
}

func damaged() error {
	return fault.New(fault.Invalid, "The file is damaged: its text cannot be read.")
}

// Parts of the table of pieces.
const (
	partSettings = 1
	partPieces   = 2

	pieceSize     = 8
	flagOneByte   = 1 << 30
	maskOneByte   = flagOneByte - 1
	offsetInPiece = 2
)

// char is a unit of UTF-16, of which all counts in the file are, with its place.
type char struct {
	unit   uint16
	offset uint32
}

// pieces puts the text together from where it is in the file, piece by piece.
func pieces(main, clx []byte) ([]char, error) {
	for len(clx) > 0 && clx[0] == partSettings {
		if len(clx) < 3 {
			return nil, damaged()
		}
		size := 3 + int(binary.LittleEndian.Uint16(clx[1:]))
		if size > len(clx) {
			return nil, damaged()
		}
		clx = clx[size:]
	}
	if len(clx) < 9 || clx[0] != partPieces {
		return nil, damaged()
	}
	list := clx[5:]
	count := (len(list) - 4) / (4 + pieceSize)
	var out []char
	for i := range count {
		from, to := binary.LittleEndian.Uint32(list[4*i:]), binary.LittleEndian.Uint32(list[4*i+4:])
		at := binary.LittleEndian.Uint32(list[4*(count+1)+pieceSize*i+offsetInPiece:])
		start, width := at, uint32(2)
		if at&flagOneByte != 0 {
			start, width = at&maskOneByte/2, 1
		}
		n := int64(to) - int64(from)
		if n < 0 || int64(start)+n*int64(width) > int64(len(main)) {
			return nil, damaged()
		}
		// No honest file has its text twice.
		if int64(len(out))+n > int64(len(main)) {
			return nil, fault.New(fault.Invalid, "The file expands to far more than its size; it is not read.")
		}
		for range n {
			c := char{offset: start}
			if width == 1 {
				c.unit = uint16(charmap.Windows1252.DecodeByte(main[start]))
			} else {
				c.unit = binary.LittleEndian.Uint16(main[start:])
			}
			out = append(out, c)
			start += width
		}
	}
	return out, nil
}
