package eventstream

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestAppendAllocatesNothing(t *testing.T) {
	headers := EventHeaders("contentBlockDelta", "application/json")
	payload := []byte(strings.Repeat("x", 300))
	buf := make([]byte, 0, 1024)
	got := testing.AllocsPerRun(100, func() {
		var err error
		if buf, err = Append(buf[:0], headers, payload); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("got %v allocations want 0", got)
	}
}

func TestBeginFinishIsAppend(t *testing.T) {
	t.Parallel()
	headers := ExceptionHeaders("throttlingException", "application/json")
	want, err := Append([]byte("x"), headers, []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Begin([]byte("x"), headers)
	if err != nil {
		t.Fatal(err)
	}
	got, err = Finish(append(got, "payload"...), 1)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got %x want %x", got, want)
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxHeaderValue)
	var many []Header
	for i := range 5 {
		many = append(many, Header{Name: string(rune('a' + i)), Value: String(long)})
	}
	for _, tc := range []struct {
		name    string
		headers []Header
		payload int
		want    string
	}{
		{"empty name", []Header{{"", Bool(true)}}, 0, "eventstream: header name length of 0 bytes is out of bounds (255)"},
		{"long name", []Header{{strings.Repeat("n", 256), Bool(true)}}, 0, "eventstream: header name length of 256 bytes is out of bounds (255)"},
		{"long string", []Header{{"a", String(long + "x")}}, 0, "eventstream: header value length of 32768 bytes is out of bounds (32767)"},
		{"long bytes", []Header{{"a", Bytes([]byte(long + "x"))}}, 0, "eventstream: header value length of 32768 bytes is out of bounds (32767)"},
		{"twice", []Header{{"a", Bool(true)}, {"a", Bool(true)}}, 0, `eventstream: header "a" is there twice`},
		{"long headers", many, 0, "eventstream: headers length of 163860 bytes is out of bounds (131072)"},
		{"long message", nil, MaxMessage - minMessage + 1, "eventstream: message length of 16777217 bytes is out of bounds (16777216)"},
		{"long payload", nil, MaxMessage + 1, "eventstream: message length of 16777217 bytes is out of bounds (16777216)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := Append([]byte("before"), tc.headers, make([]byte, tc.payload))
			if err == nil || err.Error() != tc.want {
				t.Errorf("got %v want %s", err, tc.want)
			}
			if string(got) != "before" {
				t.Errorf("got %d bytes want dst unchanged", len(got))
			}
		})
	}
}

func TestLongestMessage(t *testing.T) {
	t.Parallel()
	frame, err := Append(nil, nil, make([]byte, MaxMessage-minMessage))
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewDecoder(bytes.NewReader(frame), Limits{}).Decode()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Payload) != MaxMessage-minMessage {
		t.Errorf("got %d bytes want %d", len(m.Payload), MaxMessage-minMessage)
	}
}

