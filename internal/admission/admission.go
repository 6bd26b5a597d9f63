// Package admission is the port of what may keep a call from using a model once
// it is authorized: model access, quotas, provisioned throughput, budgets.
//
// It decides nothing itself. Adapters are in packages access, quota and budget;
// package service/serving asks them, all in their order, when a service has
// resolved a model, and package app makes the list.
package admission

import (
	"context"
	"errors"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
)

// Use is a model that a call is about to use.
type Use struct {
	Call       *call.Call
	Entry      *catalog.Model // never nil; its ID may be one of the operator's own
	Identifier string         // as the client wrote it
	ModelID    string         // base model ID, or the own ID or ARN
	ProfileID  string         // when the identifier was an inference profile
	ARN        string         // of what is billed: model, profile or provisioned throughput
	ServedBy   string
	// Provisioned is the ARN of the provisioned throughput that the identifier
	// named; empty for every use on demand.
	Provisioned string
}

// Check decides about one use. Its errors are faults with AWS's text: Denied,
// NotFound, Throttled, Unavailable. A nil Ticket has nothing to settle.
type Check interface {
	Admit(ctx context.Context, u *Use) (Ticket, error)
}

// Ticket is an admission.
type Ticket interface {
	// Reserve asks for the tokens of one generation before it begins: what the
	// request has, estimated, and the most that it may make. It may be asked
	// several times; each time sets what is reserved in all.
	Reserve(inputTokens, maxTokens int) error
	// Settle ends the admission with what was really used. It is called exactly
	// once, also when nothing was used at all.
	Settle(u call.Usage)
}

// Gate asks several checks.
type Gate []Check

// Admit asks all checks in their order; the first refusal is the answer, and
// what was admitted before it is given back.
func (g Gate) Admit(ctx context.Context, u *Use) (Ticket, error) {
	tickets := make(tickets, 0, len(g))
	for _, check := range g {
		t, err := check.Admit(ctx, u)
		if err != nil {
			tickets.Settle(call.Usage{})
			return nil, err
		}
		if t != nil {
			tickets = append(tickets, t)
		}
	}
	return tickets, nil
}

type tickets []Ticket

// Reserve implements Ticket.
func (ts tickets) Reserve(inputTokens, maxTokens int) error {
	var errs []error
	for _, t := range ts {
		if err := t.Reserve(inputTokens, maxTokens); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Settle implements Ticket.
func (ts tickets) Settle(u call.Usage) {
	for _, t := range ts {
		t.Settle(u)
	}
}
