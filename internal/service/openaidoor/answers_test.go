package openaidoor_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/inference"
)

// drawn is a random answer of all that a response has a place for.
func drawn(r *rand.Rand) *inference.Answer {
	text := func() string {
		return []string{"gneiss", "日本 & <b>", "a\nb", `"quoted" \`, "🪨"}[r.IntN(5)] + fmt.Sprint(r.IntN(9))
	}
	a := &inference.Answer{Reason: []inference.StopReason{inference.StopEndTurn, inference.StopMaxTokens, inference.StopFiltered}[r.IntN(3)]}
	a.Usage = inference.Usage{InputTokens: r.IntN(99), OutputTokens: 9 + r.IntN(99), CacheReadTokens: r.IntN(99), ReasoningTokens: r.IntN(9)}
	for i := range r.IntN(6) {
		switch r.IntN(5) {
		case 0:
			a.Parts = append(a.Parts, inference.Reasoning{Text: text(), Signature: []string{"", "c2ln"}[r.IntN(2)]})
		case 1:
			a.Parts = append(a.Parts, inference.Reasoning{Redacted: []byte(text())})
		case 2:
			a.Parts = append(a.Parts, inference.ToolUse{
				ID: fmt.Sprintf("call_%d", i), Name: "f", Input: json.RawMessage([]string{`{}`, `{"z":2.50,"a":"\u003c日"}`}[r.IntN(2)]),
			})
		case 3:
			a.Parts = append(a.Parts, inference.Image{Format: "png", Bytes: []byte(text())})
		default:
			a.Parts = append(a.Parts, inference.Text{Text: text()})
		}
	}
	return a
}

// seen reads a response as clients do.
func seen(t *testing.T, body []byte) *inference.Answer {
	t.Helper()
	var in struct {
		Status  string
		Details *struct{ Reason string } `json:"incomplete_details"`
		Output  []struct {
			Type, Name, Arguments, Result string
			CallID                        string `json:"call_id"`
			Encrypted                     string `json:"encrypted_content"`
			Content                       []struct{ Type, Text string }
		}
		Usage struct {
			Input  int `json:"input_tokens"`
			Output int `json:"output_tokens"`
			Total  int `json:"total_tokens"`
			Cached struct {
				Tokens int `json:"cached_tokens"`
			} `json:"input_tokens_details"`
			Made struct {
				Reasoning int `json:"reasoning_tokens"`
			} `json:"output_tokens_details"`
		}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		t.Fatal(err)
	}
	a := &inference.Answer{Reason: inference.StopEndTurn}
	if in.Details != nil {
		a.Reason = map[string]inference.StopReason{"max_output_tokens": inference.StopMaxTokens, "content_filter": inference.StopFiltered}[in.Details.Reason]
	}
	u := in.Usage
	a.Usage = inference.Usage{InputTokens: u.Input - u.Cached.Tokens, OutputTokens: u.Output, CacheReadTokens: u.Cached.Tokens, ReasoningTokens: u.Made.Reasoning}
	if u.Total != u.Input+u.Output {
		t.Errorf("got %d tokens in total, want %d", u.Total, u.Input+u.Output)
	}
	for _, item := range in.Output {
		switch item.Type {
		case "message":
			a.Parts = append(a.Parts, inference.Text{Text: item.Content[0].Text})
		case "reasoning":
			var proof struct {
				S string
				R []byte
			}
			if item.Encrypted != "" {
				sealed, err := base64.StdEncoding.DecodeString(item.Encrypted)
				if err != nil || json.Unmarshal(sealed, &proof) != nil {
					t.Fatalf("got the proof %q", item.Encrypted)
				}
			}
			a.Parts = append(a.Parts, inference.Reasoning{Text: item.Content[0].Text, Signature: proof.S, Redacted: proof.R})
		case "function_call":
			a.Parts = append(a.Parts, inference.ToolUse{ID: item.CallID, Name: item.Name, Input: json.RawMessage(item.Arguments)})
		case "image_generation_call":
			data, err := base64.StdEncoding.DecodeString(item.Result)
			if err != nil {
				t.Fatal(err)
			}
			a.Parts = append(a.Parts, inference.Image{Format: "png", Bytes: data})
		}
	}
	return a
}

// Nothing of an answer is lost in a response, and its events add up to it.
func TestAnswersComeThroughResponses(t *testing.T) {
	t.Parallel()
	raw := cmp.Comparer(func(a, b json.RawMessage) bool { return string(a) == string(b) })
	for seed := range uint64(200) {
		answer := drawn(rand.New(rand.NewPCG(seed, 102)))
		var events []inference.Event
		if err := answer.Emit(func(ev inference.Event) error { events = append(events, ev); return nil }); err != nil {
			t.Fatal(err)
		}
		whole, _, err := newFixture(t, events...).call("CreateResponse", `{"model":"mine","input":"x"}`, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(answer, seen(t, []byte(whole)), raw); diff != "" {
			t.Fatalf("the answer of seed %d came back different (-want +got):\n%s", seed, diff)
		}
		_, told, err := newFixture(t, events...).call("CreateResponse", `{"model":"mine","input":"x","stream":true}`, nil)
		if err != nil {
			t.Fatal(err)
		}
		var last struct{ Response json.RawMessage }
		if err := json.Unmarshal(told[len(told)-1].Data, &last); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(answer, seen(t, last.Response), raw); diff != "" {
			t.Fatalf("the events of seed %d end in another answer (-want +got):\n%s", seed, diff)
		}
		// What each event adds is what the item has at the end.
		added := map[int]string{}
		for _, ev := range told {
			var of struct {
				Type  string
				Index int `json:"output_index"`
				Delta string
				Item  struct {
					Type, Arguments string
					Content         []struct{ Text string }
				}
			}
			if err := json.Unmarshal(ev.Data, &of); err != nil {
				t.Fatal(err)
			}
			added[of.Index] += of.Delta
			if of.Type != "response.output_item.done" {
				continue
			}
			text := of.Item.Arguments
			if len(of.Item.Content) > 0 {
				text = of.Item.Content[0].Text
			}
			if text != added[of.Index] && (text != "{}" || added[of.Index] != "") {
				t.Errorf("seed %d: the deltas of item %d are %q, and it is %q", seed, of.Index, added[of.Index], text)
			}
		}
	}
}
