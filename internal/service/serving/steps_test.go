package serving_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// Whoever follows a call learns who was admitted to, who was asked in vain and who
// answered, without the words of a server.
func TestSteps(t *testing.T) {
	t.Parallel()
	const haiku = "anthropic.claude-3-5-haiku-20241022-v1:0"
	for name, ask := range map[string]func(m *serving.Models, c *call.Call, target *router.Target) error{
		"a generation": func(m *serving.Models, c *call.Call, target *router.Target) error {
			_, err := inference.Collect(call.With(t.Context(), c), serving.NewRun(m, target, serving.Limits{Now: time.Now, Timeout: time.Minute}), &inference.Request{})
			return err
		},
		"embeddings": func(m *serving.Models, c *call.Call, target *router.Target) error {
			_, err := m.Embed(call.With(t.Context(), c), &inference.EmbedRequest{Model: target.Name()})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			models, err := catalog.New()
			if err != nil {
				t.Fatal(err)
			}
			r, err := router.New(models, map[string]inference.Backend{"a": backend{fault.New(fault.Upstream, "a secret of the server")}, "b": backend{}}, router.Params{
				Routes: []router.Route{{Match: "*", Chain: []router.Candidate{{Model: "a/small"}, {Model: "b/*", Tier: 1}}}}, Fallback: []string{"error"}, DefaultBackend: "a",
			})
			if err != nil {
				t.Fatal(err)
			}
			m := serving.NewModels(serving.ModelsParams{Router: r})
			c := &call.Call{RequestID: "r", Account: "1", Region: "us-east-1", Start: time.Now()}
			c.Follow(time.Now)
			target, err := serving.Resolve(call.With(t.Context(), c), m, haiku, "")
			if err != nil {
				t.Fatal(err)
			}
			if err := ask(m, c, target); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range c.Steps() {
				got = append(got, s.Name+" "+s.Detail)
			}
			if diff := cmp.Diff([]string{"admitted a/small", "tried a/small: upstream", "answered b/" + haiku}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			c.End()
		})
	}
}
