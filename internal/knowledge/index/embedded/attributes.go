package embedded

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/vector/bitmap"
)

// attributes are the metadata of all slots, by key: a filter looks at each
// different value of a key once, and at each slot for a few nanoseconds.
type attributes struct {
	columns map[string]*column
}

// column has for each slot which of the key's values it has: its number plus
// one, or 0 for none. Slots without the key for long take no room.
type column struct {
	numbers map[string]uint32 // of the values, by their packed form
	values  []string          // packed
	pages   [][]uint32        // of columnPage slots, or nil
}

const columnPage = 1024

func newAttributes() *attributes { return &attributes{columns: map[string]*column{}} }

// assignment is a value of a key, found or made once for many slots.
type assignment struct {
	column *column
	number uint32
}

// resolve returns what set needs.
func (a *attributes) resolve(dst []assignment, m knowledge.Metadata) []assignment {
	for key, value := range m {
		text, ok := pack(value)
		if !ok {
			continue
		}
		c := a.columns[key]
		if c == nil {
			c = &column{numbers: map[string]uint32{}}
			a.columns[strings.Clone(key)] = c
		}
		number, found := c.numbers[text]
		if !found {
			c.values = append(c.values, text)
			number = uint32(len(c.values))
			c.numbers[text] = number
		}
		dst = append(dst, assignment{c, number})
	}
	return dst
}

// set gives a slot values, over those that it has.
func (a *attributes) set(slot int, values []assignment) {
	for _, v := range values {
		v.column.set(slot, v.number)
	}
}

// remove takes all values from the slots of a document. It goes through each
// key once, of which there may be ten thousands.
func (a *attributes) remove(s span) {
	end := s.first + s.count
	for _, c := range a.columns {
		for p := s.first / columnPage; p < len(c.pages) && p*columnPage < end; p++ {
			if page := c.pages[p]; page != nil {
				clear(page[max(s.first-p*columnPage, 0):min(end-p*columnPage, columnPage)])
			}
		}
	}
}

func (c *column) set(slot int, number uint32) {
	p := slot / columnPage
	for p >= len(c.pages) {
		c.pages = append(c.pages, nil)
	}
	if c.pages[p] == nil {
		c.pages[p] = make([]uint32, columnPage)
	}
	c.pages[p][slot%columnPage] = number
}

// matching adds the slots to dst whose value passes. Those without the key do
// not.
func (c *column) matching(dst bitmap.Set, test func(packed string) bool) {
	passes := make([]bool, len(c.values)+1)
	some := false
	for i, v := range c.values {
		passes[i+1] = test(v)
		some = some || passes[i+1]
	}
	if some {
		c.collect(dst, func(number uint32) bool { return passes[number] })
	}
}

// equal adds the slots to dst that have exactly this value.
func (c *column) equal(dst bitmap.Set, packed string) {
	if want, found := c.numbers[packed]; found {
		c.collect(dst, func(number uint32) bool { return number == want })
	}
}

func (c *column) collect(dst bitmap.Set, test func(number uint32) bool) {
	const words = columnPage / 64
	for p, page := range c.pages {
		if page == nil {
			continue
		}
		for w := range words {
			at := p*words + w
			if at >= len(dst) {
				return
			}
			bits := uint64(0)
			for i, number := range page[w*64 : w*64+64] {
				if test(number) {
					bits |= 1 << i
				}
			}
			dst[at] |= bits
		}
	}
}

// bytes is about the memory in use.
func (a *attributes) bytes() int64 {
	n := int64(0)
	for key, c := range a.columns {
		n += int64(len(key)) + 128
		for _, v := range c.values {
			const entry = 2*16 + 4 + 8 // in the map and in the list, with what is free in the map
			n += int64(len(v)) + entry
		}
		n += 24 * int64(cap(c.pages))
		for _, page := range c.pages {
			n += 4 * int64(len(page))
		}
	}
	return n
}

// The packed form of a value is a letter for its type and then the value, such
// that equal values, and only they, are equal.
const (
	packedString = 's'
	packedNumber = 'n'
	packedBool   = 'b'
	packedList   = 'l'
)

func pack(v knowledge.Value) (text string, ok bool) {
	switch v := v.Any().(type) {
	case string:
		return string(packedString) + v, true
	case float64:
		if v == 0 {
			v = 0 // also the negative one
		}
		var b [9]byte
		b[0] = packedNumber
		binary.BigEndian.PutUint64(b[1:], math.Float64bits(v))
		return string(b[:]), true
	case bool:
		if v {
			return string(packedBool) + "1", true
		}
		return string(packedBool) + "0", true
	case []string:
		b := []byte{packedList}
		for _, member := range v {
			b = binary.AppendUvarint(b, uint64(len(member)))
			b = append(b, member...)
		}
		return string(b), true
	}
	return "", false
}

func unpackNumber(packed string) (float64, bool) {
	if packed[0] != packedNumber {
		return 0, false
	}
	return math.Float64frombits(binary.BigEndian.Uint64([]byte(packed[1:]))), true
}

func unpackString(packed string) (string, bool) {
	return packed[1:], packed[0] == packedString
}

// anyMember reports whether a member of the packed list passes; not when it is
// no list.
func anyMember(packed string, test func(member string) bool) bool {
	if packed[0] != packedList {
		return false
	}
	for rest := packed[1:]; rest != ""; {
		size, n := uvarint(rest)
		member := rest[n : n+size]
		if test(member) {
			return true
		}
		rest = rest[n+size:]
	}
	return false
}

// uvarint is binary.Uvarint of a string that pack made.
func uvarint(s string) (value, n int) {
	for shift := 0; ; shift += 7 {
		c := s[n]
		n++
		value |= int(c&0x7f) << shift
		if c < 0x80 {
			return value, n
		}
	}
}
