package fulltext

import "hash/maphash"

// Dictionary numbers terms from 0 in the order in which they come. It holds no
// pointers for each term, so that hundreds of thousands of them cost the garbage
// collector nothing and little more memory than their letters.
//
// Find is safe for concurrent use while nothing is added.
type Dictionary struct {
	seed    maphash.Seed
	letters []byte   // of all terms, one after the other
	ends    []uint32 // where each term ends in letters
	table   []uint32 // by hash: number+1; 0 is free. Its length is a power of two
}

// NewDictionary returns an empty one.
func NewDictionary() *Dictionary {
	return &Dictionary{seed: maphash.MakeSeed(), table: make([]uint32, 1024)}
}

// Len is how many terms there are.
func (d *Dictionary) Len() int { return len(d.ends) }

// Term returns the term of a number below Len. It must not be changed.
func (d *Dictionary) Term(number uint32) []byte {
	start := uint32(0)
	if number > 0 {
		start = d.ends[number-1]
	}
	return d.letters[start:d.ends[number]:d.ends[number]]
}

// Find returns the number of a term.
func (d *Dictionary) Find(term []byte) (number uint32, found bool) {
	at := d.place(term)
	if d.table[at] == 0 {
		return 0, false
	}
	return d.table[at] - 1, true
}

// Add returns the number of a term, which is the next one when it is new.
func (d *Dictionary) Add(term []byte) (number uint32, isNew bool) {
	at := d.place(term)
	if d.table[at] != 0 {
		return d.table[at] - 1, false
	}
	number = uint32(len(d.ends))
	d.letters = append(d.letters, term...)
	d.ends = append(d.ends, uint32(len(d.letters)))
	d.table[at] = number + 1
	if 4*len(d.ends) > 3*len(d.table) {
		d.grow()
	}
	return number, true
}

// place is where a term is in the table, or where it would be.
func (d *Dictionary) place(term []byte) int {
	mask := len(d.table) - 1
	at := int(maphash.Bytes(d.seed, term)) & mask
	for d.table[at] != 0 && string(d.Term(d.table[at]-1)) != string(term) {
		at = (at + 1) & mask
	}
	return at
}

func (d *Dictionary) grow() {
	d.table = make([]uint32, 2*len(d.table))
	for number := range d.ends {
		d.table[d.place(d.Term(uint32(number)))] = uint32(number) + 1
	}
}

// Bytes is the memory in use.
func (d *Dictionary) Bytes() int64 {
	return int64(cap(d.letters)) + 4*int64(cap(d.ends)) + 4*int64(len(d.table))
}
