package pack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"os"
	"path/filepath"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/gguf/bert"
)

// The default embedding model is published as safetensors; the engine reads the
// GGUF that is made of it. Its digest is known beforehand because the
// conversion is deterministic; it changes only with the converter.
const (
	embeddingFile = "all-minilm-l6-v2-f16.gguf"

	// EmbeddingSHA256 is the digest of the converted default embedding model.
	EmbeddingSHA256 = "8f5416a717cbcb17b735d87baf6fe5e772878888f38d11afb8ecc987102c046c"
	// EmbeddingSize is its size in bytes.
	EmbeddingSize = 46220608
)

// EmbeddingMeta is what the converted model says about itself.
func EmbeddingMeta() bert.Meta {
	return bert.Meta{Name: "all-MiniLM-L6-v2", License: "apache-2.0", URL: "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"}
}

// converted is a pin of the conversion's result, so that it is stamped and
// verified like a pack.
func converted() *Pin {
	return &Pin{
		Name: Embedding, Version: "gguf", Title: "converted embedding model", License: "Apache-2.0", Integrity: "sha256:" + EmbeddingSHA256,
		Files: []PinFile{{As: embeddingFile, Size: EmbeddingSize, SHA256: EmbeddingSHA256}},
	}
}

// EmbeddingModel returns the path of the default embedding model's GGUF.
// Faults: NotReady before Ensure has fetched and converted it.
func (s *Store) EmbeddingModel() (string, error) {
	pin := converted()
	if !s.ready(pin) {
		return "", fault.New(fault.NotReady, "the default embedding model has not been fetched yet; run: outcrop setup")
	}
	return filepath.Join(s.path(pin), embeddingFile), nil
}

// convert makes the GGUF of the fetched embedding model.
func (s *Store) convert(ctx context.Context) (err error) {
	from, err := s.Dir(Embedding)
	if err != nil {
		return err
	}
	pin := converted()
	unlock, err := s.lock(ctx, pin)
	if err != nil {
		return err
	}
	defer unlock()
	if s.ready(pin) {
		return nil
	}
	tmp, err := s.scratch(pin)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(tmp)
		}
	}()
	bar := s.fetch.Progress().Begin("converting the embedding model", EmbeddingSize)
	err = s.convertTo(ctx, filepath.Join(tmp, embeddingFile), bert.Dir(from), bar.Set)
	bar.End(err)
	if err != nil {
		return err
	}
	if err := writeLicense(pin, tmp); err != nil {
		return err
	}
	if err := s.writeStamp(pin, tmp); err != nil {
		return err
	}
	return replaceDir(tmp, s.path(pin))
}

func (s *Store) convertTo(ctx context.Context, path string, from bert.Source, progress func(int64)) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fetch.DiskFault(err, "cannot write %s", path)
	}
	defer file.Close()
	out := &sumWriter{ctx: ctx, to: diskWriter{file, path}, sum: sha256.New(), progress: progress}
	if err := bert.Convert(out, from, EmbeddingMeta()); err != nil {
		return err
	}
	if got := hex.EncodeToString(out.sum.Sum(nil)); got != EmbeddingSHA256 {
		return fault.New(fault.Internal, "the embedding model was converted to a file with SHA-256 %s, expected %s", got, EmbeddingSHA256)
	}
	return settle(file, path)
}

// sumWriter writes, sums and stops when its context ends.
type sumWriter struct {
	ctx      context.Context // of the one conversion that the writer lives for
	to       diskWriter
	sum      hash.Hash
	n        int64
	progress func(int64)
}

func (w *sumWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.to.Write(p)
	w.sum.Write(p[:n])
	w.n += int64(n)
	w.progress(w.n)
	return n, err
}

// ModelFile tells name, size and digest of a default model's GGUF, also before
// it has been fetched; name is Chat or Embedding.
func (s *Store) ModelFile(name string) PinFile {
	if name == Embedding {
		return converted().Files[0]
	}
	if pin, err := s.pin(name); err == nil {
		for _, file := range pin.Files {
			if filepath.Ext(file.As) == ".gguf" {
				return file
			}
		}
	}
	return PinFile{}
}
