package gguf_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/pack"
	"github.com/outcrop/outcrop/internal/pack/packtest"
)

func zeros(n int) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(make([]byte, n))
		return err
	}
}

// small is a whole little model file.
func small(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	err := gguf.Write(&out, []gguf.KV{
		{Key: "general.architecture", Value: "llama"},
		{Key: "general.name", Value: "Small"},
		{Key: "general.file_type", Value: uint32(15)},
		{Key: "llama.context_length", Value: uint32(4096)},
		{Key: "llama.embedding_length", Value: uint64(64)},
		{Key: "tokenizer.chat_template", Value: "{{ messages }}"},
		{Key: "tokenizer.ggml.tokens", Value: []string{"a", "", "ünï"}},
		{Key: "tokenizer.ggml.token_type", Value: []int32{1, 2, -3}},
		{Key: "u32s", Value: []uint32{7}},
		{Key: "floats", Value: []float32{0.5}},
		{Key: "bool", Value: true}, {Key: "i8", Value: int8(-5)}, {Key: "u8", Value: uint8(5)}, {Key: "i16", Value: int16(-6)},
		{Key: "u16", Value: uint16(6)}, {Key: "i32", Value: int32(-7)}, {Key: "i64", Value: int64(-8)}, {Key: "f32", Value: float32(1.5)}, {Key: "f64", Value: 2.5},
	}, []gguf.TensorData{
		{Tensor: gguf.Tensor{Name: "a", Dims: []uint64{3}, Type: gguf.F32}, Content: zeros(12)},
		{Tensor: gguf.Tensor{Name: "b", Dims: []uint64{256, 2}, Type: 12}, Content: zeros(288)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(raw []byte) (*gguf.File, error) {
	return gguf.Read(bytes.NewReader(raw), int64(len(raw)))
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	raw := small(t)
	if !bytes.Equal(raw, small(t)) {
		t.Error("got different bytes the second time, want the same")
	}
	f, err := read(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := gguf.Info{Name: "Small", Architecture: "llama", Parameters: 515, Quantization: "Q4_K_M", ContextLength: 4096, EmbeddingLength: 64, ChatTemplate: true}
	if diff := cmp.Diff(want, f.Info()); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]gguf.Tensor{{Name: "a", Dims: []uint64{3}}, {Name: "b", Dims: []uint64{256, 2}, Type: 12, Offset: 32}}, f.Tensors); diff != "" {
		t.Errorf("tensors (-want +got):\n%s", diff)
	}
	for key, want := range map[string]any{"bool": true, "i8": int8(-5), "u8": uint8(5), "i16": int16(-6), "u16": uint16(6), "i32": int32(-7), "i64": int64(-8), "f32": float32(1.5), "f64": 2.5} {
		if got, _ := f.Value(key); got != want {
			t.Errorf("%s: got %v, want %v", key, got, want)
		}
	}
	tokens, err := f.Strings("tokenizer.ggml.tokens")
	if diff := cmp.Diff([]string{"a", "", "ünï"}, tokens); diff != "" || err != nil {
		t.Errorf("tokens: %v (-want +got):\n%s", err, diff)
	}
	types, _ := f.Value("tokenizer.ggml.token_type")
	if a, ok := types.(gguf.Array); !ok || a.Type != gguf.Int32 || a.Len != 3 {
		t.Errorf("types: got %v, want 3 integers of 32 bits", types)
	}
	if f.Integer("i8") != -5 || f.Integer("i64") != -8 || f.Integer("u16") != 6 || f.Integer("general.name") != 0 {
		t.Error("integers: got others than written")
	}
	if _, err := f.Strings("floats"); !fault.Is(err, fault.NotFound) {
		t.Errorf("strings of floats: got %v, want not found", err)
	}
}

func TestCutOff(t *testing.T) {
	t.Parallel()
	raw := small(t)
	// The last tensor ends 32-byte padding before the end of the file.
	whole := len(raw) - (32-288%32)%32
	for n := range raw {
		_, err := read(raw[:n])
		switch {
		case n >= whole && err != nil:
			t.Errorf("%d of %d bytes, only padding is missing: got %v, want no error", n, len(raw), err)
		case n < whole && (err == nil || !fault.Is(err, fault.Invalid)):
			t.Errorf("%d of %d bytes: got %v, want an invalid file", n, len(raw), err)
		}
	}
	_, err := read(raw[:len(raw)-40])
	if err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("got %v, want it to say that the file is cut off", err)
	}
}

// header builds the beginning of a file by hand.
func header(version uint32, tensors, values uint64, rest ...any) []byte {
	raw := []byte("GGUF")
	for _, v := range append([]any{version, tensors, values}, rest...) {
		if s, ok := v.(string); ok {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(len(s)))
			raw = append(raw, s...)
			continue
		}
		raw, _ = binary.Append(raw, binary.LittleEndian, v)
	}
	return append(raw, make([]byte, 256)...)
}

func TestHostile(t *testing.T) {
	t.Parallel()
	const u32, u64 = uint32(1), uint64(1)
	tests := []struct {
		name string
		raw  []byte
		want string
	}{
		{"empty", nil, "not a GGUF"},
		{"html", []byte("<!DOCTYPE html><html>"), `begins with "<!DOCTYP"`},
		{"short", []byte("GGU"), "not a GGUF"},
		{"version 1", header(1, 0, 0), "format version 1"},
		{"big endian", []byte("GGUF\x00\x00\x00\x03"), "big-endian"},
		{"values", header(3, 0, 1<<63), "metadata values"},
		{"values that cannot fit", header(3, 0, 1<<13), "cut off"},
		{"tensors", header(3, 1<<63, 0), "tensors"},
		{"long key", header(3, 0, 1, uint64(1<<62)), "text of"},
		{"type", header(3, 0, 1, "k", uint32(99)), "99 is no type"},
		{"long string", header(3, 0, 1, "k", uint32(8), uint64(1<<63)), "text of"},
		{"string past the end", header(3, 0, 1, "k", uint32(8), uint64(1<<20)), "cut off"},
		{"array of arrays", header(3, 0, 1, "k", uint32(9), uint32(9), uint64(1)), "array of type 9"},
		{"long array", header(3, 0, 1, "k", uint32(9), uint32(4), uint64(1<<61)), "array of"},
		{"array past the end", header(3, 0, 1, "k", uint32(9), uint32(4), uint64(1<<20)), "cut off"},
		{"long string in an array", header(3, 0, 1, "k", uint32(9), uint32(8), uint64(1), uint64(1<<63)), "text of"},
		{"key twice", header(3, 0, 2, "k", uint32(4), u32, "k", uint32(4), u32), "twice"},
		{"alignment", header(3, 0, 1, "general.alignment", uint32(4), uint32(33)), "alignment"},
		{"alignment of zero", header(3, 0, 1, "general.alignment", uint32(4), uint32(0)), "alignment"},
		{"dimensions", header(3, 1, 0, "t", uint32(5)), "5 dimensions"},
		{"no dimensions", header(3, 1, 0, "t", uint32(0)), "0 dimensions"},
		{"product overflows", header(3, 1, 0, "t", uint32(3), uint64(1<<40), uint64(1<<40), uint64(1<<40), uint32(0), uint64(0)), "impossible"},
		{"offset overflows", header(3, 1, 0, "t", uint32(1), u64, uint32(0), ^uint64(31)), "impossible"},
		{"offset not aligned", header(3, 1, 0, "t", uint32(1), u64, uint32(0), uint64(4)), "impossible"},
		{"half a block", header(3, 1, 0, "t", uint32(1), uint64(33), uint32(8), uint64(0)), "impossible"},
		{"unknown tensor type", header(3, 1, 0, "t", uint32(1), u64, uint32(4), uint64(0)), "unknown type 4"},
		{"tensor twice", header(3, 2, 0, "t", uint32(1), u64, uint32(0), uint64(0), "t", uint32(1), u64, uint32(0), uint64(0)), "twice"},
		{"tensor past the end", header(3, 1, 0, "t", uint32(1), uint64(1<<30), uint32(0), uint64(0)), "cut off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := read(tt.raw)
			if err == nil || !strings.Contains(fault.As(err).Message, tt.want) || fault.Is(err, fault.Internal) {
				t.Errorf("got %v, want a message with %q", err, tt.want)
			}
		})
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "small.gguf")
	if err := os.WriteFile(path, small(t), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := gguf.Inspect(path); err != nil {
		t.Error(err)
	}
	if _, err := gguf.Inspect(filepath.Join(dir, "none")); !fault.Is(err, fault.NotFound) {
		t.Errorf("no file: got %v, want not found", err)
	}
	if _, err := gguf.Inspect(dir); !fault.Is(err, fault.Invalid) {
		t.Errorf("a directory: got %v, want invalid", err)
	}
}

// TestRealModel reads the default chat model.
func TestRealModel(t *testing.T) {
	t.Parallel()
	path, err := packtest.Open(t, pack.Chat).ChatModel()
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Inspect(path)
	if err != nil {
		t.Fatal(err)
	}
	want := gguf.Info{Name: "Smollm2 135M 8k Lc100K Mix1 Ep2", Architecture: "llama", Parameters: 134515008, Quantization: "Q4_1", ContextLength: 8192, EmbeddingLength: 576, ChatTemplate: true, License: "apache-2.0"}
	if diff := cmp.Diff(want, f.Info()); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		values  []gguf.KV
		tensors []gguf.TensorData
	}{
		{"type of a value", []gguf.KV{{Key: "k", Value: 1}}, nil},
		{"alignment", []gguf.KV{{Key: "general.alignment", Value: uint32(3)}}, nil},
		{"dimensions", nil, []gguf.TensorData{{Tensor: gguf.Tensor{Name: "t", Dims: []uint64{3}, Type: 8}, Content: zeros(0)}}},
		{"too little content", nil, []gguf.TensorData{{Tensor: gguf.Tensor{Name: "t", Dims: []uint64{3}}, Content: zeros(11)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := gguf.Write(io.Discard, tt.values, tt.tensors); err == nil {
				t.Error("got no error, want one")
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(small(f))
	f.Add(header(3, 1, 1, "k", uint32(9), uint32(8), uint64(2), "a", "b", "t", uint32(1), uint64(8), uint32(0), uint64(0)))
	f.Add([]byte("GGUF"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := read(raw)
		if err != nil {
			if fault.Is(err, fault.Internal) {
				t.Errorf("got an unclassified error %v, want a fault", err)
			}
			return
		}
		file.Info()
		for _, kv := range file.KV {
			if a, ok := kv.Value.(gguf.Array); ok && a.Type == gguf.String {
				if _, err := file.Strings(kv.Key); err != nil {
					t.Errorf("array %q was checked but cannot be read: %v", kv.Key, err)
				}
			}
		}
		for i := range file.Tensors {
			if size, ok := file.Tensors[i].Size(); !ok || int64(file.Tensors[i].Offset+size) > int64(len(raw))-file.Data {
				t.Errorf("tensor %q reaches beyond the file", file.Tensors[i].Name)
			}
		}
	})
}
