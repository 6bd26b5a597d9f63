package doc_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/outcrop/outcrop/internal/document/doc"
	"github.com/outcrop/outcrop/internal/fault"
)

// letter is a document that another program wrote; what it must give is held in
// the golden files of package all.
func letter(t testing.TB) []byte {
	t.Helper()
	content, err := os.ReadFile("../all/testdata/golden/letter.doc")
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// set changes a byte in the information block at the beginning of the document.
func set(t *testing.T, offset int, value byte) []byte {
	t.Helper()
	content := letter(t)
	block := bytes.Index(content, []byte("\xec\xa5"))
	if block < 0 {
		t.Fatal("the document has no information block")
	}
	content[block+offset] = value
	return content
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	whole := letter(t)
	for name, content := range map[string][]byte{
		"nothing":                     nil,
		"no compound file":            []byte("text"),
		"cut off":                     whole[:len(whole)/2],
		"encrypted":                   set(t, 0x0b, 0x13),
		"not a document of this kind": set(t, 0, 0xdb),
		"a text that is elsewhere":    set(t, 0x1a5, 0x7f),
		"in the other table":          set(t, 0x0b, 0x10),
	} {
		if text, err := doc.Parse(content); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %+v, %v, want invalid", name, text, err)
		}
	}
}

// Each cut and each change of the file is read or refused.
func FuzzParse(f *testing.F) {
	whole := letter(f)
	f.Add(whole, 0x1a2, byte(1))
	f.Add(whole[:4096], 0, byte(0))
	f.Fuzz(func(t *testing.T, content []byte, at int, value byte) {
		if at >= 0 && at < len(content) {
			content = bytes.Clone(content)
			content[at] = value
		}
		if _, err := doc.Parse(content); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v, want a text or invalid", err)
		}
	})
}
