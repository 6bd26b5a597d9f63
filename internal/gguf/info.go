package gguf

import (
	"strings"
)

// Info is what a person or a router wants to know of a model file.
type Info struct {
	Name            string // general.name
	Architecture    string // general.architecture: "llama", "bert", …
	Parameters      uint64 // numbers in all tensors
	Quantization    string // "Q4_K_M", "F16", …; the commonest tensor type when the file does not say
	ContextLength   int64  // tokens; 0 not said
	EmbeddingLength int64  // numbers in a hidden state; 0 not said
	ChatTemplate    bool   // the file has a chat template
	License         string // general.license
	SplitParts      int64  // how many files the model is split into; 0 or 1: this one
	SplitIndex      int64  // which of them this is, from 0
	MaxInput        int64  // outcrop.embedding.max_tokens: inputs are cut there; 0 not said
}

// MaxTokensKey is the metadata key of Info.MaxInput: the tokens, special ones
// included, after which the reference implementation of an embedding model
// truncates its input.
const MaxTokensKey = "outcrop.embedding.max_tokens"

// Info summarizes the file.
func (f *File) Info() Info {
	info := Info{
		Name:         f.Text("general.name"),
		Architecture: f.Text("general.architecture"),
		ChatTemplate: f.Text("tokenizer.chat_template") != "",
		License:      f.Text("general.license"),
		SplitParts:   f.Integer("split.count"),
		SplitIndex:   f.Integer("split.no"),
		MaxInput:     f.Integer(MaxTokensKey),
	}
	info.ContextLength = f.Integer(info.Architecture + ".context_length")
	info.EmbeddingLength = f.Integer(info.Architecture + ".embedding_length")
	elements := map[TensorType]uint64{}
	common, most := TensorType(0), uint64(0)
	for i := range f.Tensors {
		t := &f.Tensors[i]
		n, _ := t.Elements()
		info.Parameters += n
		elements[t.Type] += n
		if elements[t.Type] > most {
			common, most = t.Type, elements[t.Type]
		}
	}
	info.Quantization = common.String()
	if name := fileType(f.Integer("general.file_type")); name != "" && f.has("general.file_type") {
		info.Quantization = name
	}
	return info
}

func (f *File) has(key string) bool {
	_, ok := f.index[key]
	return ok
}

// fileType names llama.cpp's general.file_type.
func fileType(n int64) string {
	names := strings.Split("F32 F16 Q4_0 Q4_1 - - - Q8_0 Q5_0 Q5_1 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q6_K "+
		"IQ2_XXS IQ2_XS Q2_K_S IQ3_XS IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ3_M IQ2_S IQ2_M IQ4_XS IQ1_M BF16 - - - TQ1_0 TQ2_0 MXFP4 NVFP4", " ")
	if n < 0 || n >= int64(len(names)) || names[n] == "-" {
		return ""
	}
	return names[n]
}
