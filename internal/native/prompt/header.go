package prompt

import (
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
)

// headers is a markup that opens each turn with a header that names its role.
type headers struct {
	open, end string   // around the role
	stops     []string // what ends a turn
	begin     string   // what may stand once in front of everything
}

// The markups with headers. They are constants in all but name.
var (
	llama3 = headers{
		open: "<|start_header_id|>", end: "<|end_header_id|>",
		stops: []string{"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"}, begin: "<|begin_of_text|>",
	}
	llama4 = headers{
		open: "<|header_start|>", end: "<|header_end|>",
		stops: []string{"<|eot|>", "<|eom|>", "<|end_of_text|>"}, begin: "<|begin_of_text|>",
	}
	chatML = headers{open: "<|im_start|>", end: "\n", stops: []string{"<|im_end|>"}, begin: "<|endoftext|>"}
)

// readHeaders reads turns that open with a header. Text in front of the first
// header is taken for the user's.
func (c *reader) readHeaders(h headers, text string) {
	turns := strings.Split(text, h.open)
	lead, _ := h.closed(strings.ReplaceAll(turns[0], h.begin, ""))
	c.add(inference.RoleUser, trimEdges(lead))
	for i, turn := range turns[1:] {
		role, content, _ := strings.Cut(turn, h.end)
		content, closed := h.closed(content)
		open := i == len(turns)-2 && !closed
		switch speaker(role) {
		case "system":
			c.addSystem(trimEdges(content))
		case "assistant":
			if open {
				c.addPrefill(content)
			} else {
				c.add(inference.RoleAssistant, trimEdges(content))
			}
		default:
			c.add(inference.RoleUser, trimEdges(content))
		}
	}
}

// closed takes the tokens out that end a turn, and reports whether there were
// any.
func (h headers) closed(content string) (string, bool) {
	n := len(content)
	for _, stop := range h.stops {
		content = strings.ReplaceAll(content, stop, "")
	}
	return content, len(content) < n
}

// speaker brings the role names that are in use down to three. Tool output
// (ipython, tool) is the user's: the hub has no other word for it here.
func speaker(role string) string {
	switch role = strings.ToLower(strings.TrimSpace(role)); role {
	case "system", "developer":
		return "system"
	case "assistant", "model", "bot":
		return "assistant"
	}
	return "user"
}

// addPrefill adds the beginning of an answer. The blank that an open header
// leaves is none.
func (c *reader) addPrefill(content string) {
	if content = trimStart(content); content != "" {
		c.add(inference.RoleAssistant, content)
	}
}
