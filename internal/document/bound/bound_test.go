package bound_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/fault"
)

func archive(t *testing.T, parts map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range parts {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zeros is an archive of one part that expands to so many bytes of nothing. It
// is written piece by piece: the race detector makes much of large slices.
func zeros(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) { return flate.NewWriter(to, flate.BestSpeed) })
	part, err := w.Create("a.xml")
	if err != nil {
		t.Fatal(err)
	}
	for piece := make([]byte, 1<<20); size > 0; size -= len(piece) {
		if _, err := part.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBudget(t *testing.T) {
	t.Parallel()
	var b bound.Budget
	if err := b.Take(bound.MaxText); err != nil {
		t.Errorf("got %v, want all of it", err)
	}
	if err := b.Take(1); !fault.Is(err, fault.Invalid) {
		t.Errorf("one more: got %v, want invalid", err)
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	a, err := bound.Open(archive(t, map[string][]byte{"word/document.xml": []byte("<a/>"), `odd\name.xml`: []byte("<b/>"), "media/x.png": bytes.Repeat([]byte("x"), 1000)}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"word/document.xml": "<a/>", "/word/./document.xml": "<a/>", "odd/name.xml": "<b/>"} {
		part, err := a.Part(name)
		if err != nil || part == nil {
			t.Fatalf("%s: got %v, %v, want a part", name, part, err)
		}
		if got, err := io.ReadAll(part); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"no.xml", "media/x.png"} {
		if part, err := a.Part(name); part != nil || err != nil || a.Has(name) {
			t.Errorf("%s: got %v, %v, want none", name, part, err)
		}
	}
}

func TestBadArchives(t *testing.T) {
	t.Parallel()
	many := make(map[string][]byte, 10_001)
	for i := range 10_001 {
		many[strings.Repeat("x", i%100)+string(rune('a'+i%26))+string(rune(0x100+i))+".xml"] = nil
	}
	good := archive(t, map[string][]byte{"a.xml": bytes.Repeat([]byte("text "), 1000)})
	for name, content := range map[string][]byte{
		"nothing":        nil,
		"no archive":     []byte("PK\x03\x04 and no more"),
		"cut off":        good[:len(good)-30],
		"too many parts": archive(t, many),
		"expands a part": zeros(t, 200<<20),
		"expands":        zeros(t, 40<<20),
	} {
		if _, err := bound.Open(content); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}

// An archive that lies about the sizes of its parts is found out when it is read.
func TestSizesThatLie(t *testing.T) {
	t.Parallel()
	content := zeros(t, 40<<20)
	// The size in the directory entry, 24 bytes behind its mark.
	entry := bytes.LastIndex(content, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(content[entry+24:], 1000)
	a, err := bound.Open(content)
	if err != nil {
		t.Fatal(err)
	}
	part, err := a.Part("a.xml")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, part); !fault.Is(err, fault.Invalid) || n > 64<<10 {
		t.Errorf("got %d bytes, %v, want invalid soon", n, err)
	}
}
