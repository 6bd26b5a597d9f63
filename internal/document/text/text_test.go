package text_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/text"
	"github.com/outcrop/outcrop/internal/fault"
)

func wide(s string, order binary.AppendByteOrder) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

func encode(t testing.TB, enc interface{ Bytes([]byte) ([]byte, error) }, s string) []byte {
	t.Helper()
	out, err := enc.Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const german = "Die Rückgabe ist möglich, wenn die Ware – „unbenutzt“ – zurückgeschickt wird.\n"

func TestEncodings(t *testing.T) {
	t.Parallel()
	japaneseText := "返品は三十日以内に承ります。\n"
	sjis := encode(t, japanese.ShiftJIS.NewEncoder(), japaneseText)
	for _, c := range []struct {
		name    string
		content []byte
		charset string
		want    string
		noted   bool
	}{
		{"UTF-8", []byte(german + "😀"), "", german + "😀", false},
		{"UTF-8 with a mark", []byte("\ufeff" + german), "", german, false},
		{"UTF-16, little", append([]byte("\xff\xfe"), wide(german+"😀", binary.LittleEndian)...), "", german + "😀", false},
		{"UTF-16, big", append([]byte("\xfe\xff"), wide(german, binary.BigEndian)...), "", german, false},
		{"UTF-16 without a mark", wide(german, binary.LittleEndian), "", german, true},
		{"UTF-16 without a mark, big", wide(german, binary.BigEndian), "", german, true},
		{"UTF-32", []byte("\xff\xfe\x00\x00a\x00\x00\x00\x00\xf6\x01\x00"), "", "a😀", false},
		{"Windows-1252", encode(t, charmap.Windows1252.NewEncoder(), german), "", german, true},
		{"Windows-1252, declared as Latin-1", encode(t, charmap.Windows1252.NewEncoder(), german), "iso-8859-1", german, false},
		{"Shift JIS, declared", sjis, "Shift_JIS", japaneseText, false},
		{"UTF-8, declared as something else", []byte(german), "windows-1252", german, false},
		{"UTF-8 with an accident", []byte(strings.Repeat(german, 5) + "\xff"), "", strings.Repeat(german, 5) + "\uFFFD", true},
		{"UTF-8, the last character cut off", []byte(german + "ü")[:len(german)+1], "", german + "\uFFFD", true},
		{"line ends", []byte("a\r\nb\rc\fd\u2028e"), "", "a\nb\nc\nd\ne", false},
		{"colors", []byte(strings.Repeat("\x1b[1;32mINFO\x1b[0m up\x1b[K\r\n", 100) + "\x1b["), "", strings.Repeat("INFO up\n", 100), false},
		{"a few controls", []byte(strings.Repeat("word ", 100) + "\x07\u00ad"), "", strings.Repeat("word ", 100), false},
	} {
		got, note, err := text.Decode(c.content, c.charset)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if (note != "") != c.noted {
			t.Errorf("%s: got the note %q, want one: %v", c.name, note, c.noted)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	junk := make([]byte, 5000)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(junk)
	for name, content := range map[string][]byte{
		"random bytes":                     junk,
		"random bytes after a mark":        append([]byte("\xff\xfe"), junk...),
		"zeros":                            make([]byte, 100),
		"controls":                         bytes.Repeat([]byte("a\x01\x02b"), 100),
		"Cyrillic in an unknown encoding":  encode(t, charmap.Windows1251.NewEncoder(), "Возврат товара возможен в течение тридцати дней."),
		"Japanese in an unknown encoding":  encode(t, japanese.EUCJP.NewEncoder(), "返品は三十日以内に承ります。"),
		"not in the encoding it declares":  junk[:100],
		"Windows-1252 with undefined code": []byte("caf\xe9 \x81 \x8d"),
	} {
		if got, _, err := text.Decode(content, "gb2312"); !fault.Is(err, fault.Invalid) && name == "not in the encoding it declares" {
			t.Errorf("%s: got %q, %v, want invalid", name, got, err)
		}
		if got, _, err := text.Decode(content, ""); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %q, %v, want invalid", name, got[:min(len(got), 40)], err)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := text.Parse([]byte("\n one\n\ntwo \n"), "")
	want := &document.Text{MIME: text.MIME, Pages: []document.Page{{Number: -1, Text: "one\n\ntwo"}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("got %v (-want +got):\n%s", err, diff)
	}
	if got, err := text.Parse([]byte(" \n\t\n"), ""); err != nil || len(got.Pages) != 0 {
		t.Errorf("blanks: got %+v, %v, want no pages", got, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(german), "")
	f.Add(wide(german, binary.LittleEndian), "utf-16")
	f.Add([]byte("\xff\xfe\x00\x00a"), "shift_jis")
	f.Add([]byte("caf\xe9"), "gb18030")
	f.Fuzz(func(t *testing.T, content []byte, charset string) {
		s, _, err := text.Decode(content, charset)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v, want a text or invalid", err)
			}
			return
		}
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\x00") {
			t.Errorf("got %q, want UTF-8 with line feeds", s)
		}
		if len(s) > 4*len(content)+16 {
			t.Errorf("got %d bytes of %d, want not so many", len(s), len(content))
		}
	})
}
