package prompt

import (
	"strings"
	"unicode"

	"github.com/outcrop/outcrop/internal/inference"
)

// dialogue is a markup that puts a name in front of each turn, as in a play.
type dialogue struct {
	user, assistant string // with the colon
	gap             string // what has to stand in front of a name, but for the first
}

// The dialogue markups. They are constants in all but name.
var (
	humanDialogue = dialogue{user: "Human:", assistant: "Assistant:", gap: "\n\n"}
	botDialogue   = dialogue{user: "User:", assistant: "Bot:", gap: "\n"}
)

// line is a turn of a dialogue; the first one has no role and is what stands
// in front of the first name.
type line struct {
	role inference.Role
	text string
}

// split cuts a prompt at the names.
func (d dialogue) split(text string) []line {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	lines := []line{{}}
	lead := len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace)) // where the first character that is not blank stands
	start := 0
	for i := 0; i < len(text); {
		name := i
		switch {
		case strings.HasPrefix(text[i:], d.gap):
			name += len(d.gap)
		case len(lines) > 1 || i > lead:
			i++
			continue
		}
		role, end := d.name(text, name)
		if role == "" {
			i++
			continue
		}
		lines[len(lines)-1].text = text[start:i]
		lines = append(lines, line{role: role})
		start, i = end, end
	}
	lines[len(lines)-1].text = text[start:]
	return lines
}

// name returns whose name stands at a place, and where it ends.
func (d dialogue) name(text string, at int) (inference.Role, int) {
	switch {
	case strings.HasPrefix(text[at:], d.user):
		return inference.RoleUser, at + len(d.user)
	case strings.HasPrefix(text[at:], d.assistant):
		return inference.RoleAssistant, at + len(d.assistant)
	}
	return "", at
}

// isDialogue asks for a user's turn and an assistant's one behind it: either
// name alone is found in ordinary text.
func isDialogue(lines []line) bool {
	user := false
	for _, l := range lines {
		switch l.role {
		case inference.RoleUser:
			user = true
		case inference.RoleAssistant:
			if user {
				return true
			}
		}
	}
	return false
}

// readDialogue reads turns with names. What stands in front of the first name
// is the system prompt, and text behind a last assistant's name is the
// beginning of the answer.
func (c *reader) readDialogue(lines []line) {
	c.addSystem(trimEdges(lines[0].text))
	for i, l := range lines[1:] {
		switch {
		case l.role == inference.RoleUser:
			c.add(inference.RoleUser, trimEdges(l.text))
		case i == len(lines)-2:
			c.addPrefill(l.text)
		default:
			c.add(inference.RoleAssistant, trimEdges(l.text))
		}
	}
}