func TestDecoderReadsFrameByFrame(t *testing.T) {
	t.Parallel()
	var stream []byte
	var want []string
	for _, payload := range []string{"", "one", strings.Repeat("two", 100_000), "three"} {
		var err error
		if stream, err = Append(stream, EventHeaders("chunk", "text/plain"), []byte(payload)); err != nil {
			t.Fatal(err)
		}
		want = append(want, payload)
	}
	for _, tc := range []struct {
		name string
		r    io.Reader
	}{
		{"whole", bytes.NewReader(stream)},
		{"halves", iotest.HalfReader(bytes.NewReader(stream))},
		{"data with EOF", iotest.DataErrReader(bytes.NewReader(stream))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := NewDecoder(tc.r, Limits{})
			var got []string
			for {
				m, err := d.Decode()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if kind := m.Text(NameMessageType); kind != MessageEvent {
					t.Errorf("got message type %q want %q", kind, MessageEvent)
				}
				got = append(got, string(m.Payload))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("payloads (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecoderLimits(t *testing.T) {
	t.Parallel()
	frame, err := Append(nil, []Header{{"name", String("value")}}, []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		limits Limits
		want   string // part that is too long
	}{
		{"fits exactly", Limits{Message: len(frame), Headers: len(frame) - minMessage - len("payload")}, ""},
		{"message", Limits{Message: len(frame) - 1}, "message"},
		{"headers", Limits{Headers: len(frame) - minMessage - len("payload") - 1}, "headers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := NewDecoder(bytes.NewReader(frame), tc.limits).Decode()
			var length *LengthError
			errors.As(err, &length)
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("got %v want no error", err)
			case tc.want != "" && (length == nil || length.Part != tc.want):
				t.Errorf("got %v want a LengthError of the %s", err, tc.want)
			}
		})
	}
}

func TestDecoderPassesReadErrors(t *testing.T) {
	t.Parallel()
	want := errors.New("connection reset")
	_, err := NewDecoder(iotest.ErrReader(want), Limits{}).Decode()
	if !errors.Is(err, want) {
		t.Errorf("got %v want %v", err, want)
	}
}

// A prelude that promises 16 MiB must not reserve them.
func TestDecoderMemoryFollowsInput(t *testing.T) {
	t.Parallel()
	frame, err := Append(nil, nil, make([]byte, MaxMessage-minMessage))
	if err != nil {
		t.Fatal(err)
	}
	d := NewDecoder(bytes.NewReader(frame[:100]), Limits{})
	if _, err := d.Decode(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("got %v want %v", err, io.ErrUnexpectedEOF)
	}
	if cap(d.buf) > 128<<10 {
		t.Errorf("got a buffer of %d bytes for 100 received", cap(d.buf))
	}
}

func TestValueAccessorsCheckTheType(t *testing.T) {
	t.Parallel()
	values := []Value{Bool(true), Byte(1), String("s"), Bytes([]byte("b")), Timestamp(testTime), UUID([16]byte{1})}
	for i, v := range values {
		_, isBool := v.Bool()
		_, isInt := v.Int()
		_, isText := v.Text()
		_, isBytes := v.Bytes()
		_, isTime := v.Time()
		_, isUUID := v.UUID()
		got := []bool{isBool, isInt, isText, isBytes, isTime, isUUID}
		want := make([]bool, len(values))
		want[i] = true
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", v.Type(), diff)
		}
	}
	if got, want := Type(99).String(), "type 99"; got != want {
		t.Errorf("got %q want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	good, err := Append(nil, append(EventHeaders("chunk", "application/json"),
		Header{"i", Integer(-1)}, Header{"t", Timestamp(testTime)}, Header{"u", UUID([16]byte{9})}), []byte("{}"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(append(slices.Clip(good), good...))
	f.Add(good[:20])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		d := NewDecoder(bytes.NewReader(in), Limits{})
		rest := in
		for {
			m, err := d.Decode()
			if err != nil {
				return
			}
			again, err := Append(nil, m.Headers, m.Payload)
			if err != nil {
				t.Fatalf("decoded message does not encode: %v", err)
			}
			if !bytes.HasPrefix(rest, again) {
				t.Fatalf("got %x want a prefix of %x", again, rest)
			}
			rest = rest[len(again):]
		}
	})
}

// FuzzHeaders reaches the header parser, which the checksums keep FuzzDecode
// away from.
func FuzzHeaders(f *testing.F) {
	headers, err := appendHeaders(nil, append(EventHeaders("chunk", "application/json"), Header{"b", Bytes([]byte("x"))}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(headers)
	f.Add([]byte{1, 'a', 7, 0, 1, 'x'})
	f.Fuzz(func(t *testing.T, in []byte) {
		parsed, err := parseHeaders(nil, in)
		if err != nil {
			return
		}
		again, err := appendHeaders(nil, parsed)
		if err != nil {
			t.Fatalf("parsed headers do not encode: %v", err)
		}
		if !bytes.Equal(in, again) {
			t.Fatalf("got %x want %x", again, in)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	headers := EventHeaders("contentBlockDelta", "application/json")
	payload := []byte(strings.Repeat("x", 200))
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = Append(buf[:0], headers, payload)
	}
}
