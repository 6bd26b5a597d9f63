package runner

import (
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/llama"
	"github.com/outcrop/outcrop/internal/runner/protocol"
	"github.com/outcrop/outcrop/internal/runner/toolcall"
)

// answerText turns the bytes of tokens into what may be sent. Without a parser
// all of it is text; with one the stop sequences are looked for in the text
// alone, not in calls and reasoning.
type answerText struct {
	stops  textFilter
	parser *toolcall.Parser
	whole  textFilter             // holds back parts of characters; it has no stop sequences
	shown  map[llama.Token]string // as prompter's
}

// write takes the next token and sends what it makes certain. stop is the stop
// sequence that has come up.
func (a *answerText) write(v speller, t llama.Token, send func(protocol.Kind, string)) (stop string) {
	if a.parser == nil {
		text, stop := a.stops.write(v.Piece(nil, t))
		send(protocol.KindDelta, text)
		return stop
	}
	piece := []byte(a.shown[t])
	if len(piece) == 0 {
		piece = v.Piece(nil, t)
	}
	text, _ := a.whole.write(piece)
	return a.events(a.parser.Write(text), send)
}

// flush sends what was held back when no more comes.
func (a *answerText) flush(send func(protocol.Kind, string)) {
	if a.parser != nil {
		if a.events(a.parser.Write(a.whole.flush()), send) != "" || a.events(a.parser.End(), send) != "" {
			return
		}
	}
	send(protocol.KindDelta, a.stops.flush())
}

func (a *answerText) events(events []toolcall.Event, send func(protocol.Kind, string)) (stop string) {
	for _, e := range events {
		if e.Kind == toolcall.Text {
			text, stop := a.stops.write([]byte(e.Text))
			send(protocol.KindDelta, text)
			if stop != "" {
				return stop
			}
			continue
		}
		send(protocol.KindDelta, a.stops.flush())
		send(map[toolcall.Kind]protocol.Kind{
			toolcall.Reasoning: protocol.KindThought, toolcall.Start: protocol.KindCall, toolcall.Input: protocol.KindInput,
		}[e.Kind], e.Text)
	}
	return ""
}

// settled reports whether nothing is held back that the next token may make whole.
func (a *answerText) settled() bool {
	return len(a.whole.pending) == 0 && (a.parser == nil || a.parser.Settled())
}

func (a *answerText) thinking() bool { return a.parser != nil && a.parser.Thinking() }

// reason is why an answer that the model itself ended is over.
func (a *answerText) reason() inference.StopReason {
	switch {
	case a.parser == nil || a.parser.Calls() == 0:
		return inference.StopEndTurn
	case a.parser.Malformed():
		return inference.StopMalformedTool
	}
	return inference.StopToolUse
}
