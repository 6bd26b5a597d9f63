package serving

import (
	"strings"
	"sync"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
)

// admitted is one admission of a call: a ticket, and the account of what was
// reserved with it and used so far.
type admitted struct {
	ticket  admission.Ticket
	release func() // of what was held for it
	target  *router.Target

	mu     sync.Mutex
	used   call.Usage // by what is over
	input  int        // tokens reserved for what is under way
	output int
}

// reserve asks for the tokens of one more request to the model.
func (a *admitted) reserve(input, output int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.ticket.Reserve(a.used.InputTokens+a.used.CacheWrite+a.input+input, a.used.OutputTokens+a.output+output); err != nil {
		return err
	}
	a.input += input
	a.output += output
	return nil
}

// spend replaces what was reserved for a request by what it used. A nil admitted
// keeps no account.
func (a *admitted) spend(input, output int, u inference.Usage) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.input -= input
	a.output -= output
	a.used.InputTokens += u.InputTokens
	a.used.OutputTokens += u.OutputTokens
	a.used.CacheRead += u.CacheReadTokens
	a.used.CacheWrite += u.CacheWriteTokens
	// It is done, so a refusal would come too late. What is too much is owed at
	// the settlement.
	_ = a.ticket.Reserve(a.used.InputTokens+a.used.CacheWrite+a.input, a.used.OutputTokens+a.output)
}

// served says who answers, where that is not the first candidate: in the account,
// in the record of the call and in its header, unless another model's name is
// there.
func (a *admitted) served(c *call.Call, servedBy, backend string) {
	c.Mark(call.Answered, servedBy)
	_, model, _ := strings.Cut(servedBy, "/")
	standIn := a.target.StandsIn(model)
	a.mu.Lock()
	before := a.used.ServedBy
	a.used.ServedBy, a.used.Backend = servedBy, backend
	a.mu.Unlock()
	if before == servedBy {
		return
	}
	c.RecordUsage(func(u *call.Usage) {
		if u.ServedBy == before {
			u.ServedBy, u.Backend, u.StandIn = servedBy, backend, standIn
		}
	})
	if said := c.Header()[servedByHeader]; len(said) == 1 && said[0] == before {
		SayServedBy(c, servedBy)
	}
}

func (a *admitted) usage() call.Usage {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used
}

// unknownOutput is the most that a model makes of which nothing is known: one of
// the operator's own.
const unknownOutput = 4096

// mostOutput is how many tokens a generation may make.
func (a *admitted) mostOutput(asked int) int {
	switch {
	case asked > 0:
		return asked
	case a.target.Entry.MaxOutput > 0:
		return a.target.Entry.MaxOutput
	}
	return unknownOutput
}
