package eventstream

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/goldentest"
)

// A golden case is a pair of files of the same name: testdata/<set>/encoded
// holds the frame, testdata/<set>/decoded what it means: JSON for the positive
// set, the error's text for the negative one.
func goldenCases(t *testing.T, set string) []string {
	t.Helper()
	list := func(side string) []string {
		entries, err := os.ReadDir(filepath.Join("testdata", set, side))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())))
		}
		return names
	}
	decoded, encoded := list("decoded"), list("encoded")
	if diff := cmp.Diff(decoded, encoded); diff != "" {
		t.Fatalf("%s: decoded and encoded files differ (-decoded +encoded):\n%s", set, diff)
	}
	if len(decoded) == 0 {
		t.Fatalf("%s: no cases", set)
	}
	return decoded
}

func readFile(t *testing.T, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t *testing.T, b []byte, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

type jsonMessage struct {
	Headers []jsonHeader `json:"headers"`
	Payload string       `json:"payload"` // base64
}

type jsonHeader struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value,omitempty"`
}

func toJSON(m *Message) jsonMessage {
	out := jsonMessage{Headers: []jsonHeader{}, Payload: base64.StdEncoding.EncodeToString(m.Payload)}
	for _, h := range m.Headers {
		j := jsonHeader{Name: h.Name, Type: h.Value.Type().String()}
		switch v := h.Value; v.Type() {
		case TypeByte, TypeShort, TypeInteger, TypeLong:
			n, _ := v.Int()
			j.Value = strconv.FormatInt(n, 10)
		case TypeBytes:
			b, _ := v.Bytes()
			j.Value = base64.StdEncoding.EncodeToString(b)
		case TypeString:
			j.Value, _ = v.Text()
		case TypeTimestamp:
			at, _ := v.Time()
			j.Value = at.Format(time.RFC3339Nano)
		case TypeUUID:
			id, _ := v.UUID()
			j.Value = hex.EncodeToString(id[:])
		}
		out.Headers = append(out.Headers, j)
	}
	return out
}

func fromJSON(t *testing.T, in jsonMessage) *Message {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	m := &Message{}
	var err error
	m.Payload, err = base64.StdEncoding.DecodeString(in.Payload)
	must(err)
	for _, j := range in.Headers {
		kind := Type(slices.Index(typeNames[:], j.Type))
		h := Header{Name: j.Name}
		switch kind {
		case TypeTrue, TypeFalse:
			h.Value = Bool(kind == TypeTrue)
		case TypeByte, TypeShort, TypeInteger, TypeLong:
			n, err := strconv.ParseInt(j.Value, 10, 64)
			must(err)
			switch kind {
			case TypeByte:
				h.Value = Byte(int8(n))
			case TypeShort:
				h.Value = Short(int16(n))
			case TypeInteger:
				h.Value = Integer(int32(n))
			default:
				h.Value = Long(n)
			}
		case TypeBytes:
			b, err := base64.StdEncoding.DecodeString(j.Value)
			must(err)
			h.Value = Bytes(b)
		case TypeString:
			h.Value = String(j.Value)
		case TypeTimestamp:
			at, err := time.Parse(time.RFC3339Nano, j.Value)
			must(err)
			h.Value = Timestamp(at)
		case TypeUUID:
			b, err := hex.DecodeString(j.Value)
			must(err)
			h.Value = UUID([16]byte(b))
		default:
			t.Fatalf("unknown type %q", j.Type)
		}
		m.Headers = append(m.Headers, h)
	}
	return m
}

func TestGoldenPositive(t *testing.T) {
	t.Parallel()
	if goldentest.Updating() {
		entries, err := os.ReadDir("testdata/positive/decoded")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			var in jsonMessage
			if err := json.Unmarshal(readFile(t, "testdata/positive/decoded", e.Name()), &in); err != nil {
				t.Fatal(err)
			}
			m := fromJSON(t, in)
			frame, err := Append(nil, m.Headers, m.Payload)
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, frame, "testdata/positive/encoded", strings.TrimSuffix(e.Name(), ".json")+".bin")
		}
	}
	for _, name := range goldenCases(t, "positive") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			frame := readFile(t, "testdata/positive/encoded", name+".bin")
			var want jsonMessage
			if err := json.Unmarshal(readFile(t, "testdata/positive/decoded", name+".json"), &want); err != nil {
				t.Fatal(err)
			}
			d := NewDecoder(bytes.NewReader(frame), Limits{})
			m, err := d.Decode()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, toJSON(m)); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
			again := fromJSON(t, want)
			got, err := Append([]byte("before"), again.Headers, again.Payload)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, append([]byte("before"), frame...)) {
				t.Errorf("encoded: got %x want %x", got[len("before"):], frame)
			}
			if _, err := d.Decode(); !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("after the frame: got %v want EOF", err)
			}
		})
	}
}

