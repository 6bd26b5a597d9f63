// Package bert converts sentence-transformers models of the BERT family
// (safetensors weights, WordPiece vocabulary) to GGUF as llama.cpp loads it.
//
// It is written for all-MiniLM-L6-v2, the default embedding model, which is
// published as safetensors; other models of the same shape convert too. It runs
// no model. Package pack calls it once, after it has fetched the model.
//
// The same input gives the same bytes on every machine, so that the digest of
// the result is known beforehand. Matrices become F16; what is added or scaled
// by (biases, norms, positions, token types) stays F32, because llama.cpp needs
// it so. The pooler is left out: sentence embeddings do not use it.
package bert

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/gguf"
)

// Source names the files of a model.
type Source struct {
	Weights string // model.safetensors
	Config  string // config.json of transformers
	Vocab   string // vocab.txt, one token a line
	// Sentence is sentence_bert_config.json: after how many tokens the
	// reference implementation truncates.
	Sentence string
	// Pooling is 1_Pooling/config.json: how token vectors become one.
	Pooling string
}

// Dir returns the Source of a pack's directory.
func Dir(dir string) Source {
	return Source{
		Weights:  filepath.Join(dir, "model.safetensors"),
		Config:   filepath.Join(dir, "config.json"),
		Vocab:    filepath.Join(dir, "vocab.txt"),
		Sentence: filepath.Join(dir, "sentence_bert_config.json"),
		Pooling:  filepath.Join(dir, "pooling_config.json"),
	}
}

// Meta is what the files do not say.
type Meta struct {
	Name    string // general.name
	License string // SPDX
	URL     string // where the model is published
}

type config struct {
	ModelType string  `json:"model_type"`
	Act       string  `json:"hidden_act"`
	Hidden    uint32  `json:"hidden_size"`
	Inner     uint32  `json:"intermediate_size"`
	Layers    uint32  `json:"num_hidden_layers"`
	Heads     uint32  `json:"num_attention_heads"`
	Positions uint32  `json:"max_position_embeddings"`
	Types     uint32  `json:"type_vocab_size"`
	Vocab     uint32  `json:"vocab_size"`
	Epsilon   float32 `json:"layer_norm_eps"`
	Position  string  `json:"position_embedding_type"`
}

// The limits keep a damaged config from asking for the impossible; the largest
// BERT stays far below them.
const (
	maxLayers = 256
	maxWidth  = 1 << 16
	maxVocab  = 1 << 22
)

// Pooling types of llama.cpp.
const (
	poolingMean uint32 = 1
	poolingCLS  uint32 = 2
)

// Convert writes the model to w. Faults: Invalid when the files are damaged or
// disagree, Unsupported for a model of another family.
func Convert(w io.Writer, from Source, meta Meta) error {
	var c config
	if err := readJSON(from.Config, &c); err != nil {
		return err
	}
	if c.ModelType != "bert" || c.Act != "gelu" || (c.Position != "" && c.Position != "absolute") {
		return fault.New(fault.Unsupported, "a model of type %q with activation %q cannot be converted; BERT with gelu can", c.ModelType, c.Act)
	}
	if c.Layers == 0 || c.Layers > maxLayers || c.Hidden == 0 || c.Hidden > maxWidth || c.Inner == 0 || c.Inner > maxWidth || c.Vocab > maxVocab || c.Heads == 0 || c.Hidden%c.Heads != 0 {
		return fault.New(fault.Invalid, "%s has impossible sizes", from.Config)
	}
	values, err := metadata(c, from, meta)
	if err != nil {
		return err
	}
	weights, err := openSafetensors(from.Weights)
	if err != nil {
		return err
	}
	defer func() { _ = weights.Close() }() // only read
	tensors, err := c.tensors(weights)
	if err != nil {
		return err
	}
	return gguf.Write(w, values, tensors)
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "cannot read %s: %v", path, err)
	}
	return nil
}

func metadata(c config, from Source, meta Meta) ([]gguf.KV, error) {
	var sentence struct {
		MaxLength uint32 `json:"max_seq_length"`
	}
	if err := readJSON(from.Sentence, &sentence); err != nil {
		return nil, err
	}
	var pool struct {
		CLS  bool `json:"pooling_mode_cls_token"`
		Mean bool `json:"pooling_mode_mean_tokens"`
	}
	if err := readJSON(from.Pooling, &pool); err != nil {
		return nil, err
	}
	pooling := poolingMean
	switch {
	case pool.CLS && !pool.Mean:
		pooling = poolingCLS
	case pool.CLS || !pool.Mean:
		return nil, fault.New(fault.Unsupported, "%s pools in a way that cannot be converted; by mean or by [CLS] can", from.Pooling)
	}
	tokens, err := readVocab(from.Vocab, int(c.Vocab))
	if err != nil {
		return nil, err
	}
	values := []gguf.KV{
		{Key: "general.architecture", Value: "bert"},
		{Key: "general.type", Value: "model"},
		{Key: "general.name", Value: meta.Name},
		{Key: "general.license", Value: meta.License},
		{Key: "general.source.url", Value: meta.URL},
		{Key: "general.file_type", Value: uint32(1)}, // mostly F16
		{Key: "general.quantization_version", Value: uint32(2)},
		{Key: "bert.block_count", Value: c.Layers},
		{Key: "bert.context_length", Value: c.Positions},
		{Key: "bert.embedding_length", Value: c.Hidden},
		{Key: "bert.feed_forward_length", Value: c.Inner},
		{Key: "bert.attention.head_count", Value: c.Heads},
		{Key: "bert.attention.layer_norm_epsilon", Value: c.Epsilon},
		{Key: "bert.attention.causal", Value: false},
		{Key: "bert.pooling_type", Value: pooling},
		{Key: "bert.vocab_size", Value: c.Vocab},
		{Key: gguf.MaxTokensKey, Value: sentence.MaxLength},
	}
	return append(values, vocabulary(tokens, c.Types)...), nil
}

