package runner

import (
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/llama"
)

// sequence is one answer in the making. It belongs to the scheduler's loop,
// except for canceled.
type sequence struct {
	id       uint32
	received time.Time
	canceled *atomic.Bool

	tokens    []llama.Token // prompt, then what was sampled
	prompt    int           // how many of tokens are the prompt
	max       int           // most tokens to sample; 0: as many as fit
	fresh     bool          // compute the whole prompt, reuse nothing: a seed promises the same answer
	sampling  llama.Sampling
	sampler   sampler
	form      form // of the answer; zero when it is free
	arms      int  // calls that the form has looked at
	formed    bool // the call under way is kept in its form
	text      answerText
	announced bool // Started has been sent
	thought   int  // tokens of what was sampled that are reasoning
	// budget is how many of them there may be; 0: any number. Then enough ends the
	// reasoning: its tokens come next, those of closing that are still to come.
	budget          int
	enough, closing []llama.Token

	cached int           // tokens before the last cache point
	read   int           // of them, those that a slot's cache had
	keep   time.Duration // how long they are worth keeping; 0: no longer than others
}

// constrain begins the form that the whole answer has.
func (q *sequence) constrain() error {
	if q.form.whole == "" {
		return nil
	}
	return q.sampler.Constrain(q.form.whole)
}

// steer keeps the call that has just been opened in its form, and lets go of one
// that is over. What has no form goes on freely.
func (q *sequence) steer() {
	p := q.text.parser
	if p == nil || q.form.whole != "" || len(q.form.tools) == 0 {
		return
	}
	if p.Opened() == q.arms {
		if !p.InCall() && q.formed {
			q.sampler.Release()
			q.formed = false
		}
		return
	}
	q.arms = p.Opened()
	if pending, ok := p.Pending(); ok {
		if text := q.form.call(pending); text != "" {
			q.formed = q.sampler.Constrain(text) == nil
		}
	}
}

// bound ends the reasoning when its budget is used up, behind a whole character
// and not in the middle of the mark that ends it anyway. A model that begins to
// think once more is ended at once.
func (q *sequence) bound() {
	if q.budget > 0 && q.thought >= q.budget && len(q.closing) == 0 && q.text.thinking() && q.text.settled() {
		q.closing = q.enough
	}
}

// forced is the next token where it is certain; false: the model chooses.
func (q *sequence) forced() (llama.Token, bool) {
	if len(q.closing) == 0 {
		return 0, false
	}
	t := q.closing[0]
	if !q.sampler.Force(t) {
		q.closing, q.budget = nil, 0 // the form of the answer knows no end here
		return 0, false
	}
	q.closing = q.closing[1:]
	return t, true
}

func (q *sequence) sampled() int { return len(q.tokens) - q.prompt }

// slot is one of the context's sequences: what its part of the key-value cache
// holds, and who uses it. A slot without a user keeps its cache, for a
// conversation that comes back longer.
type slot struct {
	user     *sequence
	cached   []llama.Token
	admitted uint64 // when the user came, or left
	// A cache that a caller asked to keep is dropped after those that nobody did,
	// until its time is over.
	keepUntil time.Time
}

// missing is how many of the user's tokens are not computed yet.
func (s *slot) missing() int { return len(s.user.tokens) - len(s.cached) }

// commonPrefix is the number of tokens that a and b begin with.
func commonPrefix(a, b []llama.Token) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// ending is why a sequence is over.
type ending struct {
	reason inference.StopReason
	stop   string
}
