package llamacpp_test

import (
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
)

// What a second request reads from the cache is what the first one wrote, and
// all three counts together are the prompt.
func TestRealCachePoints(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	b := open(t, p)
	long := strings.Repeat("Outcrop is a server for models. ", 12)
	usage := func(question string, change func(*inference.Request)) (u inference.Usage, all int) {
		t.Helper()
		req := ask(chatModel, question)
		req.System = []inference.Part{inference.Text{Text: long}, inference.CachePoint{}}
		req.MaxTokens, req.Temperature = 2, new(float64)
		if change != nil {
			change(req)
		}
		a, err := inference.Collect(t.Context(), b, req)
		if err != nil {
			t.Fatal(err)
		}
		if all, err = b.CountTokens(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if got := a.Usage.InputTokens + a.Usage.CacheReadTokens + a.Usage.CacheWriteTokens; got != all {
			t.Errorf("got %+v, want %d tokens together", a.Usage, all)
		}
		return a.Usage, all
	}
	first, _ := usage("Hello", nil)
	if first.CacheReadTokens != 0 || first.CacheWriteTokens < 60 || first.InputTokens > 30 {
		t.Errorf("got %+v, want the system text written", first)
	}
	second, _ := usage("What is it?", nil)
	if second.CacheReadTokens != first.CacheWriteTokens || second.CacheWriteTokens != 0 {
		t.Errorf("got %+v, want what %+v wrote", second, first)
	}
	plain, all := usage("Why?", func(r *inference.Request) { r.System = r.System[:1] })
	if plain.CacheReadTokens != 0 || plain.CacheWriteTokens != 0 || plain.InputTokens != all {
		t.Errorf("got %+v without a cache point", plain)
	}
	tools := func(r *inference.Request) {
		r.System = nil
		for _, name := range []string{"one", "two"} {
			tool := weather()
			tool.Name = name
			r.Tools = append(r.Tools, tool)
		}
		r.Tools[1].Cache = &inference.CachePoint{TTL: "1h"}
	}
	first, _ = usage("Hello", tools)
	second, _ = usage("What is it?", tools)
	if first.CacheWriteTokens < 60 || second.CacheReadTokens != first.CacheWriteTokens+first.CacheReadTokens {
		t.Errorf("got %+v and then %+v, want the tools read", first, second)
	}
	turns := func(r *inference.Request) {
		r.Messages[0].Parts = append(r.Messages[0].Parts, inference.CachePoint{})
	}
	third, _ := usage("What is it?", turns)
	if third.CacheReadTokens <= 60 || third.InputTokens > 12 {
		t.Errorf("got %+v, want all but the end in the cache", third)
	}
}
