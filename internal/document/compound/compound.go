// Package compound opens compound files, the containers of the Office formats
// up to 2003: a small file system of sectors and chains.
//
// It reads the streams of the root and nothing below it. Chains that run in
// circles or beyond the file end with a fault.
package compound

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"

	"github.com/outcrop/outcrop/internal/fault"
)

// Magic is what compound files begin with.
const Magic = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

// Marks in the allocation table.
const (
	endOfChain = 0xfffffffe
	lastSector = 0xfffffffa // numbers from here on are marks
)

// File is a compound file.
type File struct {
	content    []byte
	sectorSize int
	table      []uint32 // the sector that follows each sector
	mini       []uint32 // the same for the small ones
	miniStream []byte
	cutoff     uint32 // streams below this size are in small sectors
	entries    []entry
}

type entry struct {
	name               string
	kind               byte
	left, right, child uint32
	start              uint32
	size               uint64
}

const (
	headerSize = 512
	entrySize  = 128
	miniSize   = 64
	inHeader   = 109 // sectors of the table that the header names

	kindStream = 2
	kindRoot   = 5
)

// Open reads the directory of a file. Fault: Invalid when it is damaged.
func Open(content []byte) (*File, error) {
	if len(content) < headerSize || !bytes.HasPrefix(content, []byte(Magic)) {
		return nil, damaged()
	}
	shift := binary.LittleEndian.Uint16(content[30:])
	if shift != 9 && shift != 12 {
		return nil, damaged()
	}
	f := &File{content: content, sectorSize: 1 << shift, cutoff: binary.LittleEndian.Uint32(content[56:])}
	if err := f.readTable(); err != nil {
		return nil, err
	}
	directory, err := f.chain(binary.LittleEndian.Uint32(content[48:]))
	if err != nil {
		return nil, err
	}
	for ; len(directory) >= entrySize; directory = directory[entrySize:] {
		f.entries = append(f.entries, readEntry(directory[:entrySize]))
	}
	if len(f.entries) == 0 || f.entries[0].kind != kindRoot {
		return nil, damaged()
	}
	if start := binary.LittleEndian.Uint32(content[60:]); start < lastSector {
		raw, err := f.chain(start)
		if err != nil {
			return nil, err
		}
		f.mini = numbers(raw)
		if f.miniStream, err = f.chain(f.entries[0].start); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func damaged() error { return fault.New(fault.Invalid, "The file is damaged or truncated.") }

func readEntry(raw []byte) entry {
	length := int(binary.LittleEndian.Uint16(raw[64:]))
	units := make([]uint16, 0, 32)
	for i := 0; i+2 < length && i < 62; i += 2 {
		units = append(units, binary.LittleEndian.Uint16(raw[i:]))
	}
	return entry{
		name: string(utf16.Decode(units)), kind: raw[66],
		left: binary.LittleEndian.Uint32(raw[68:]), right: binary.LittleEndian.Uint32(raw[72:]), child: binary.LittleEndian.Uint32(raw[76:]),
		start: binary.LittleEndian.Uint32(raw[116:]), size: uint64(binary.LittleEndian.Uint32(raw[120:])),
	}
}

func numbers(raw []byte) []uint32 {
	out := make([]uint32, len(raw)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return out
}

// sector returns a sector; the last one of a file may be short.
func (f *File) sector(n uint32) []byte {
	start := (int64(n) + 1) * int64(f.sectorSize)
	if start >= int64(len(f.content)) {
		return nil
	}
	return f.content[start:min(start+int64(f.sectorSize), int64(len(f.content)))]
}

// readTable collects the allocation table from the sectors that the header
// names, and those that these name.
func (f *File) readTable() error {
	limit := len(f.content)/f.sectorSize + 1
	sectors := numbers(f.content[76 : 76+4*inHeader])
	next := binary.LittleEndian.Uint32(f.content[68:])
	for range limit {
		if next >= lastSector {
			break
		}
		more := numbers(f.sector(next))
		if len(more) < 2 {
			return damaged()
		}
		sectors = append(sectors, more[:len(more)-1]...)
		next = more[len(more)-1]
	}
	for _, n := range sectors {
		if n >= lastSector {
			continue
		}
		raw := f.sector(n)
		if raw == nil {
			return damaged()
		}
		if f.table = append(f.table, numbers(raw)...); len(f.table) > limit+f.sectorSize {
			break // more than there are sectors
		}
	}
	return nil
}

// chain returns the content of a chain of sectors.
func (f *File) chain(n uint32) ([]byte, error) {
	var out []byte
	for range len(f.table) + 1 {
		if n == endOfChain {
			return out, nil
		}
		sector := f.sector(n)
		if sector == nil || int64(n) >= int64(len(f.table)) {
			return nil, damaged()
		}
		out = append(out, sector...)
		n = f.table[n]
	}
	return nil, damaged() // a circle
}

// miniChain returns the content of a chain of small sectors.
func (f *File) miniChain(n uint32) ([]byte, error) {
	var out []byte
	for range len(f.mini) + 1 {
		if n == endOfChain {
			return out, nil
		}
		start := int64(n) * miniSize
		if int64(n) >= int64(len(f.mini)) || start+miniSize > int64(len(f.miniStream)) {
			return nil, damaged()
		}
		out = append(out, f.miniStream[start:start+miniSize]...)
		n = f.mini[n]
	}
	return nil, damaged()
}

// Stream returns the content of a stream of the root, or nil when there is none
// of the name. Fault: Invalid when it is damaged.
func (f *File) Stream(name string) ([]byte, error) {
	e := f.find(name)
	if e == nil {
		return nil, nil
	}
	if e.size == 0 {
		return []byte{}, nil
	}
	read := f.chain
	if e.size < uint64(f.cutoff) {
		read = f.miniChain
	}
	out, err := read(e.start)
	if err != nil {
		return nil, err
	}
	if uint64(len(out)) < e.size {
		return nil, damaged()
	}
	return out[:e.size], nil
}

// Has reports whether the root has a stream of the name.
func (f *File) Has(name string) bool { return f.find(name) != nil }

// find looks through the tree of the root's entries.
func (f *File) find(name string) *entry {
	stack := []uint32{f.entries[0].child}
	for range 2*len(f.entries) + 1 {
		if len(stack) == 0 {
			return nil
		}
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if int64(n) >= int64(len(f.entries)) {
			continue
		}
		e := &f.entries[n]
		if e.kind == kindStream && e.name == name {
			return e
		}
		stack = append(stack, e.left, e.right)
	}
	return nil
}
