package fulltext

import "encoding/binary"

// postings are, for each term, the texts that have it in ascending order, and
// how often. A posting is a varint: the distance from the text before, doubled,
// plus 1 where the term is there once; else how often follows as another varint.
// No posting begins with a zero byte.
//
// The bytes are in pieces that double in size as a term's list grows, cut from
// large pages: there are no pointers for each list, and appending moves nothing.
type postings struct {
	pages [][]byte
	used  int // of the last page, bytes
	lists []list
}

// list is where the postings of one term are.
type list struct {
	first uint32 // address of the first piece
	at    uint32 // address to write at
	last  uint32 // the last text, plus 1; 0: there is none
	live  uint32 // texts that were not removed
	left  uint16 // room in the last piece, bytes
	level uint8  // of the last piece
}

// The first piece of a list is of level 0, the next of level 1, and so on up to
// lastLevel. A piece ends in the address of the next.
const (
	pageBits  = 20
	pageSize  = 1 << pageBits
	firstSize = 16 // bytes; any posting fits in
	lastLevel = 8
	linkSize  = 4
)

func pieceSize(level uint8) uint32 { return firstSize << level }

// cut takes a piece from the last page, or from a new one.
func (p *postings) cut(level uint8) (address uint32) {
	size := int(pieceSize(level))
	if len(p.pages) == 0 || p.used+size > pageSize {
		p.pages = append(p.pages, make([]byte, pageSize))
		p.used = 0
	}
	address = uint32(len(p.pages)-1)<<pageBits | uint32(p.used)
	p.used += size
	return address
}

// at returns the page's bytes from an address on.
func (p *postings) at(address uint32) []byte {
	return p.pages[address>>pageBits][address&(pageSize-1):]
}

// add appends a posting to a term's list.
func (p *postings) add(term, text, count uint32) {
	for int(term) >= len(p.lists) {
		p.lists = append(p.lists, list{})
	}
	l := &p.lists[term]
	var posting [2 * binary.MaxVarintLen32]byte
	var n int
	if distance := uint64(text+1-l.last) << 1; count == 1 {
		n = binary.PutUvarint(posting[:], distance|1)
	} else {
		n = binary.PutUvarint(posting[:], distance)
		n += binary.PutUvarint(posting[n:], uint64(count))
	}
	switch {
	case l.last == 0:
		l.first = p.cut(0)
		l.at, l.left = l.first, firstSize-linkSize
	case int(l.left) < n:
		level := min(l.level+1, lastLevel)
		next := p.cut(level)
		binary.LittleEndian.PutUint32(p.at(l.at+uint32(l.left)), next)
		l.at, l.left, l.level = next, uint16(pieceSize(level)-linkSize), level
	}
	copy(p.at(l.at), posting[:n])
	l.at += uint32(n)
	l.left -= uint16(n)
	l.last = text + 1
	l.live++
}

// each calls f for the postings of a term, removed texts included.
func (p *postings) each(term uint32, f func(text, count uint32)) {
	if int(term) >= len(p.lists) || p.lists[term].last == 0 {
		return
	}
	l := &p.lists[term]
	next := uint32(0) // the text that comes, plus 1, is this plus a distance
	piece := l.first
	for level := uint8(0); ; level = min(level+1, lastLevel) {
		size := pieceSize(level)
		data := p.at(piece)[:size]
		for i := 0; i < int(size-linkSize); {
			b := uint64(data[i])
			if b == 0 {
				break
			}
			i++
			if b >= 0x80 {
				b &= 0x7f
				for shift := 7; ; shift += 7 {
					c := data[i]
					i++
					b |= uint64(c&0x7f) << shift
					if c < 0x80 {
						break
					}
				}
			}
			next += uint32(b >> 1)
			count := uint64(1)
			if b&1 == 0 {
				var n int
				count, n = binary.Uvarint(data[i:])
				i += n
			}
			f(next-1, uint32(count))
		}
		if next == l.last {
			return
		}
		piece = binary.LittleEndian.Uint32(data[size-linkSize:])
	}
}

// bytes is the memory in use.
func (p *postings) bytes() int64 {
	const listSize = 20
	return int64(len(p.pages))*pageSize + int64(cap(p.lists))*listSize
}
