package llamacpp

import (
	"context"

	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// Describe implements inference.Describer. It reads the header of the model's
// file and starts nothing.
func (b *Backend) Describe(ctx context.Context, name string) (*inference.ModelInfo, error) {
	m, err := b.p.Locate(ctx, name)
	if err != nil {
		return nil, err
	}
	f, err := gguf.Inspect(m.Path)
	if err != nil {
		return nil, unusable(name, err)
	}
	info := f.Info()
	d := &inference.ModelInfo{
		Name: name, Family: info.Architecture, Digest: m.Digest, Parameters: int64(info.Parameters),
		Syntax: protocol.DetectSyntax(f.Text("tokenizer.chat_template")),
	}
	if !pools(f) {
		d.ContextWindow, _ = cacheSize(f, b.p.sized(f))
	} else {
		d.ContextWindow = int(info.ContextLength)
		d.Dimensions = int(info.EmbeddingLength)
		if info.MaxInput > 0 {
			d.ContextWindow = min(d.ContextWindow, int(info.MaxInput))
		}
	}
	if n := b.loadedContext(name); n > 0 {
		d.ContextWindow = n
	}
	return d, nil
}

// pools reports whether the model makes embeddings.
func pools(f *gguf.File) bool {
	key := f.Text("general.architecture") + ".pooling_type"
	_, ok := f.Value(key)
	return ok && protocol.Pools(f.Integer(key))
}

// loadedContext is the context that a running child has memory for, 0 when
// there is none.
func (b *Backend) loadedContext(name string) int {
	b.mu.Lock()
	w := b.workers[name]
	b.mu.Unlock()
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.child == nil {
		return 0
	}
	return w.child.info.Context
}
