package prompt

import (
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
)

const (
	instOpen, instClose     = "[INST]", "[/INST]"
	sysOpen, sysClose       = "<<SYS>>", "<</SYS>>"
	sysV7Open, sysV7Close   = "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"
	sequenceBegin, sequence = "<s>", "</s>"
)

// readInst reads the markup of Llama 2 and Mistral: what the user says stands
// between [INST] and [/INST], the answer behind it.
func (c *reader) readInst(text string) {
	text = strings.ReplaceAll(text, sequenceBegin, "")
	rounds := strings.Split(text, instOpen)
	lead := c.takeSystem(rounds[0], sysV7Open, sysV7Close)
	c.add(inference.RoleUser, trimEdges(strings.ReplaceAll(lead, sequence, "")))
	for i, round := range rounds[1:] {
		question, answer, _ := strings.Cut(round, instClose)
		question = c.takeSystem(question, sysOpen, sysClose)
		c.add(inference.RoleUser, trimEdges(strings.ReplaceAll(question, sequence, "")))
		if i == len(rounds)-2 && !strings.Contains(answer, sequence) {
			c.addPrefill(strings.ReplaceAll(answer, instClose, ""))
			continue
		}
		answer = strings.ReplaceAll(strings.ReplaceAll(answer, sequence, ""), instClose, "")
		c.add(inference.RoleAssistant, trimEdges(answer))
	}
}

// takeSystem takes the system prompts out of text. One that is not closed
// stays where it is.
func (c *reader) takeSystem(text, open, end string) string {
	var kept strings.Builder
	for {
		before, rest, ok := strings.Cut(text, open)
		if !ok {
			break
		}
		system, after, ok := strings.Cut(rest, end)
		if !ok {
			break
		}
		c.addSystem(trimEdges(system))
		kept.WriteString(before)
		text = after
	}
	kept.WriteString(text)
	return kept.String()
}
