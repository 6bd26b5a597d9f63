package runner

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/llama"
	"github.com/outcrop/outcrop/internal/runner/protocol"
	"github.com/outcrop/outcrop/internal/runner/toolcall"
)

// fakeTokenizer makes a token of every four bytes or part of them, and keeps
// what it was asked.
type fakeTokenizer struct {
	mu    sync.Mutex
	sizes []int
	enter func() // in each call
}

func (f *fakeTokenizer) Tokenize(dst []llama.Token, text string, _ llama.Frame, _ llama.Parse) ([]llama.Token, error) {
	f.mu.Lock()
	f.sizes = append(f.sizes, len(text))
	f.mu.Unlock()
	if f.enter != nil {
		f.enter()
	}
	for i := 0; i < len(text); i += 4 {
		dst = append(dst, 0)
	}
	return dst, nil
}

func (f *fakeTokenizer) BOS() llama.Token { return -1 }
func (f *fakeTokenizer) AddsBOS() bool    { return false }

func fakePrompter(limit, longest int) (*prompter, *fakeTokenizer) {
	f := &fakeTokenizer{}
	return &prompter{vocab: f, syntax: inference.SyntaxPlain, limit: limit, most: limit * longest}, f
}

func native(text string) *protocol.Generate {
	return &protocol.Generate{Prompt: &inference.Prompt{Text: text, Syntax: inference.SyntaxPlain}}
}

// Budgets are for models that think, and efforts for those whose template knows
// none itself.
func TestBudgets(t *testing.T) {
	t.Parallel()
	const thinks, knows = "<think></think>", "<think></think> reasoning_effort"
	for name, tt := range map[string]struct {
		template string
		of       *inference.ReasoningConfig
		prompt   bool
		want     int
	}{
		"nothing is said":        {thinks, nil, false, 0},
		"a budget":               {thinks, &inference.ReasoningConfig{Mode: inference.ReasoningOn, Budget: 1500}, false, 1500},
		"of who does not think":  {"", &inference.ReasoningConfig{Budget: 1500}, false, 0},
		"in a native prompt":     {thinks, &inference.ReasoningConfig{Budget: 1500}, true, 0},
		"a low effort":           {thinks, &inference.ReasoningConfig{Effort: "low"}, false, 2048},
		"a high effort":          {thinks, &inference.ReasoningConfig{Effort: "high"}, false, 0},
		"a template with effort": {knows, &inference.ReasoningConfig{Effort: "low"}, false, 0},
		"and a budget beside it": {knows, &inference.ReasoningConfig{Effort: "low", Budget: 3}, false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := fakePrompter(100, 10)
			p.template, p.format = tt.template, toolcall.Detect(tt.template, nil)
			req := &protocol.Generate{Reasoning: tt.of}
			if tt.prompt {
				req.Prompt = native("x").Prompt
			}
			got, end, err := p.budget(req)
			if err != nil || got != tt.want || (len(end) > 0) != (tt.want > 0) {
				t.Errorf("got %d with %d tokens that end it, %v, want %d", got, len(end), err, tt.want)
			}
		})
	}
}

func TestHugePromptsCostLittle(t *testing.T) {
	t.Parallel()
	const kib, mib = 1 << 10, 1 << 20
	for name, tc := range map[string]struct {
		bytes   int
		longest int
		want    int   // tokens; 0: refused
		sizes   []int // of what is tokenized
	}{
		"short":                      {4 * kib, 128, kib, []int{4 * kib}},
		"more than the limit":        {48 * kib, 128, 12 * kib, []int{48 * kib}},
		"more than twice the limit":  {65 * kib, 128, 0, []int{64 * kib, kib}},
		"long, in a few slices":      {512 * kib, 128, 0, []int{64 * kib, 64 * kib}},
		"refused by its size":        {8 * mib, 128, 0, nil},
		"as large as a frame can be": {8 * mib, mib, 0, []int{64 * kib, 64 * kib}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, f := fakePrompter(8*kib, tc.longest)
			got, err := p.tokens(t.Context(), native(strings.Repeat("a", tc.bytes)))
			if tc.want == 0 && (!fault.Is(err, fault.Invalid) || fault.As(err).Message != protocol.TooLong) {
				t.Errorf("got %d tokens, %v, want %q", len(got), err, protocol.TooLong)
			}
			if tc.want > 0 && (err != nil || len(got) != tc.want) {
				t.Errorf("got %d tokens, %v, want %d", len(got), err, tc.want)
			}
			if diff := cmp.Diff(tc.sizes, f.sizes); diff != "" {
				t.Errorf("bytes tokenized (-want +got):\n%s", diff)
			}
		})
	}
}

