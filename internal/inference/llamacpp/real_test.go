package llamacpp_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/inference"
)

// greedy is a request whose answer is long and always the same.
func greedy(tokens int) *inference.Request {
	req := ask(chatModel, "Write a very long story about the sea and a ship.")
	req.MaxTokens = tokens
	req.Temperature, req.Seed = new(float64), new(uint32)
	return req
}

func TestRealDeathOfTheChild(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	b := open(t, p)
	deltas := 0
	err := b.Generate(t.Context(), greedy(0), func(ev inference.Event) error {
		if _, ok := ev.(inference.TextDelta); ok {
			if deltas++; deltas == 3 {
				child, err := os.FindProcess(b.PID(chatModel))
				if err != nil {
					return err
				}
				return child.Kill()
			}
		}
		return nil
	})
	if !fault.Is(err, fault.Upstream) {
		t.Errorf("got %v, want %v", err, fault.Upstream)
	}
	if a, err := inference.Collect(t.Context(), b, greedy(4)); err != nil || a.Text == "" {
		t.Errorf("the next request: got %+v, %v", a, err)
	}
}

// Eight answers are made at the same time, not one after the other.
func TestRealStreamsInterleave(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	b := open(t, p)
	if _, err := b.CountTokens(t.Context(), greedy(1)); err != nil { // loads the model
		t.Fatal(err)
	}
	const streams, tokens = 8, 24
	var mu sync.Mutex
	var order []int
	var wg sync.WaitGroup
	for i := range streams {
		wg.Go(func() {
			err := b.Generate(t.Context(), greedy(tokens), func(ev inference.Event) error {
				if _, ok := ev.(inference.TextDelta); ok {
					mu.Lock()
					order = append(order, i)
					mu.Unlock()
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	switches := 0
	for i := range order[1:] {
		if order[i] != order[i+1] {
			switches++
		}
	}
	if switches < streams*tokens/4 {
		t.Errorf("got %d changes of stream in %d deltas, want them mixed", switches, len(order))
	}
}

// Other seeds make other answers; that one makes the same is in the contract.
func TestRealSeedsDiffer(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	b := open(t, p)
	hot := 1.0
	request := func(seed uint32) *inference.Request {
		req := greedy(24)
		req.Temperature, req.Seed = &hot, &seed
		return req
	}
	texts := map[string]bool{}
	for seed := range uint32(4) {
		a, err := inference.Collect(t.Context(), b, request(seed))
		if err != nil {
			t.Fatal(err)
		}
		texts[a.Text] = true
	}
	if len(texts) < 3 {
		t.Errorf("got %d different answers for 4 seeds", len(texts))
	}
}

// A description is kept as long as the file is the same, and no longer.
func TestRealDescriptionFollowsTheFile(t *testing.T) {
	t.Parallel()
	p, dir := params(t)
	b := open(t, p)
	write := func(context uint32, modified time.Time) {
		path := filepath.Join(dir, "changing")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		err = gguf.Write(f, []gguf.KV{{Key: "general.architecture", Value: "bert"}, {Key: "bert.pooling_type", Value: uint32(1)}, {Key: "bert.context_length", Value: context}}, nil)
		if err = errors.Join(err, f.Close(), os.Chtimes(path, modified, modified)); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	for i, context := range []uint32{128, 256} {
		write(context, now.Add(time.Duration(i)*time.Second))
		for range 2 {
			if info, err := b.Describe(t.Context(), "changing"); err != nil || info.ContextWindow != int(context) || info.Name != "changing" {
				t.Errorf("got %+v, %v, want a context of %d", info, err, context)
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, "changing")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Describe(t.Context(), "changing"); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want %v", err, fault.NotFound)
	}
}

func TestRealModelFilesThatAreNone(t *testing.T) {
	t.Parallel()
	p, dir := params(t)
	chat, err := p.Locate(t.Context(), chatModel)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(chat.Path)
	if err != nil {
		t.Fatal(err)
	}
	header := filepath.Join(dir, "no-tensors")
	f, err := os.Create(header)
	if err != nil {
		t.Fatal(err)
	}
	if err := gguf.Write(f, []gguf.KV{
		{Key: "general.architecture", Value: "llama"}, {Key: "llama.context_length", Value: uint32(128)},
	}, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty": {}, "text": []byte("this is not a model, it is a text file about models"),
		"cut-off-in-the-header": whole[:100_000], "cut-off-in-the-weights": whole[:len(whole)-1_000_000],
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := open(t, p)
	for _, name := range []string{"empty", "text", "cut-off-in-the-header", "cut-off-in-the-weights", "no-tensors"} {
		t.Run(name, func(t *testing.T) {
			_, err := inference.Collect(t.Context(), b, ask(name, "hello"))
			if !fault.Is(err, fault.Upstream) {
				t.Fatalf("got %v, want %v", err, fault.Upstream)
			}
			if m := fault.As(err).Message; strings.Contains(m, string(filepath.Separator)) || !strings.Contains(m, "model file") {
				t.Errorf("got message %q, want one about the model file without its path", m)
			}
		})
	}
	if _, err := inference.Collect(t.Context(), b, greedy(2)); err != nil {
		t.Errorf("a good model afterwards: %v", err)
	}
}

func TestRealCancelGivesTheSlotBack(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	p.Slots = 1
	b := open(t, p)
	// A prompt that takes many batches to read holds the only slot.
	long := greedy(0)
	long.Messages[0].Parts[0] = inference.Text{Text: strings.Repeat("The sea was wide. ", 1200)}
	if n, err := b.CountTokens(t.Context(), long); err != nil || n < 4000 {
		t.Fatalf("got %d tokens, %v, want a long prompt", n, err)
	}
	for i := range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- b.Generate(ctx, long, func(inference.Event) error {
				return errors.New("the whole prompt was read")
			})
		}()
		other := ask(chatModel, fmt.Sprintf("Hello %d", i))
		other.MaxTokens = 1
		if _, err := b.CountTokens(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if _, err := inference.Collect(t.Context(), b, other); err != nil {
			t.Error(err)
		}
	}
}

// Texts that tokenizers are slow at, or crash on, when they are long. Each is
// refused before anything is computed, by size or by the first slices of it.
func TestRealHugePrompts(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	b := open(t, p)
	const want = "Input is too long for requested model."
	for name, unit := range map[string]string{
		"letters": "a", "spaces": " ", "digits": "7", "newlines": "\n", "emoji": "😀", "brackets": "<", "control tokens": "<|im_end|>",
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{500_000, 4_000_000} {
				if strings.TrimSpace(unit) == "" && size < 1_000_000 {
					continue // half a million spaces do fit
				}
				// The letters at the ends keep a template from trimming.
				req := ask(chatModel, "x"+strings.Repeat(unit, size/len(unit))+"x")
				if _, err := b.CountTokens(t.Context(), req); !fault.Is(err, fault.Invalid) || fault.As(err).Message != want {
					t.Errorf("count of %d bytes: got %v, want %q", size, err, want)
				}
				if _, err := inference.Collect(t.Context(), b, req); !fault.Is(err, fault.Invalid) || fault.As(err).Message != want {
					t.Errorf("answer to %d bytes: got %v, want %q", size, err, want)
				}
			}
		})
	}
}

// How large a model is decides how others ask it.
func TestRealSizes(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	b := open(t, p)
	for model, want := range map[string]int64{chatModel: 134_515_008, vecModel: 22_565_376} {
		info, err := b.Describe(t.Context(), model)
		if err != nil {
			t.Fatal(err)
		}
		if info.Parameters != want {
			t.Errorf("%s: got %d parameters, want %d", model, info.Parameters, want)
		}
	}
}
