// Package text reads plain text in whatever encoding it comes, and decodes
// bytes for the other formats that are text.
//
// It refuses what it would have to guess: text in an unknown encoding that was
// indexed as nonsense would be lost without anybody knowing.
package text

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/fault"
)

// MIME of what this package reads.
const MIME = "text/plain"

// Parse reads a text file. charset is the encoding that the caller declares for
// it, or "". Fault: Invalid for what is not text, or not in a known encoding.
func Parse(content []byte, charset string) (*document.Text, error) {
	s, note, err := Decode(content, charset)
	if err != nil {
		return nil, err
	}
	return Of(MIME, s, note), nil
}

// Of makes the Text of a format without pages. Text of nothing but blanks makes
// none; empty notes are left out.
func Of(mime, s string, notes ...string) *document.Text {
	t := &document.Text{MIME: mime}
	if s = strings.TrimSpace(s); s != "" {
		t.Pages = []document.Page{{Number: -1, Text: s}}
	}
	for _, note := range notes {
		if note != "" {
			t.Notes = append(t.Notes, note)
		}
	}
	return t
}

// Byte order marks.
const (
	bom8    = "\xef\xbb\xbf"
	bom16le = "\xff\xfe"
	bom16be = "\xfe\xff"
	bom32le = "\xff\xfe\x00\x00"
	bom32be = "\x00\x00\xfe\xff"
)

// Decode returns the text of bytes as UTF-8 with line feeds as line ends, and
// a note for people where the encoding was guessed. A byte order mark decides;
// else UTF-8 when the bytes are that; else the declared charset; else UTF-16 by
// its zeros, or Windows-1252 when little is beyond ASCII. Fault: Invalid.
func Decode(content []byte, charset string) (s, note string, err error) {
	switch {
	case bytes.HasPrefix(content, []byte(bom32le)), bytes.HasPrefix(content, []byte(bom32be)):
		s, err = decode32(content)
	case bytes.HasPrefix(content, []byte(bom16le)):
		s, err = decode16(content[2:], binary.LittleEndian)
	case bytes.HasPrefix(content, []byte(bom16be)):
		s, err = decode16(content[2:], binary.BigEndian)
	case bytes.HasPrefix(content, []byte(bom8)):
		content = content[len(bom8):]
		fallthrough
	default:
		s, note, err = decodeBytes(content, charset)
	}
	if err != nil {
		return "", "", err
	}
	s, controls := tidy(s)
	if controls*100 > len(s)+99 {
		return "", "", notText()
	}
	return s, note, nil
}

func notText() error {
	return fault.New(fault.Invalid, "The file is not text: it has binary content.")
}

func decodeBytes(content []byte, charset string) (s, note string, err error) {
	if order := zeros(content); order != nil {
		s, err = decode16(content, order)
		return s, "The text has no byte order mark and was read as UTF-16.", err
	}
	if utf8.Valid(content) {
		return string(content), "", nil
	}
	if bytes.IndexByte(content, 0) >= 0 {
		return "", "", notText()
	}
	if enc, name := lookup(charset); enc != nil {
		if s, ok := decodeAs(content, enc); ok {
			return s, "", nil
		}
		note = "The text is not the " + name + " that it is declared to be. "
	}
	if mostlyUTF8(content) {
		return strings.ToValidUTF8(string(content), "\uFFFD"), note + "The text has bytes that are not UTF-8; they were replaced.", nil
	}
	if s, ok := latin(content); ok {
		return s, note + "The text is not UTF-8 and was read as Windows-1252.", nil
	}
	return "", "", fault.New(fault.Invalid, "The text is in an encoding that was not recognized; save the file as UTF-8.")
}

// zeros recognizes UTF-16 without a mark: text in most scripts has a zero in
// every other byte for its spaces and digits.
func zeros(content []byte) binary.ByteOrder {
	sample := content[:min(len(content), 4096)&^1]
	var counts [2]int
	for i, c := range sample {
		if c == 0 {
			counts[i&1]++
		}
	}
	half := len(sample) / 2
	switch {
	case half < 2:
		return nil
	case counts[1]*3 > half && counts[0]*50 < half+1:
		return binary.LittleEndian
	case counts[0]*3 > half && counts[1]*50 < half+1:
		return binary.BigEndian
	}
	return nil
}

