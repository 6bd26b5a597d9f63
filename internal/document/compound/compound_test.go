package compound_test

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"

	"github.com/outcrop/outcrop/internal/document/compound"
	"github.com/outcrop/outcrop/internal/fault"
)

func letter(t testing.TB) []byte {
	t.Helper()
	content, err := os.ReadFile("../all/testdata/golden/letter.doc")
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestStreams(t *testing.T) {
	t.Parallel()
	f, err := compound.Open(letter(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"WordDocument": 4096, "\x01CompObj": 106} { // in sectors, and in small ones
		got, err := f.Stream(name)
		if err != nil || len(got) < size || !f.Has(name) {
			t.Errorf("%q: got %d bytes, %v, want at least %d", name, len(got), err, size)
		}
	}
	if got, err := f.Stream("Workbook"); got != nil || err != nil || f.Has("Workbook") {
		t.Errorf("a stream that is not there: got %d bytes, %v", len(got), err)
	}
}

func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	whole := letter(t)
	set := func(offset int, value uint32) []byte {
		c := slices.Clone(whole)
		binary.LittleEndian.PutUint32(c[offset:], value)
		return c
	}
	// Makes the table point from its own first sector to itself.
	circle := slices.Clone(whole)
	table := 512 * (1 + int(binary.LittleEndian.Uint32(whole[76:])))
	directory := binary.LittleEndian.Uint32(whole[48:])
	binary.LittleEndian.PutUint32(circle[table+4*int(directory):], directory)
	for name, content := range map[string][]byte{
		"nothing":                          nil,
		"header only":                      whole[:512],
		"another sector size":              set(30, 3),
		"a table that is not there":        set(76, 0x00ffffff),
		"a directory that is not there":    set(48, 0x00ffffff),
		"a directory that runs in circles": circle,
	} {
		if _, err := compound.Open(content); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}
