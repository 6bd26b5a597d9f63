package bedrock

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/outbound"
)

type inRegion struct{}

// Each region has a client of its own, made once; work of nobody's call goes where
// the backend itself is.
func TestClientsOfRegions(t *testing.T) {
	t.Parallel()
	asked := map[string]int{}
	client := func(region string) *remote.Client {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked[region]++
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"inputTokens":1}`))
		}))
		t.Cleanup(server.Close)
		c, err := remote.New(remote.Params{Name: "aws", URL: server.URL, Dialer: outbound.New(outbound.Params{})})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	made := 0
	b := New(Params{
		Name: "aws", Client: client(""),
		Region: func(ctx context.Context) string { region, _ := ctx.Value(inRegion{}).(string); return region },
		Other: func(region string) (*remote.Client, error) {
			if region == "nowhere" {
				return nil, errors.New("no such region")
			}
			made++
			return client(region), nil
		},
	})
	ask := func(region string) error {
		_, err := b.CountTokens(context.WithValue(t.Context(), inRegion{}, region), &inference.Request{
			Model: "m", Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "x"}}}},
		})
		return err
	}
	for _, region := range []string{"eu-west-1", "us-west-2", "", "eu-west-1"} {
		if err := ask(region); err != nil {
			t.Errorf("%s: %v", region, err)
		}
	}
	if err := ask("nowhere"); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v, want a fault of the server's own", err)
	}
	if made != 2 || asked["eu-west-1"] != 2 || asked["us-west-2"] != 1 || asked[""] != 1 {
		t.Errorf("made %d clients, asked %v", made, asked)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	for _, region := range []string{"eu-west-1", "", "sa-east-1"} {
		if err := ask(region); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s after the end: got %v, want it unavailable", region, err)
		}
	}
	if made != 2 {
		t.Error("a client was made after the end")
	}
}

// Answers of another form than was asked for are not taken for vectors.
func TestEmbeddingsThatAreNone(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct{ format, body string }{
		"no vector":        {titanEmbedV2, `{"inputTextTokenCount":1}`},
		"an empty one":     {titanEmbedV1, `{"embedding":[]}`},
		"two of one":       {novaEmbed, `{"embeddings":[{"embedding":[1]},{"embedding":[2]}]}`},
		"fewer than texts": {cohereEmbedV3, `{"embeddings":{"float":[]}}`},
		"another form":     {cohereEmbedV4, `{"embeddings":{"int8":[[1]]}}`},
		"words":            {cohereEmbedV4, `{"embeddings":"none"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(answer.body))
			}))
			defer server.Close()
			c, err := remote.New(remote.Params{Name: "aws", URL: server.URL, Dialer: outbound.New(outbound.Params{})})
			if err != nil {
				t.Fatal(err)
			}
			b := New(Params{Name: "aws", Client: c, Format: func(string) string { return answer.format }})
			defer func() { _ = b.Close() }()
			if made, err := b.Embed(t.Context(), &inference.EmbedRequest{Model: "m", Texts: []string{"x"}}); !fault.Is(err, fault.Upstream) {
				t.Errorf("got %v, %v, want an upstream fault", made, err)
			}
		})
	}
}
