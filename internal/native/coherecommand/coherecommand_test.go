package coherecommand_test

import (
	"encoding/json"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/coherecommand"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/prompt"
)

func model() native.Model { return nativetest.Model("cohere.command-text-v14") }

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, coherecommand.Family{}, model()) }

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, coherecommand.Family{}, model()) }

type object = map[string]any

// streaming is the family as it answers a body that asks for pieces.
func streaming() native.Family {
	return coherecommand.Family{}.Bind(&inference.Request{
		Extra: map[string]json.RawMessage{"stream": json.RawMessage("true")}, Prompt: &inference.Prompt{Text: "Go on"},
	})
}

func TestAnswerRepeatsThePrompt(t *testing.T) {
	t.Parallel()
	out, err := streaming().Complete(model(), &inference.Answer{Text: "x"})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Prompt string }
	if err := json.Unmarshal(out, &got); err != nil || got.Prompt != "Go on" {
		t.Errorf("got %s, %v, want the prompt in it", out, err)
	}
}

func TestStreamIsOneChunkUnlessAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		family native.Family
		want   int
	}{
		{"asked", streaming(), 3},
		{"not asked", coherecommand.Family{}.Bind(&inference.Request{}), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			chunks := 0
			s := c.family.Stream(model(), func([]byte) error { chunks++; return nil })
			for _, ev := range []inference.Event{inference.Started{}, inference.TextDelta{Text: "a"}, inference.TextDelta{Text: "b"}, inference.Finished{}} {
				if err := s.Event(ev); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.End(native.Metrics{}); err != nil {
				t.Fatal(err)
			}
			if chunks != c.want {
				t.Errorf("got %d chunks, want %d", chunks, c.want)
			}
		})
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTrip(t, coherecommand.Family{}, model(), func(r nativetest.Random) object {
		b := object{"prompt": r.Text(), "max_tokens": 1 + r.IntN(4096), "temperature": r.Hundredths(0, 500), "p": r.Hundredths(0, 100)}
		r.Maybe(b, "k", r.IntN(501))
		r.Maybe(b, "stop_sequences", r.Texts(4))
		r.Maybe(b, "return_likelihoods", "NONE")
		r.Maybe(b, "stream", r.Chance(2))
		r.Maybe(b, "logit_bias", object{"11": r.IntN(10)})
		r.Maybe(b, "truncate", r.Pick("NONE", "START", "END"))
		return b
	}, func(req *inference.Request) any {
		b := object{"prompt": prompt.Written(req), "max_tokens": req.MaxTokens, "temperature": *req.Temperature, "p": *req.TopP}
		if req.TopK != nil {
			b["k"] = *req.TopK
		}
		if req.StopSequences != nil {
			b["stop_sequences"] = req.StopSequences
		}
		for key, v := range req.Extra {
			b[key] = v
		}
		return b
	})
}