// lookup finds an encoding by its name on the web. UTF-8 is none: the caller
// has tried it.
func lookup(charset string) (encoding.Encoding, string) {
	enc, err := htmlindex.Get(strings.TrimSpace(charset))
	if err != nil {
		return nil, ""
	}
	name, err := htmlindex.Name(enc)
	if err != nil || name == "utf-8" || strings.HasPrefix(name, "utf-16") || name == "replacement" || name == "x-user-defined" {
		return nil, ""
	}
	return enc, name
}

// decodeAs decodes, and reports whether nearly everything was in the encoding.
func decodeAs(content []byte, enc encoding.Encoding) (string, bool) {
	out, err := enc.NewDecoder().Bytes(content)
	if err != nil {
		return "", false
	}
	bad := bytes.Count(out, []byte("\uFFFD"))
	return string(out), bad*200 <= utf8.RuneCount(out)
}

// mostlyUTF8 reports whether bytes that are not UTF-8 are an accident in a text
// that is: there are characters of several bytes, and many for each bad one.
func mostlyUTF8(content []byte) bool {
	good, bad := 0, 0
	for i := 0; i < len(content); {
		if content[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(content[i:])
		if r == utf8.RuneError && size == 1 {
			if i+utf8.UTFMax > len(content) && !utf8.FullRune(content[i:]) {
				break // the last character is cut off
			}
			bad++
		} else {
			good++
		}
		i += size
	}
	return good > 0 && good >= 10*bad
}

// latin decodes Windows-1252 when that is likely: no undefined codes, and few
// beyond ASCII, as in the languages that were written in it.
func latin(content []byte) (string, bool) {
	high := 0
	for _, c := range content {
		switch c {
		case 0x81, 0x8d, 0x8f, 0x90, 0x9d:
			return "", false
		}
		if c >= 0x80 {
			high++
		}
	}
	if high*4 > len(content) {
		return "", false
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(content)
	return string(out), err == nil
}

func decode16(content []byte, order binary.ByteOrder) (string, error) {
	units := make([]uint16, len(content)/2)
	for i := range units {
		units[i] = order.Uint16(content[2*i:])
	}
	return checked(string(utf16.Decode(units)))
}

func decode32(content []byte) (string, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if content[0] == 0 {
		order = binary.BigEndian
	}
	runes := make([]rune, 0, len(content)/4)
	for i := 4; i+4 <= len(content); i += 4 {
		runes = append(runes, rune(order.Uint32(content[i:])))
	}
	return checked(string(runes))
}

// checked refuses what decoded to characters that do not exist: any two bytes
// are UTF-16, but few of them are text.
func checked(s string) (string, error) {
	bad, all := 0, 0
	for _, r := range s {
		all++
		if r == utf8.RuneError || r >= 0x80 && !unicode.IsPrint(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) {
			bad++
		}
	}
	if bad*20 > all {
		return "", notText()
	}
	return s, nil
}

// tidy makes line feeds of all line ends and takes out control characters,
// which it counts: many of them are not text. Colors, as in the log of a program,
// are taken out too and count for nothing.
func tidy(s string) (_ string, controls int) {
	if strings.IndexFunc(s, untidy) < 0 {
		return s, 0
	}
	var b strings.Builder
	b.Grow(len(s))
	next := 0
	for i, r := range s {
		switch {
		case i < next:
		case strings.HasPrefix(s[i:], "\x1b["):
			next = i + sequence(s[i:])
		case r == '\r':
			if !strings.HasPrefix(s[i+1:], "\n") {
				b.WriteByte('\n')
			}
		case r == '\f', r == '\v', r == '\u2028', r == '\u2029', r == '\u0085':
			b.WriteByte('\n')
		case r == '\uFEFF', r == '\u00AD':
			// A mark inside of the text, and hyphens that are not seen.
		case untidy(r):
			controls++
		default:
			b.WriteRune(r)
		}
	}
	return b.String(), controls
}

// sequence returns the length of the terminal's control sequence that s begins
// with, or of what there is of it.
func sequence(s string) int {
	const longest = 32
	n := len("\x1b[")
	for n < min(len(s), longest) && s[n] >= ' ' && s[n] < '@' {
		n++
	}
	if n < len(s) && s[n] >= '@' && s[n] <= '~' {
		n++
	}
	return n
}

func untidy(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r < ' ', r >= 0x7f && r < 0xa0:
		return true
	}
	return r == '\u2028' || r == '\u2029' || r == '\uFEFF' || r == '\u00AD'
}
