package answer

import (
	"context"
	"errors"
	"strings"
	"unicode"
)

// thoughtful reads an answer behind the thoughts that it begins with, in the
// tags of reasoning models or in those that prompts ask for. They are no part
// of the answer, and a thought that never ends leaves none.
type thoughtful struct {
	reader

	tags   []string
	buf    string // what has not been understood yet
	closer string // of the thought that is being read; empty: none is
	begun  bool   // the answer
}

// The tags that models think aloud in.
var (
	reasoning = []string{"<think>"}
	prompted  = []string{"<think>", "<thinking>", "<scratchpad>"}
)

// behindThoughts makes r read what follows on the thoughts. Where nobody asked
// for sources the prompt is the caller's alone, and so are the tags in it.
func behindThoughts(r reader) reader {
	tags := prompted
	if p, ok := r.(*prose); ok && !p.cites {
		tags = reasoning
	}
	return &thoughtful{reader: r, tags: tags}
}

func (t *thoughtful) add(ctx context.Context, text string) error {
	if t.begun {
		return t.reader.add(ctx, text)
	}
	t.buf += text
	for {
		if t.closer != "" {
			_, after, ok := strings.Cut(t.buf, t.closer)
			if !ok {
				t.buf = t.buf[max(0, len(t.buf)-len(t.closer)+1):]
				return nil
			}
			t.buf, t.closer = after, ""
		}
		t.buf = strings.TrimLeftFunc(t.buf, unicode.IsSpace)
		open, whole := opening(t.buf, t.tags)
		switch {
		case whole:
			t.buf, t.closer = t.buf[len(open):], "</"+open[1:]
		case open != "":
			return nil
		default:
			return t.answer(ctx)
		}
	}
}

// opening finds the tag that a text begins with, or may begin with when it goes
// on: then it is not whole.
func opening(text string, tags []string) (tag string, whole bool) {
	for _, tag := range tags {
		if strings.HasPrefix(text, tag) {
			return tag, true
		}
	}
	for _, tag := range tags {
		if strings.HasPrefix(tag, text) {
			return tag, false
		}
	}
	return "", false
}

func (t *thoughtful) answer(ctx context.Context) error {
	text := t.buf
	t.buf, t.begun = "", true
	if text == "" {
		return nil
	}
	return t.reader.add(ctx, text)
}

func (t *thoughtful) end(ctx context.Context) error {
	if !t.begun && t.closer == "" {
		if err := t.answer(ctx); err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	return t.reader.end(ctx)
}

// spoken is a whole text without the thoughts that it begins with.
func spoken(text string) string {
	for {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		open, whole := opening(text, reasoning)
		if !whole {
			return text
		}
		_, text, _ = strings.Cut(text[len(open):], "</"+open[1:])
	}
}
