// Package bitmap has sets of small numbers, a bit for each: the slots of an
// index that are alive, or that a filter lets through.
//
// A set is not safe for concurrent use while it changes.
package bitmap

import (
	"iter"
	"math/bits"
)

// Set has bit i of word i/64 set for each member i. What lies beyond its words
// is not a member.
type Set []uint64

// Of returns an empty set with room for the numbers below n.
func Of(n int) Set { return make(Set, (n+63)/64) }

// Full returns the set of all numbers below n.
func Full(n int) Set {
	s := Of(n)
	for i := range s {
		s[i] = ^uint64(0)
	}
	if rest := n % 64; rest != 0 {
		s[len(s)-1] = 1<<rest - 1
	}
	return s
}

// Has reports whether i is a member.
func (s Set) Has(i int) bool {
	return i>>6 < len(s) && s[i>>6]>>(i&63)&1 != 0
}

// With returns the set with i as a member, which is a larger one where it has to
// be, and else the same.
func (s Set) With(i int) Set {
	for i>>6 >= len(s) {
		s = append(s, 0)
	}
	s[i>>6] |= 1 << (i & 63)
	return s
}

// Remove makes i no member.
func (s Set) Remove(i int) {
	if i>>6 < len(s) {
		s[i>>6] &^= 1 << (i & 63)
	}
}

// Count is the number of members.
func (s Set) Count() int {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// And keeps the members that are also of t.
func (s Set) And(t Set) {
	n := min(len(s), len(t))
	for i, word := range t[:n] {
		s[i] &= word
	}
	clear(s[n:])
}

// Or adds those members of t that there is room for.
func (s Set) Or(t Set) {
	for i, word := range t[:min(len(s), len(t))] {
		s[i] |= word
	}
}

// AndNot removes the members of t.
func (s Set) AndNot(t Set) {
	for i, word := range t[:min(len(s), len(t))] {
		s[i] &^= word
	}
}

// All goes through the members in ascending order.
func (s Set) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(i<<6 | bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
