package bert_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/gguf/bert"
	"github.com/outcrop/outcrop/internal/pack"
	"github.com/outcrop/outcrop/internal/pack/packtest"
)

// TestMiniLM converts the default embedding model and looks at the result's
// structure; what it computes is tested with the engine.
func TestMiniLM(t *testing.T) {
	t.Parallel()
	dir, err := packtest.Open(t, pack.Embedding).Dir(pack.Embedding)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.gguf")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	sum := sha256.New()
	if err := bert.Convert(io.MultiWriter(out, sum), bert.Dir(dir), pack.EmbeddingMeta()); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != pack.EmbeddingSHA256 {
		t.Errorf("digest: got %s, want %s", got, pack.EmbeddingSHA256)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Read(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	want := gguf.Info{Name: "all-MiniLM-L6-v2", Architecture: "bert", Parameters: 22565376, Quantization: "F16", ContextLength: 512, EmbeddingLength: 384, License: "apache-2.0", MaxInput: 256}
	if diff := cmp.Diff(want, f.Info()); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	tokens, err := f.Strings("tokenizer.ggml.tokens")
	if err != nil {
		t.Fatal(err)
	}
	if len(tokens) != 30522 {
		t.Fatalf("tokens: got %d, want 30522", len(tokens))
	}
	for id, want := range map[int]string{0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 1031: "\u2581[", 1996: "\u2581the", 2015: "s"} {
		if tokens[id] != want {
			t.Errorf("token %d: got %q, want %q", id, tokens[id], want)
		}
	}
	types := map[string]gguf.TensorType{}
	for _, tensor := range f.Tensors {
		types[tensor.Name] = tensor.Type
	}
	if len(types) != 5+6*16 {
		t.Errorf("tensors: got %d, want %d", len(types), 5+6*16)
	}
	for name, want := range map[string]gguf.TensorType{
		"token_embd.weight": gguf.F16, "position_embd.weight": gguf.F32, "blk.5.ffn_down.weight": gguf.F16, "blk.0.attn_q.bias": gguf.F32, "blk.3.layer_output_norm.weight": gguf.F32,
	} {
		if got, ok := types[name]; !ok || got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// tiny writes a complete model of one layer, after change has had its way.
func tiny(t testing.TB, change func(config map[string]any, tensors map[string][]uint64)) bert.Source {
	t.Helper()
	config := map[string]any{"model_type": "bert", "hidden_act": "gelu", "hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 1,
		"num_attention_heads": 2, "max_position_embeddings": 6, "type_vocab_size": 2, "vocab_size": 5, "layer_norm_eps": 1e-12}
	tensors := map[string][]uint64{
		"embeddings.word_embeddings.weight": {5, 4}, "embeddings.position_embeddings.weight": {6, 4}, "embeddings.token_type_embeddings.weight": {2, 4},
		"embeddings.LayerNorm.weight": {4}, "embeddings.LayerNorm.bias": {4},
	}
	for part, shape := range map[string][]uint64{
		"attention.self.query": {4, 4}, "attention.self.key": {4, 4}, "attention.self.value": {4, 4}, "attention.output.dense": {4, 4},
		"attention.output.LayerNorm": {4}, "intermediate.dense": {8, 4}, "output.dense": {4, 8}, "output.LayerNorm": {4},
	} {
		tensors["encoder.layer.0."+part+".weight"] = shape
		tensors["encoder.layer.0."+part+".bias"] = shape[:1]
	}
	change(config, tensors)
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	marshal := func(v any) []byte {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	head, offset := map[string]any{"__metadata__": map[string]string{"format": "pt"}}, uint64(0)
	for name, shape := range tensors {
		size := uint64(4)
		for _, d := range shape {
			size *= d
		}
		head[name] = map[string]any{"dtype": "F32", "shape": shape, "data_offsets": []uint64{offset, offset + size}}
		offset += size
	}
	raw := marshal(head)
	weights := append(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))), raw...)
	return bert.Source{
		Weights:  write("model.safetensors", append(weights, make([]byte, offset)...)),
		Config:   write("config.json", marshal(config)),
		Vocab:    write("vocab.txt", []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n##s\n")),
		Sentence: write("sentence.json", []byte(`{"max_seq_length": 256}`)),
		Pooling:  write("pooling.json", []byte(`{"pooling_mode_mean_tokens": true}`)),
	}
}

func TestConvert(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(config map[string]any, tensors map[string][]uint64)
		want   fault.Kind
		fine   bool
	}{
		{name: "whole", change: func(map[string]any, map[string][]uint64) {}, fine: true},
		{name: "another family", change: func(c map[string]any, _ map[string][]uint64) { c["model_type"] = "roberta" }, want: fault.Unsupported},
		{name: "another activation", change: func(c map[string]any, _ map[string][]uint64) { c["hidden_act"] = "relu" }, want: fault.Unsupported},
		{name: "no heads", change: func(c map[string]any, _ map[string][]uint64) { c["num_attention_heads"] = 0 }, want: fault.Invalid},
		{name: "endless layers", change: func(c map[string]any, _ map[string][]uint64) { c["num_hidden_layers"] = 1 << 30 }, want: fault.Invalid},
		{name: "vocabulary of another size", change: func(c map[string]any, _ map[string][]uint64) { c["vocab_size"] = 6 }, want: fault.Invalid},
		{name: "missing tensor", change: func(_ map[string]any, t map[string][]uint64) { delete(t, "encoder.layer.0.output.dense.bias") }, want: fault.Invalid},
		{name: "another shape", change: func(_ map[string]any, t map[string][]uint64) { t["embeddings.LayerNorm.bias"] = []uint64{5} }, want: fault.Unsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := bert.Convert(&out, tiny(t, tt.change), bert.Meta{Name: "tiny"})
			if !tt.fine {
				if !fault.Is(err, tt.want) {
					t.Errorf("got %v, want a fault of kind %v", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := gguf.Read(bytes.NewReader(out.Bytes()), int64(out.Len())); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDamagedWeights(t *testing.T) {
	t.Parallel()
	whole := tiny(t, func(map[string]any, map[string][]uint64) {})
	raw, err := os.ReadFile(whole.Weights)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		raw  []byte
	}{
		{"empty", nil},
		{"endless header", append(bytes.Repeat([]byte{0xff}, 8), raw[8:]...)},
		{"header is no JSON", append(binary.LittleEndian.AppendUint64(nil, 4), "nope"...)},
		{"cut off in the header", raw[:100]},
		{"cut off in the data", raw[:len(raw)-4]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			source := whole
			source.Weights = filepath.Join(t.TempDir(), "model.safetensors")
			if err := os.WriteFile(source.Weights, tt.raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := bert.Convert(io.Discard, source, bert.Meta{}); !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v, want invalid", err)
			}
		})
	}
}
