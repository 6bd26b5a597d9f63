package protocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
)

func TestFramesRoundTrip(t *testing.T) {
	t.Parallel()
	var wire []byte
	wire, err := AppendJSON(wire, KindHello, 0, Hello{Version: Version})
	if err != nil {
		t.Fatal(err)
	}
	wire = AppendDelta(wire, KindDelta, 7, Delta{OutputTokens: 3, Text: "größer"})
	vectors := Vectors{InputTokens: []int{2, 5}, Vectors: [][]float32{{1, -0.5}, {0, 3e-9}}}
	wire = AppendVectors(wire, 8, vectors)
	counted := CountTexts{Texts: []string{"größer", "", "<b>\x00"}}
	wire = AppendCountTexts(wire, 9, counted)
	wire = Append(wire, KindCancel, 1<<31, nil)

	r := bytes.NewReader(wire)
	next := func(kind Kind, id uint32) Frame {
		t.Helper()
		f, err := Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if f.Kind != kind || f.ID != id {
			t.Fatalf("got frame %d of request %d, want %d of %d", f.Kind, f.ID, kind, id)
		}
		return f
	}
	var hello Hello
	if err := next(KindHello, 0).Decode(&hello); err != nil || hello.Version != Version {
		t.Errorf("got %+v, %v", hello, err)
	}
	d, err := next(KindDelta, 7).Delta()
	if err != nil || d != (Delta{OutputTokens: 3, Text: "größer"}) {
		t.Errorf("got %+v, %v", d, err)
	}
	v, err := next(KindVectors, 8).Vectors()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(vectors, v); diff != "" {
		t.Errorf("vectors (-want +got):\n%s", diff)
	}
	c, err := next(KindCountTexts, 9).CountTexts()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(counted, c); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
	next(KindCancel, 1<<31)
	if _, err := Read(r); !errors.Is(err, io.EOF) {
		t.Errorf("at the end got %v, want EOF", err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	ok := AppendDelta(nil, KindDelta, 1, Delta{Text: "x"})
	huge := bytes.Clone(ok)
	binary.LittleEndian.PutUint32(huge, MaxPayload+1)
	kind := bytes.Clone(ok)
	kind[4] = 99
	reserved := bytes.Clone(ok)
	reserved[6] = 1
	for name, wire := range map[string][]byte{
		"half a header":  ok[:5],
		"half a payload": ok[:len(ok)-1],
		"too long":       huge,
		"unknown kind":   kind,
		"reserved bytes": reserved,
		"native print":   []byte("llama_model_loader: loaded meta data with 34 key-value pairs"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if f, err := Read(bytes.NewReader(wire)); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("got %+v, %v, want an error", f, err)
			}
		})
	}
}

func TestFailureKeepsKindMessageAndCause(t *testing.T) {
	t.Parallel()
	err := Failure(fault.Wrap(fault.Upstream, errors.New("private"), "public")).Err()
	if !fault.Is(err, fault.Upstream) || fault.As(err).Message != "public" || err.Error() != "upstream: public: private" {
		t.Errorf("got %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(AppendDelta(nil, KindDelta, 1, Delta{OutputTokens: 1, Text: "a"}))
	f.Add(AppendVectors(nil, 2, Vectors{InputTokens: []int{1}, Vectors: [][]float32{{1}}}))
	f.Add(AppendCountTexts(nil, 3, CountTexts{Texts: []string{"a", "", "bc"}}))
	f.Fuzz(func(t *testing.T, wire []byte) {
		fr, err := Read(bytes.NewReader(wire))
		if err != nil {
			return
		}
		if d, err := fr.Delta(); err == nil && fr.Kind == KindDelta {
			if again := AppendDelta(nil, fr.Kind, fr.ID, d); !bytes.Equal(again, wire[:len(again)]) {
				t.Errorf("got %x, want %x", again, wire)
			}
		}
		if c, err := fr.CountTexts(); err == nil && fr.Kind == KindCountTexts {
			if again := AppendCountTexts(nil, fr.ID, c); !bytes.Equal(again, wire[:len(again)]) {
				t.Errorf("got %x, want %x", again, wire)
			}
		}
		if v, err := fr.Vectors(); err == nil && fr.Kind == KindVectors && len(v.Vectors) > 0 {
			if again := AppendVectors(nil, fr.ID, v); len(again) > len(wire) {
				t.Errorf("got %d bytes, want at most %d", len(again), len(wire))
			}
		}
	})
}
