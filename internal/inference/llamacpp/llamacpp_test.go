package llamacpp_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/backendtest"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
	"github.com/outcrop/outcrop/internal/inference/llamacpp/llamacpptest"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(fakeMode); mode != "" {
		os.Exit(playFake(mode))
	}
	llamacpptest.Main(m)
}

const (
	chatModel = "chat"
	vecModel  = "embedding"
)

// params run the real engine with the real default models, and with files
// that a test puts into the directory, which is returned.
func params(t testing.TB) (llamacpp.Params, string) {
	t.Helper()
	p := llamacpptest.Params(t, llamacpptest.Names{Chat: chatModel, Embedding: vecModel})
	dir := t.TempDir()
	locate := p.Locate
	p.Locate = func(ctx context.Context, name string) (llamacpp.Model, error) {
		if path := filepath.Join(dir, name); fileExists(path) {
			return llamacpp.Model{Path: path}, nil
		}
		return locate(ctx, name)
	}
	return p, dir
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func open(t testing.TB, p llamacpp.Params) *llamacpp.Backend {
	t.Helper()
	b := llamacpp.New(p)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestContract(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	backendtest.Run(t, func(t *testing.T) backendtest.Subject {
		return backendtest.Subject{
			Backend: open(t, p), Model: chatModel, Embedding: vecModel,
			Long:  "Write a very long story about the sea and a ship.",
			Tools: true, Output: true, Reasoning: true,
			Unreadable: []inference.Part{
				inference.Image{Format: "png", Bytes: []byte("x")}, inference.Document{Format: "txt", Name: "n", Text: "x"},
				inference.Video{Format: "mp4", Bytes: []byte("x")}, inference.Audio{Format: "mp3", Bytes: []byte("x")},
				inference.Reasoning{Redacted: []byte("x")},
			},
		}
	})
}
