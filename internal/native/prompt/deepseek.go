package prompt

import (
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
)

// DeepSeek's control tokens have full-width bars and a block for a blank.
const (
	deepSeekBegin     = "<｜begin▁of▁sentence｜>"
	deepSeekEnd       = "<｜end▁of▁sentence｜>"
	deepSeekUser      = "<｜User｜>"
	deepSeekAssistant = "<｜Assistant｜>"
	thinkOpen         = "<think>"
	thinkClose        = "</think>"
)

// readDeepSeek reads the markup of DeepSeek's models: the system prompt stands
// in front of the first turn. A <think> behind the last assistant's token asks
// the model to think, and is no beginning of an answer.
func (c *reader) readDeepSeek(text string) {
	text = strings.ReplaceAll(text, deepSeekBegin, "")
	role := inference.Role("")
	for text != "" {
		user, assistant := strings.Index(text, deepSeekUser), strings.Index(text, deepSeekAssistant)
		next, token, speaks := user, deepSeekUser, inference.RoleUser
		if user < 0 || assistant >= 0 && assistant < user {
			next, token, speaks = assistant, deepSeekAssistant, inference.RoleAssistant
		}
		if next < 0 {
			c.addDeepSeek(role, text, true)
			return
		}
		c.addDeepSeek(role, text[:next], false)
		role, text = speaks, text[next+len(token):]
		if user < 0 || assistant < 0 { // the rest has one of them alone: no need to look for the other again
			c.readDeepSeekRest(role, text, token, speaks)
			return
		}
	}
}

// readDeepSeekRest reads turns of one side.
func (c *reader) readDeepSeekRest(role inference.Role, text, token string, speaks inference.Role) {
	turns := strings.Split(text, token)
	for i, turn := range turns {
		c.addDeepSeek(role, turn, i == len(turns)-1)
		role = speaks
	}
}

// addDeepSeek adds a turn; what a model thought in one that is over is no part
// of it.
func (c *reader) addDeepSeek(role inference.Role, text string, last bool) {
	kept := strings.ReplaceAll(text, deepSeekEnd, "")
	switch {
	case role == "":
		c.addSystem(trimEdges(kept))
	case role == inference.RoleUser:
		c.add(role, trimEdges(kept))
	case last && len(kept) == len(text):
		if strings.TrimSpace(kept) != thinkOpen {
			c.addPrefill(kept)
		}
	default:
		if _, answer, ok := strings.Cut(kept, thinkClose); ok {
			kept = answer
		}
		c.add(role, trimEdges(kept))
	}
}
