package nativetest

import (
	"encoding/base64"
	"encoding/json"

	"github.com/outcrop/outcrop/internal/inference"
)

// Chat returns messages and tools as the formats that are shaped like OpenAI's
// have them: a conversation with images and calls of tools.
func (r Random) Chat() map[string]any {
	var messages []any
	if r.Chance(2) {
		messages = append(messages, map[string]any{"role": "system", "content": r.Text()})
	}
	for i := range 1 + r.IntN(4) {
		messages = append(messages, r.question())
		switch {
		case r.Chance(3):
			id := "call_" + r.Name()
			call := map[string]any{"id": id, "type": "function", "function": map[string]any{"name": r.Name(), "arguments": r.arguments()}}
			messages = append(messages,
				map[string]any{"role": "assistant", "content": r.Text(), "tool_calls": []any{call}},
				map[string]any{"role": "tool", "tool_call_id": id, "content": r.Text()},
				map[string]any{"role": "assistant", "content": r.Text()},
			)
		case i%2 == 0:
			messages = append(messages, map[string]any{"role": "assistant", "content": r.Text()})
		}
	}
	b := map[string]any{"messages": append(messages, r.question())}
	if r.Chance(2) {
		function := map[string]any{"name": r.Name(), "description": r.Text(), "parameters": r.Schema()}
		b["tools"] = []any{map[string]any{"type": "function", "function": function}}
	}
	return b
}

func (r Random) question() map[string]any {
	if r.Chance(3) {
		url := "data:image/png;base64," + base64.StdEncoding.EncodeToString(r.PNG())
		return map[string]any{"role": "user", "content": []any{
			map[string]any{"type": "image_url", "image_url": map[string]any{"url": url}},
			map[string]any{"type": "text", "text": r.Text()},
		}}
	}
	return map[string]any{"role": "user", "content": r.Text()}
}

func (r Random) arguments() string {
	data, err := json.Marshal(r.Object())
	if err != nil {
		return "{}"
	}
	return string(data)
}

// ChatForm is the answers of the formats that are shaped like OpenAI's: thought,
// text, images and calls, in this order. The parameters are as Decoded's.
func ChatForm(whole func(body []byte, emit func(inference.Event) error) error, stream func(emit func(inference.Event) error) Decoder) AnswerForm {
	form := Decoded(whole, stream)
	form.Draw, form.Seen, form.Streamed = Random.chatAnswer, Hidden, Hidden
	read := form.Chunks
	form.Chunks = func(chunks [][]byte) (*inference.Answer, error) {
		a, err := read(chunks)
		delete(a.Extra, "amazon-bedrock-invocationMetrics") // Bedrock's, not the model's
		return a, err
	}
	return form
}

func (r Random) chatAnswer() *inference.Answer {
	a := &inference.Answer{}
	if r.Chance(2) {
		a.Parts = append(a.Parts, r.Thought())
	}
	if r.Chance(5) {
		a.Parts = append(a.Parts, r.Served()...)
	}
	if !r.Chance(4) {
		a.Parts = append(a.Parts, inference.Text{Text: r.Text()})
	}
	if r.Chance(4) {
		a.Parts = append(a.Parts, r.Made())
	}
	r.CountCached(a)
	a.Usage.ReasoningTokens = r.IntN(2) * r.IntN(a.Usage.OutputTokens)
	r.Stop(a, inference.StopEndTurn, inference.StopMaxTokens, inference.StopSequence, inference.StopFiltered)
	switch r.IntN(6) {
	case 0, 1:
		a.Parts = append(a.Parts, r.Calls(3)...)
		a.Reason, a.StopSequence = inference.StopToolUse, ""
	case 2:
		a.Parts = append(a.Parts, r.Broken())
		a.Reason, a.StopSequence = inference.StopMalformedTool, ""
	}
	if r.Chance(3) {
		a.Extra = map[string]json.RawMessage{
			"system_fingerprint": json.RawMessage(`"fp_1"`), "logprobs": json.RawMessage(`{"content":[{"token":"a","logprob":-0.10}]}`),
		}
	}
	return a
}