// tensors lists the tensors in the order of the file.
func (c config) tensors(from *safetensors) ([]gguf.TensorData, error) {
	hidden, inner := uint64(c.Hidden), uint64(c.Inner)
	type entry struct {
		to, from string
		kind     gguf.TensorType
		dims     []uint64 // the fastest-moving first
	}
	list := []entry{
		{"token_embd.weight", "embeddings.word_embeddings.weight", gguf.F16, []uint64{hidden, uint64(c.Vocab)}},
		{"position_embd.weight", "embeddings.position_embeddings.weight", gguf.F32, []uint64{hidden, uint64(c.Positions)}},
		{"token_types.weight", "embeddings.token_type_embeddings.weight", gguf.F32, []uint64{hidden, uint64(c.Types)}},
		{"token_embd_norm.weight", "embeddings.LayerNorm.weight", gguf.F32, []uint64{hidden}},
		{"token_embd_norm.bias", "embeddings.LayerNorm.bias", gguf.F32, []uint64{hidden}},
	}
	for i := range c.Layers {
		for _, part := range []struct {
			to, from string
			norm     bool
			in, out  uint64
		}{
			{"attn_q", "attention.self.query", false, hidden, hidden},
			{"attn_k", "attention.self.key", false, hidden, hidden},
			{"attn_v", "attention.self.value", false, hidden, hidden},
			{"attn_output", "attention.output.dense", false, hidden, hidden},
			{"attn_output_norm", "attention.output.LayerNorm", true, 0, hidden},
			{"ffn_up", "intermediate.dense", false, hidden, inner},
			{"ffn_down", "output.dense", false, inner, hidden},
			{"layer_output_norm", "output.LayerNorm", true, 0, hidden},
		} {
			to, source := fmt.Sprintf("blk.%d.%s", i, part.to), fmt.Sprintf("encoder.layer.%d.%s", i, part.from)
			weight := entry{to + ".weight", source + ".weight", gguf.F16, []uint64{part.in, part.out}}
			if part.norm {
				weight.kind, weight.dims = gguf.F32, []uint64{part.out}
			}
			list = append(list, weight, entry{to + ".bias", source + ".bias", gguf.F32, []uint64{part.out}})
		}
	}
	tensors := make([]gguf.TensorData, 0, len(list))
	for _, e := range list {
		content, err := from.tensor(e.from, e.dims, e.kind)
		if err != nil {
			return nil, err
		}
		tensors = append(tensors, gguf.TensorData{Tensor: gguf.Tensor{Name: e.to, Dims: e.dims, Type: e.kind}, Content: content})
	}
	return tensors, nil
}

// half converts to IEEE 754 half precision, rounding to nearest, ties to even.
func half(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	exponent := int(bits>>23&0xff) - 127
	mantissa := bits & 0x7fffff
	switch {
	case exponent == 128 && mantissa != 0:
		return sign | 0x7e00 // NaN
	case exponent > 15:
		return sign | 0x7c00
	case exponent < -25:
		return sign
	}
	shift, base := uint(13), uint32(exponent+15)<<10
	if exponent < -14 { // subnormal in half precision
		mantissa |= 0x800000
		shift, base = uint(-exponent-1), 0
	}
	rounded := mantissa >> shift
	rest, middle := mantissa&(1<<shift-1), uint32(1)<<(shift-1)
	if rest > middle || rest == middle && rounded&1 == 1 {
		rounded++ // carries into the exponent where it must
	}
	return sign | uint16(base+rounded)
}

func halves(to []byte, from []byte) []byte {
	for i := 0; i+4 <= len(from); i += 4 {
		to = binary.LittleEndian.AppendUint16(to, half(math.Float32frombits(binary.LittleEndian.Uint32(from[i:]))))
	}
	return to
}

// readVocab reads vocab.txt: the line number is the token's id.
func readVocab(path string, want int) ([]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "cannot read %s: %v", path, err)
	}
	lines := strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	if len(lines) != want {
		return nil, fault.New(fault.Invalid, "%s has %d tokens where the model has %d", path, len(lines), want)
	}
	return lines, nil
}
