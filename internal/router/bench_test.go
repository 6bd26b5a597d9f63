package router_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/router/failover"
)

// BenchmarkGenerate is what the way through the router costs, for an answer of 20
// pieces of a backend that takes no time. Run it with -cpu 1,2: two processors
// must not wait for each other.
func BenchmarkGenerate(b *testing.B) {
	answer := func() *fake {
		var pieces []inference.Event
		pieces = append(pieces, inference.Started{})
		for range 20 {
			pieces = append(pieces, inference.TextDelta{Text: "x"})
		}
		pieces = append(pieces, inference.Finished{})
		return &fake{generate: func(_ context.Context, _ *inference.Request, emit func(inference.Event) error) error {
			for _, ev := range pieces {
				if err := emit(ev); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	backends := func() map[string]inference.Backend {
		return map[string]inference.Backend{"a": answer(), "b": answer(), "c": answer()}
	}
	p := router.Params{
		DefaultBackend: "c", Sticky: true, Timeouts: failover.Timeouts{FirstToken: time.Minute, Idle: time.Minute, Total: time.Hour},
		Guarded: map[string]failover.Timeouts{"a": {}, "b": {}},
		Policy:  failover.Policy{Attempts: 2, Backoff: time.Second, MaxBackoff: time.Second, Budget: 0.2, Failures: 5, Open: time.Second},
		Routes: []router.Route{
			{Match: "acme.chain", Chain: []router.Candidate{{Model: "a/m"}, {Model: "b/m"}, {Model: "c/m", Tier: 1}}},
			{Match: "acme.one", Model: "a/m"},
			{Match: "acme.inside", Model: "c/m"},
		},
	}
	for _, id := range []string{"acme.inside", "acme.one", "acme.chain"} {
		b.Run(strings.TrimPrefix(id, "acme."), func(b *testing.B) {
			r := chained(b, p, backends())
			req := &inference.Request{
				System:   []inference.Part{inference.Text{Text: strings.Repeat("Be kind. ", 200)}},
				Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "Hello, how are you today?"}}}},
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				ctx := context.Background()
				sub := *req
				for pb.Next() {
					t, err := r.Resolve(ctx, id, "us-east-1", "000000000000", "")
					if err != nil {
						b.Fatal(err)
					}
					sub.Model = t.Name()
					if err := r.Generate(ctx, &sub, func(inference.Event) error { return nil }); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
