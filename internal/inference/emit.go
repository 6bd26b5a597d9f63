package inference

// Emit gives a whole answer as events, for servers that do not stream it.
func (a *Answer) Emit(emit func(Event) error) error {
	if err := emit(Started{Model: a.Model, InputTokens: a.Usage.InputTokens}); err != nil {
		return err
	}
	for _, p := range a.Content() {
		for _, ev := range eventsOf(p) {
			if err := emit(ev); err != nil {
				return err
			}
		}
	}
	return emit(Finished{
		Reason: a.Reason, StopSequence: a.StopSequence, Usage: a.Usage, Elapsed: a.Elapsed, Extra: a.Extra,
	})
}

// eventsOf are the events of one block.
func eventsOf(p Part) []Event {
	var events []Event
	text := func(s string) {
		if s != "" {
			events = append(events, TextDelta{Text: s})
		}
	}
	switch p := p.(type) {
	case Text:
		text(p.Text)
	case Cited:
		for _, c := range p.Citations {
			events = append(events, CitationDelta{Citation: c})
		}
		for _, s := range p.Text {
			text(s)
		}
	case Reasoning:
		switch {
		case p.Redacted != nil:
			return []Event{ReasoningDelta{Redacted: p.Redacted}}
		case p.Text != "":
			events = append(events, ReasoningDelta{Text: p.Text})
		}
		if p.Signature != "" {
			events = append(events, ReasoningDelta{Signature: p.Signature})
		}
	case ToolUse:
		events = append(events, ToolStart{ID: p.ID, Name: p.Name, Kind: p.Kind})
		if len(p.Input) > 0 {
			events = append(events, ToolDelta{JSON: string(p.Input)})
		}
	case ToolResult:
		return []Event{ToolOutput{Result: p}}
	case Image:
		return []Event{ImageBlock{Image: p}}
	}
	return append(events, BlockEnd{})
}