// A long text that fits is counted as a whole: cuts would change the number.
func TestALongTextThatFitsIsCountedExactly(t *testing.T) {
	t.Parallel()
	p, f := fakePrompter(1<<20, 128)
	const size = 3*sliceBytes + 2
	got, err := p.tokens(t.Context(), native(strings.Repeat("a", size)))
	if want := size/4 + 1; err != nil || len(got) != want {
		t.Errorf("got %d tokens, %v, want %d", len(got), err, want)
	}
	if diff := cmp.Diff([]int{sliceBytes, sliceBytes, sliceBytes, 2, size}, f.sizes); diff != "" {
		t.Errorf("bytes tokenized (-want +got):\n%s", diff)
	}
}

func TestCancelBetweenSlices(t *testing.T) {
	t.Parallel()
	p, f := fakePrompter(1<<30, 128)
	ctx, cancel := context.WithCancel(t.Context())
	f.enter = cancel
	if _, err := p.tokens(ctx, native(strings.Repeat("a", 8<<20))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if diff := cmp.Diff([]int{sliceBytes}, f.sizes); diff != "" {
		t.Errorf("bytes tokenized (-want +got):\n%s", diff)
	}
}

func TestOnlyTheBeginningOfAHugeTextIsEmbedded(t *testing.T) {
	t.Parallel()
	_, f := fakePrompter(0, 0)
	got, err := embeddingTokens(t.Context(), f, strings.Repeat("word ", 2<<20), 256)
	if err != nil || len(got) != 256 {
		t.Errorf("got %d tokens, %v, want 256", len(got), err)
	}
	if len(f.sizes) != 2 || f.sizes[0] > sliceBytes || f.sizes[1] != 0 {
		t.Errorf("got %v bytes tokenized, want one slice and the frame", f.sizes)
	}
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		n    int
		want string
	}{
		"short":             {"abc", 5, "abc"},
		"one word":          {"abcdefgh", 5, "abcde"},
		"before a space":    {"abcd efgh", 6, "abcd"},
		"a space too early": {"a bcdefgh", 6, "a bcde"},
		"whole characters":  {"aa漢漢漢漢", 7, "aa漢"},
		"no text at all":    {"\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80\x80"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := prefix(tc.text, tc.n); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func FuzzPrefix(f *testing.F) {
	f.Add("a word, and 漢字 after it", 2*utf8.UTFMax)
	f.Fuzz(func(t *testing.T, text string, n int) {
		if n < 2*utf8.UTFMax || n > 1<<16 {
			t.Skip()
		}
		got := prefix(text, n)
		if !strings.HasPrefix(text, got) || len(got) > n || got == "" && text != "" {
			t.Errorf("got %q of %q", got, text)
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("got %q of %q, which cuts a character", got, text)
		}
	})
}

// However many requests come, two are prepared at a time, and one that is
// canceled while it waits costs nothing.
func TestPreparationIsBounded(t *testing.T) {
	t.Parallel()
	p, f := fakePrompter(1<<10, 128)
	in, out := make(chan struct{}), make(chan struct{})
	f.enter = func() {
		in <- struct{}{}
		<-out
	}
	s := newSession(newOutput(io.Discard))
	defer s.out.close()
	s.model = &loaded{prompter: p, scheduler: &scheduler{}}
	close(s.ready)
	frame := func(id uint32) protocol.Frame {
		return protocol.Frame{Kind: protocol.KindCount, ID: id, Payload: []byte(`{"prompt":{"Text":"abcd"}}`)}
	}
	const requests = 20
	for id := range uint32(requests) {
		s.start(t.Context(), frame(id+1))
	}
	for range mostPreparing {
		<-in
	}
	select {
	case <-in:
		t.Errorf("more than %d requests are prepared at a time", mostPreparing)
	default:
	}
	for id := range uint32(requests) {
		s.cancel(id + 1)
	}
	for range mostPreparing {
		out <- struct{}{}
	}
	// Those that waited have left: a new one comes in, and was the only one.
	s.start(t.Context(), frame(requests+1))
	<-in
	out <- struct{}{}
	if got, want := len(f.sizes), mostPreparing+1; got != want {
		t.Errorf("got %d requests tokenized, want %d", got, want)
	}
}
