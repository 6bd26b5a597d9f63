package pdfium

import (
	"testing"
)

// Whatever the system gives: memory that has grown keeps what is in it, is zero
// where it is new, and does not grow beyond its limit.
func TestMemoryGrows(t *testing.T) {
	t.Parallel()
	const most = 64 * pageSize
	memories := map[string]interface {
		Reallocate(size uint64) []byte
		Free()
	}{"heap": &heap{}}
	if m := reserve(most); m != nil {
		memories["pages"] = m
	}
	for name, m := range memories {
		data := m.Reallocate(pageSize)
		data[0], data[pageSize-1] = 1, 2
		for n := 2; n <= 64; n++ {
			if data = m.Reallocate(uint64(n) * pageSize); len(data) != n*pageSize {
				t.Fatalf("%s: got %d bytes, want %d", name, len(data), n*pageSize)
			}
			if data[0] != 1 || data[pageSize-1] != 2 || data[len(data)-1] != 0 {
				t.Fatalf("%s: what was there has changed at %d pages", name, n)
			}
		}
		if name == "pages" && m.Reallocate(most+1) != nil {
			t.Errorf("%s: it grew beyond its limit", name)
		}
		m.Free()
	}
}
