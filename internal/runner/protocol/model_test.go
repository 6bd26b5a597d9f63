package protocol_test

import (
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

func TestCacheSize(t *testing.T) {
	t.Parallel()
	const kib, mib, gib = 1 << 10, 1 << 20, 1 << 30
	for name, tc := range map[string]struct {
		trained      int
		perToken     int64
		load         protocol.Load
		limit, cells int
	}{
		"the default model, a small machine": {8192, 23040, protocol.Load{CacheBytes: 192 * mib, CacheMost: 5 * gib}, 8192, 8960},
		"the default model, a large machine": {8192, 23040, protocol.Load{CacheBytes: gib, CacheMost: 24 * gib}, 8192, 32768},
		"a long context, not asked for":      {131072, 128 * kib, protocol.Load{CacheBytes: 192 * mib, CacheMost: 5 * gib}, 8192, 8192},
		"a long context, asked for":          {131072, 128 * kib, protocol.Load{CacheBytes: 192 * mib, CacheMost: gib, Context: 32768}, 32768, 32768},
		"more than the model's":              {2048, 128 * kib, protocol.Load{CacheBytes: 192 * mib, Context: 32768}, 2048, 2048},
		"little memory":                      {131072, 128 * kib, protocol.Load{CacheBytes: 192 * mib, CacheMost: 768 * mib}, 6144, 6144},
		"memory between two granules":        {8192, 23040, protocol.Load{CacheBytes: 192 * mib, CacheMost: 106 * mib}, 4608, 4608},
		"hardly any memory":                  {131072, 128 * kib, protocol.Load{CacheBytes: 192 * mib, CacheMost: 1}, 512, 512},
		"nothing is known":                   {0, 0, protocol.Load{}, 4096, 16384},
		"no limit of memory":                 {131072, 128 * kib, protocol.Load{}, 8192, 8192},
		"rounded up":                         {1000, 1, protocol.Load{CacheBytes: 1}, 1000, 1024},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit, cells := protocol.CacheSize(tc.trained, tc.perToken, tc.load)
			if limit != tc.limit || cells != tc.cells {
				t.Errorf("got %d tokens of %d, want %d of %d", limit, cells, tc.limit, tc.cells)
			}
		})
	}
}

func TestTooLong(t *testing.T) {
	t.Parallel()
	messages := func(n int, text string) protocol.Generate {
		return protocol.Generate{Messages: make([]protocol.Message, n), System: []protocol.Part{{Text: text}}}
	}
	chatML := func(text string) protocol.Generate {
		return protocol.Generate{
			Messages: []protocol.Message{{Role: inference.RoleUser, Parts: []protocol.Part{{Text: "a"}}}},
			Prompt:   &inference.Prompt{Text: text, Syntax: inference.SyntaxChatML},
		}
	}
	for name, tc := range map[string]struct {
		syntax inference.Syntax
		req    protocol.Generate
		want   bool
	}{
		"fits":                    {"", messages(1, strings.Repeat("a", 100)), false},
		"a byte too many":         {"", messages(1, strings.Repeat("a", 101)), true},
		"space around":            {"", messages(1, "a"+strings.Repeat(" ", 200)), false},
		"too many messages":       {"", messages(11, ""), true},
		"prompt in its syntax":    {inference.SyntaxChatML, chatML(strings.Repeat(" ", 101)), true},
		"prompt in another's one": {inference.SyntaxLlama3, chatML(strings.Repeat(" ", 101)), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.req.TooLong(tc.syntax, 10, 100); got != tc.want {
				t.Errorf("got %t, want %t", got, tc.want)
			}
		})
	}
}
