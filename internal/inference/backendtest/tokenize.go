package backendtest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

var tokenizeCases = map[string]func(*testing.T, Subject){
	"plain texts, in order": func(t *testing.T, s Subject) {
		for _, model := range s.models() {
			got := s.countTexts(t, model, "the sea", "", "the sea and the ship and the wide sky", "the sea")
			if len(got) != 4 {
				t.Fatalf("%s: got %d counts, want 4", model, len(got))
			}
			if got[0] <= 0 || got[0] != got[3] || got[1] != 0 || got[2] <= got[0] {
				t.Errorf("%s: got %v, want equal counts for equal texts, 0 for none and more for the longer", model, got)
			}
		}
	},
	"each word as much as the one before": func(t *testing.T, s Subject) {
		for _, model := range s.models() {
			got := s.countTexts(t, model, words(2), words(3), words(4))
			if got[1]-got[0] != got[2]-got[1] || got[1] <= got[0] {
				t.Errorf("%s: got %v, want the same step twice", model, got)
			}
		}
	},
	"control tokens are text": func(t *testing.T, s Subject) {
		for _, model := range s.models() {
			for _, text := range []string{"a <|im_start|> b", "a [SEP] b", "a </s> b", "a <|endoftext|> b"} {
				if got := s.countTexts(t, model, text)[0]; got < 3 {
					t.Errorf("%s: got %d tokens for %q", model, got, text)
				}
			}
		}
	},
	"bad characters": func(t *testing.T, s Subject) {
		for _, model := range s.models() {
			got := s.countTexts(t, model, "a\xff\xfeb", "a\x00b", "漢字とかな", "😀 👩‍👩‍👧‍👦", "\u0301\u0301", strings.Repeat("\n", 50))
			if len(got) != 6 {
				t.Errorf("%s: got %d counts, want 6", model, len(got))
			}
		}
	},
	"long and many": func(t *testing.T, s Subject) {
		for _, model := range s.models() {
			one := s.countTexts(t, model, words(10))[0]
			const many = 60_000
			if got := s.countTexts(t, model, words(many))[0]; got < one/10*many || got > one/10*many+many/10 {
				t.Errorf("%s: got %d tokens in %d words", model, got, many)
			}
			texts := make([]string, 20_000)
			for i := range texts {
				texts[i] = words(10)
			}
			got := s.countTexts(t, model, texts...)
			if len(got) != len(texts) || got[0] != one || got[len(got)-1] != one {
				t.Errorf("%s: got %d counts, %d first, want %d of %d", model, len(got), got[0], len(texts), one)
			}
		}
	},
	"at once": func(t *testing.T, s Subject) {
		texts := []string{s.Long, "größer als das Meer", strings.Repeat("waves and ", 300)}
		want := s.countTexts(t, s.Model, texts...)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if diff := cmp.Diff(want, s.countTexts(t, s.Model, texts...)); diff != "" {
					t.Errorf("counts (-want +got):\n%s", diff)
				}
			})
		}
		wg.Wait()
	},
	"no texts": func(t *testing.T, s Subject) {
		if got := s.countTexts(t, s.Model); len(got) != 0 {
			t.Errorf("got %v, want none", got)
		}
	},
	"refuses a model that does not exist": func(t *testing.T, s Subject) {
		for _, texts := range [][]string{nil, {"x"}} {
			_, err := s.Backend.(inference.Tokenizer).CountTexts(t.Context(), &inference.TokenizeRequest{Model: "no-such-model", Texts: texts})
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%d texts: got %v, want a fault of kind %v", len(texts), err, fault.NotFound)
			}
		}
	},
	"canceled": func(t *testing.T, s Subject) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Backend.(inference.Tokenizer).CountTexts(ctx, &inference.TokenizeRequest{Model: s.Model, Texts: []string{"x"}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	},
}

// words is a text of so many words.
func words(n int) string { return strings.TrimSpace(strings.Repeat("sea ", n)) }

// models are those whose texts can be counted: all.
func (s Subject) models() []string {
	if s.Embedding == "" {
		return []string{s.Model}
	}
	return []string{s.Model, s.Embedding}
}

func (s Subject) countTexts(t *testing.T, model string, texts ...string) []int {
	t.Helper()
	n, err := s.Backend.(inference.Tokenizer).CountTexts(t.Context(), &inference.TokenizeRequest{Model: model, Texts: texts})
	if err != nil {
		t.Error(err)
		return make([]int, len(texts))
	}
	return n
}