// corruptions make the negative frames out of a good one.
func corruptions(t *testing.T) map[string][]byte {
	t.Helper()
	good, err := Append(nil, EventHeaders("chunk", "application/json"), []byte(`{"bytes":"Zm9v"}`))
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	flip := func(at int) []byte {
		return change(func(b []byte) []byte { b[at] ^= 0x01; return b })
	}
	// raw builds a frame with correct checksums around any header bytes and
	// any lengths.
	raw := func(total, headers int, body []byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(total))
		b = binary.BigEndian.AppendUint32(b, uint32(headers))
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
		b = append(b, body...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	}
	withHeaders := func(headers ...byte) []byte { return raw(minMessage+len(headers), len(headers), headers) }
	return map[string][]byte{
		"prelude_checksum":              flip(8),
		"prelude_total_length_damaged":  flip(3),
		"prelude_header_length_damaged": flip(7),
		"message_checksum":              flip(len(good) - 1),
		"header_damaged":                flip(20),
		"payload_damaged":               flip(len(good) - 10),
		"truncated_prelude":             good[:7],
		"truncated_headers":             good[:30],
		"truncated_payload":             good[:len(good)-8],
		"truncated_checksum":            good[:len(good)-1],
		"message_too_short":             raw(minMessage-1, 0, nil),
		"message_too_long":              raw(MaxMessage+1, 0, nil),
		"headers_too_long":              raw(MaxHeaders*2, MaxHeaders+1, nil),
		"headers_longer_than_message":   raw(minMessage+4, 5, []byte("abcd")),
		"header_empty_name":             withHeaders(0, 0),
		"header_name_cut_off":           withHeaders(5, 'a', 'b'),
		"header_type_missing":           withHeaders(1, 'a'),
		"header_type_unknown":           withHeaders(1, 'a', 10),
		"header_string_length_cut_off":  withHeaders(1, 'a', byte(TypeString), 0),
		"header_string_cut_off":         withHeaders(1, 'a', byte(TypeString), 0, 3, 'x', 'y'),
		"header_string_too_long":        withHeaders(1, 'a', byte(TypeString), 0x80, 0),
		"header_long_cut_off":           withHeaders(1, 'a', byte(TypeLong), 0, 0, 0, 0),
		"header_uuid_cut_off":           withHeaders(1, 'a', byte(TypeUUID), 0, 0, 0, 0),
		"header_twice":                  withHeaders(1, 'a', byte(TypeTrue), 1, 'a', byte(TypeFalse)),
	}
}

func TestGoldenNegative(t *testing.T) {
	t.Parallel()
	made := corruptions(t)
	if goldentest.Updating() {
		for name, frame := range made {
			_, err := NewDecoder(bytes.NewReader(frame), Limits{}).Decode()
			if err == nil {
				t.Fatalf("%s: decodes", name)
			}
			writeFile(t, frame, "testdata/negative/encoded", name+".bin")
			writeFile(t, fmt.Appendln(nil, err), "testdata/negative/decoded", name+".txt")
		}
	}
	names := goldenCases(t, "negative")
	if len(names) != len(made) {
		t.Errorf("got %d golden cases want the %d corruptions", len(names), len(made))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			frame := readFile(t, "testdata/negative/encoded", name+".bin")
			if !bytes.Equal(frame, made[name]) {
				t.Errorf("frame: got %x want %x", frame, made[name])
			}
			want := strings.TrimSpace(string(readFile(t, "testdata/negative/decoded", name+".txt")))
			d := NewDecoder(bytes.NewReader(frame), Limits{})
			_, err := d.Decode()
			if err == nil || err.Error() != want {
				t.Fatalf("got %v want %s", err, want)
			}
			var sum *ChecksumError
			var length *LengthError
			var header *HeaderError
			if !errors.As(err, &sum) && !errors.As(err, &length) && !errors.As(err, &header) &&
				!errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got untyped error %T", err)
			}
			if _, again := d.Decode(); !errors.Is(again, err) {
				t.Errorf("second call: got %v want the same error", again)
			}
			if _, err := Parse(frame); err == nil {
				t.Error("Parse: got no error")
			}
		})
	}
}
