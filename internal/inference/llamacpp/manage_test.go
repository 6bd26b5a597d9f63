package llamacpp_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
)

// phase is how far the model m is.
func (f *fakes) phase() llamacpp.Status {
	f.t.Helper()
	for _, s := range f.Statuses() {
		if s.Name == "m" {
			return s
		}
	}
	return llamacpp.Status{}
}

func TestLoadAndUnloadWhenAsked(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "answers", nil)
	if s := f.phase(); s.Phase != "" {
		t.Errorf("before anybody asks: got %+v", s)
	}
	if err := f.Unload(t.Context(), "m"); err != nil {
		t.Errorf("unload what is not loaded: %v", err)
	}
	for range 2 { // the second one finds it loaded
		if err := f.Load(t.Context(), "m"); err != nil {
			t.Fatal(err)
		}
	}
	if s := f.phase(); s.Phase != llamacpp.Loaded || s.Bytes != 100<<20 || s.Context != 100 || s.Users != 0 || !s.Loaded.Equal(f.clock.Now()) {
		t.Errorf("loaded: got %+v", s)
	}
	if err := f.Unload(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	if s := f.phase(); s.Phase != llamacpp.Unloaded || s.Bytes != 0 {
		t.Errorf("unloaded: got %+v", s)
	}
	if err := f.say("hello"); err != nil {
		t.Errorf("a request after it: %v", err)
	}
	if n := f.starts(); n != 2 {
		t.Errorf("got %d children, want 2", n)
	}
}

// hold begins an answer that does not end before let is called.
func (f *fakes) hold() (let func()) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	begun, over := make(chan struct{}), make(chan error, 1)
	go func() {
		over <- f.Generate(ctx, ask("m", "hold"), func(ev inference.Event) error {
			if _, ok := ev.(inference.TextDelta); ok {
				close(begun)
			}
			return nil
		})
	}()
	<-begun
	return func() {
		cancel()
		if err := <-over; !errors.Is(err, context.Canceled) {
			f.t.Errorf("the answer that was held: got %v", err)
		}
	}
}

// Who uses a model is waited for; who comes meanwhile waits, and has the model
// loaded anew.
func TestUnloadingIsPolite(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "answers", nil)
	let := f.hold()
	unloaded := make(chan error, 2)
	for range 2 {
		go func() { unloaded <- f.Unload(t.Context(), "m") }()
	}
	for f.phase().Phase != llamacpp.Unloading {
		runtime.Gosched() // it begins in another goroutine
	}
	if s := f.phase(); s.Users != 1 {
		t.Errorf("got %+v, want one who uses it", s)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Generate(gone, ask("m", "hello"), func(inference.Event) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("who goes while waiting: got %v", err)
	}
	said := make(chan error, 1)
	go func() { said <- f.say("hello") }()
	select {
	case err := <-unloaded:
		t.Fatalf("it did not wait: %v", err)
	case err := <-said:
		t.Fatalf("the old process was asked: %v", err)
	default:
	}
	let()
	for range 2 {
		if err := <-unloaded; err != nil {
			t.Error(err)
		}
	}
	if err := <-said; err != nil {
		t.Error(err)
	}
	if n := f.starts(); n != 2 {
		t.Errorf("got %d children, want 2", n)
	}
}

func TestUnloadingGivesUp(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "answers", nil)
	let := f.hold()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.Unload(ctx, "m")
	const want = "The model m stays loaded: it is used by 1 requests that did not end in time."
	if fl := fault.As(err); fl == nil || fl.Kind != fault.Unavailable || fl.Message != want {
		t.Errorf("got %v", err)
	}
	if s := f.phase(); s.Phase != llamacpp.Loaded {
		t.Errorf("got %+v, want it loaded", s)
	}
	let()
	if err := f.say("hello"); err != nil {
		t.Error(err)
	}
	if n := f.starts(); n != 1 {
		t.Errorf("got %d children, want 1", n)
	}
}

func TestStatusOfWhatDoesNotLoad(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "refuses", nil)
	if err := f.Load(t.Context(), "m"); !fault.Is(err, fault.Upstream) {
		t.Errorf("got %v", err)
	}
	if s := f.phase(); s.Phase != llamacpp.Broken || s.Why != "The model file is not usable: magic." {
		t.Errorf("got %+v", s)
	}
}

func TestNeed(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "answers", func(p *llamacpp.Params) { p.MemoryLimit, p.Context = 1<<30, 512 })
	path := filepath.Join(t.TempDir(), "m.gguf")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := gguf.Write(file, []gguf.KV{
		{Key: "general.architecture", Value: "llama"}, {Key: "llama.context_length", Value: uint32(2048)}, {Key: "llama.block_count", Value: uint32(4)},
		{Key: "llama.embedding_length", Value: uint32(256)}, {Key: "llama.attention.head_count", Value: uint32(4)},
	}, nil); err != nil {
		t.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	need, err := f.Need(path)
	if err != nil || need <= info.Size() || need > f.Estimate(info.Size()) {
		t.Errorf("got %d, %v, want more than the %d bytes of the file and no more than the estimate %d", need, err, info.Size(), f.Estimate(info.Size()))
	}
	if _, err := f.Need(path + "x"); err == nil {
		t.Error("got what a file needs that is not there")
	}
	if f.MemoryLimit() != 1<<30 {
		t.Errorf("got the limit %d", f.MemoryLimit())
	}
}
