package answer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve/passage"
)

// writer has a model write one answer.
type writer struct {
	req      Request
	class    class
	turns    []Turn
	now      time.Time
	material *material
	sources  *sources
	// texts are what a prompt has of each passage.
	texts []string
	out   *output
}

func (w *writer) write(ctx context.Context) error {
	var err error
	switch {
	case w.req.Generation.Template != "":
		err = w.templated(ctx)
	case w.class == formatted:
		err = w.formatted(ctx)
	case w.class == plain:
		err = w.plain(ctx)
	default:
		err = w.tiny(ctx)
	}
	if err != nil {
		return err
	}
	return w.out.finish()
}

// generate runs the model on a request and reads what it writes.
func (w *writer) generate(ctx context.Context, req *inference.Request, r reader) error {
	r = behindThoughts(r)
	err := w.req.Model.Backend.Generate(ctx, req, func(ev inference.Event) error {
		switch ev := ev.(type) {
		case inference.Started:
			return w.out.start()
		case inference.TextDelta:
			return r.add(ctx, ev.Text)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	return r.end(ctx)
}

// formatted asks for the answer format.
func (w *writer) formatted(ctx context.Context) error {
	req, shown, err := w.fit(ctx, func(n int, turns []Turn) (*inference.Request, error) {
		return w.request(w.fill(formattedPrompt, w.results(n), formatInstructions), append(conversation(turns), user(w.req.Question)), formatEnd)
	})
	if err != nil {
		return err
	}
	return w.generate(ctx, req, w.reader(shown, true))
}

// reader reads answers in the format, and those that are not as prose.
func (w *writer) reader(shown int, cites bool) reader {
	p := &prose{out: w.out, sources: w.sources, within: w.unitsOf(shown), cites: cites}
	if w.class != formatted || !cites {
		return p
	}
	return &format{out: w.out, hits: w.material.hits[:shown], prose: p}
}

// plain asks for an answer in the model's own words from whole passages.
func (w *writer) plain(ctx context.Context) error {
	if !w.material.given {
		ranked, err := w.sources.rank(ctx, w.material.questions)
		if err != nil {
			return err
		}
		if !ranked.relevant {
			return nil // an answer without any text becomes a refusal
		}
	}
	req, shown, err := w.fit(ctx, func(n int, turns []Turn) (*inference.Request, error) {
		return w.request(plainPrompt, append(conversation(turns), user(w.passages(n)+"\n\nQuestion: "+w.req.Question)))
	})
	if err != nil {
		return err
	}
	return w.generate(ctx, req, w.reader(shown, true))
}

// tiny shows a small model only the sentences that answer the question, and how
// others were answered. A question that consists of several is several.
func (w *writer) tiny(ctx context.Context) error {
	parts := w.material.parts
	for i, part := range parts {
		questions := w.material.questions
		if len(parts) > 1 {
			questions = []retrieve.Question{{Text: part}}
		}
		ranked, err := w.sources.rank(ctx, questions)
		if err != nil {
			return err
		}
		if !w.material.given && !ranked.relevant {
			continue
		}
		asked := part
		if i == 0 && len(w.turns) > 0 && isFollowUp(part) {
			asked = w.turns[len(w.turns)-1].Question + " " + part
		}
		chosen := choose(ranked.list, w.material.given)
		messages := append(examples(), user(w.excerpt(chosen, asked)))
		req, err := w.request("", messages, "\nQuestion:", "\nText:")
		if err != nil {
			return err
		}
		if w.out.chars > 0 {
			if err := w.out.write(" "); err != nil {
				return err
			}
		}
		if err := w.generate(ctx, req, &prose{out: w.out, sources: w.sources, within: chosen, cites: true, circles: true}); err != nil {
			return err
		}
	}
	return nil
}

// How many sentences a small model is shown: those that are nearly as good as
// the best. With more, it mixes them up.
const (
	mostShown = 4
	nearly    = 0.8
	// leastShown is for a document that came with the question, which may be
	// about all of it.
	leastShown = 3
)

func choose(list []scored, given bool) []int {
	var chosen []int
	for i, l := range list {
		if i == mostShown || l.score < nearly*list[0].score && (!given || i >= leastShown) {
			break
		}
		chosen = append(chosen, l.unit)
	}
	return chosen
}

// templated writes by the caller's prompt.
func (w *writer) templated(ctx context.Context) error {
	template := w.req.Generation.Template
	cites := strings.Contains(template, outputFormat)
	if w.class == tiny {
		return w.tinyTemplated(ctx, template, cites)
	}
	instructions := formatInstructions
	if w.class != formatted {
		instructions = plainInstructions
	}
	req, shown, err := w.fit(ctx, func(n int, turns []Turn) (*inference.Request, error) {
		results := w.passages(n)
		if w.class == formatted {
			results = w.results(n)
		}
		prompt := w.fill(template, results, instructions)
		if strings.Contains(template, query) {
			return w.request("", append(conversation(turns), user(prompt)))
		}
		return w.request(prompt, append(conversation(turns), user(w.req.Question)))
	})
	if err != nil {
		return err
	}
	return w.generate(ctx, req, w.reader(shown, cites))
}

// tinyTemplated puts into the caller's prompt the few sentences that a small
// model can make use of, and examples in front of it.
func (w *writer) tinyTemplated(ctx context.Context, template string, cites bool) error {
	ranked, err := w.sources.rank(ctx, w.material.questions)
	if err != nil {
		return err
	}
	chosen := choose(ranked.list, w.material.given)
	prompt := w.fill(template, w.sentences(chosen), plainInstructions)
	if !strings.Contains(template, query) {
		prompt += "\n\nQuestion: " + w.req.Question
	}
	req, err := w.request("", append(examples(), user(prompt)))
	if err != nil {
		return err
	}
	return w.generate(ctx, req, &prose{out: w.out, sources: w.sources, within: chosen, cites: cites, circles: true})
}

// fill puts what a generation prompt is about into a template.
func (w *writer) fill(template, results, instructions string) string {
	return render(template, map[string]string{
		searchResults: results, query: w.req.Question, outputFormat: instructions, currentTime: clock(w.now),
	})
}

// request makes a request of the hub.
func (w *writer) request(system string, messages []inference.Message, stops ...string) (*inference.Request, error) {
	req := &inference.Request{Messages: messages, MaxTokens: w.class.defaultTokens(), StopSequences: stops}
	if system != "" {
		req.System = []inference.Part{inference.Text{Text: system}}
	}
	return req, apply(w.req.Model, w.req.Generation, req)
}

// leastText is the length of a passage in bytes below which it is not cut.
const leastText = 1000

// cut leaves so much of each passage at most, in bytes, and reports whether one
// was longer.
func (w *writer) cut(most int) bool {
	if most < leastText || !slices.ContainsFunc(w.texts, func(text string) bool { return len(text) > most }) {
		return false
	}
	wanted := w.material.wanted()
	texts := make([]string, len(w.texts))
	for i, text := range w.texts {
		texts[i] = passage.Excerpt(text, most, wanted)
	}
	w.texts = texts
	return true
}

// fit makes the largest request that leaves room for an answer in the model's
// context: first passages are cut that would take more than about a quarter of
// it, then turns of the conversation are left out, then passages, the worst
// first, and what is left is cut again. shown is how many passages are in it.
func (w *writer) fit(ctx context.Context, build func(passages int, turns []Turn) (*inference.Request, error)) (req *inference.Request, shown int, err error) {
	turns := w.turns
	for shown = len(w.material.hits); ; {
		if req, err = build(shown, turns); err != nil {
			return nil, 0, err
		}
		if w.req.Model.Info.ContextWindow == 0 {
			return req, shown, nil
		}
		used, err := w.req.Model.used(ctx, req)
		if err != nil {
			return nil, 0, err
		}
		room := w.req.Model.room(req)
		switch {
		case used <= room:
			return req, shown, nil
		case w.cut(w.req.Model.Info.ContextWindow): // a token is about four bytes
		case len(turns) > 0:
			turns = turns[(len(turns)+1)/2:]
		case shown == 1:
			if !w.cut(len(w.texts[0]) / 2) {
				return req, shown, nil // what does not fit now, the model refuses
			}
		default:
			// About as many as there is room for, and at least one less.
			shown = max(1, min(shown-1, shown*room/used))
		}
	}
}

// unitsOf returns the units of the first n passages.
func (w *writer) unitsOf(n int) []int {
	if n == len(w.material.hits) {
		return nil
	}
	var units []int
	for i, u := range w.sources.units {
		if u.hit < n {
			units = append(units, i)
		}
	}
	if units == nil {
		units = []int{}
	}
	return units
}

// sentences writes units, the best last: small models remember that one.
func (w *writer) sentences(units []int) string {
	texts := make([]string, 0, len(units))
	for _, u := range slices.Backward(units) {
		texts = append(texts, w.sources.units[u].text)
	}
	return strings.Join(texts, " ")
}
