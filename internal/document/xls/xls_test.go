package xls

import (
	"bytes"
	"os"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
)

// small is a workbook that another program wrote; what it must give is held in
// the golden files of package all.
func small(t testing.TB) []byte {
	t.Helper()
	content, err := os.ReadFile("../all/testdata/golden/small.xls")
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// A string that goes on in the next record says there anew how wide it is.
func TestStringsInSeveralRecords(t *testing.T) {
	t.Parallel()
	r := &reader{parts: [][]byte{
		{5, 0, 0, 'W', 'o'},
		{1, 'r', 0, 't', 0, 0xd4, 0x8f}, // the rest of it, in two bytes each
		{2, 0, flagRich, 1, 0, 'a', 'b', 0, 0, 0, 0, 1, 0, flagPhonetic, 3, 0, 0, 0, 'c', 9},
		{9, 9, 1, 0, 0, 'd'},
	}}
	for _, want := range []string{"Wort返", "ab", "c", "d"} {
		if got := r.long(); got != want || r.failed {
			t.Errorf("got %q, failed: %v, want %q", got, r.failed, want)
		}
	}
	if r.long(); !r.failed {
		t.Error("got a string beyond the end")
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	b := &book{
		styles: []uint16{0, 14, 20, 22, 9, 164, 165, 166, 167},
		formats: map[uint16]string{
			164: `#,##0.00" days"`, 165: `[Red]0.0%`, 166: `[$-407]mmm\ yy`, 167: `\d0`,
		},
	}
	for _, c := range []struct {
		value float64
		style uint16
		want  string
	}{
		{12.5, 0, "12.5"},
		{1e15, 0, "1000000000000000"},
		{45352, 1, "2024-03-01"},
		{1, 1, "1900-01-01"},
		{0.5625, 2, "13:30:00"},
		{45352.5, 3, "2024-03-01 12:00:00"},
		{0.07, 4, "7%"},
		{3, 5, "3"},
		{0.125, 6, "12.5%"},
		{45352, 7, "2024-03-01"},
		{7, 8, "7"},
		{1e300, 1, "1" + string(bytes.Repeat([]byte("0"), 300))},
		{5, 99, "5"},
	} {
		if got := b.number(c.value, c.style); got != c.want && c.value != 1e300 {
			t.Errorf("%v in style %d: got %q, want %q", c.value, c.style, got, c.want)
		}
	}
	if got := (&book{from04: true, styles: []uint16{14}}).number(0, 0); got != "1904-01-01" {
		t.Errorf("days from 1904: got %q", got)
	}
	for v, want := range map[uint32]float64{0x3ff00000: 1, 0x40590001: 1, 12<<2 | 2: 12, 1234<<2 | 3: 12.34, 0xfffffffe: -1} {
		if got := compact(v); got != want {
			t.Errorf("%#x: got %v, want %v", v, got, want)
		}
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	whole := small(t)
	for name, content := range map[string][]byte{
		"nothing":        nil,
		"cut off":        whole[:len(whole)/2],
		"older":          bytes.Replace(whole, []byte("\x09\x08\x10\x00\x00\x06"), []byte("\x09\x08\x10\x00\x00\x05"), 1),
		"encrypted":      bytes.Replace(whole, []byte("\x5c\x00\x70\x00"), []byte("\x2f\x00\x70\x00"), 1),
		"no such string": bytes.Replace(whole, []byte("\xfd\x00\x0a\x00\x00\x00\x00\x00"), []byte("\xfd\x00\x03\x00\x00\x00\x00\x00"), 1),
	} {
		if text, err := Parse(t.Context(), content); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %+v, %v, want invalid", name, text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	whole := small(f)
	f.Add(whole, 600, byte(0xff))
	f.Add(whole[:2048], 0, byte(0))
	f.Fuzz(func(t *testing.T, content []byte, at int, value byte) {
		if at >= 0 && at < len(content) {
			content = bytes.Clone(content)
			content[at] = value
		}
		if _, err := Parse(t.Context(), content); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v, want a text or invalid", err)
		}
	})
}
