package llamacpp

import (
	"context"
	"os"
	"time"

	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// Describe implements inference.Describer. It reads the header of the model's
// file, once as long as the file does not change, and starts nothing.
func (b *Backend) Describe(ctx context.Context, name string) (*inference.ModelInfo, error) {
	m, err := b.p.Locate(ctx, name)
	if err != nil {
		return nil, err
	}
	d, err := b.described(name, m.Path)
	if err != nil {
		return nil, err
	}
	d.Name, d.Digest = name, m.Digest
	if n := b.loadedContext(name); n > 0 {
		d.ContextWindow = n
	}
	return &d, nil
}

// description is what a header says, and of which state of the file.
type description struct {
	size     int64
	modified time.Time
	info     inference.ModelInfo
}

// described is what the header of a file says of the model. A header has a
// vocabulary, and takes milliseconds to read.
func (b *Backend) described(name, path string) (inference.ModelInfo, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return inference.ModelInfo{}, unusable(name, err)
	}
	b.mu.Lock()
	known, ok := b.headers[path]
	b.mu.Unlock()
	if ok && known.size == stat.Size() && known.modified.Equal(stat.ModTime()) {
		return known.info, nil
	}
	f, err := gguf.Inspect(path)
	if err != nil {
		return inference.ModelInfo{}, unusable(name, err)
	}
	info := f.Info()
	d := inference.ModelInfo{
		Family: info.Architecture, Parameters: int64(info.Parameters), Syntax: protocol.DetectSyntax(f.Text("tokenizer.chat_template")),
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
	b.mu.Lock()
	b.headers[path] = description{stat.Size(), stat.ModTime(), d}
	b.mu.Unlock()
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
