package nativetest

import (
	"encoding/base64"
	"encoding/json"
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
