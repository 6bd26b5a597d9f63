package failover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Reason is why a candidate has not answered.
type Reason uint8

// The reasons. None is for errors that are the request's own: anybody would
// answer so.
const (
	None Reason = iota
	Throttled
	Error
	Timeout
	Context     // the request does not fit into its context window
	Unsupported // it cannot read a part of the request
)

var reasonNames = [...]string{"", "throttled", "error", "timeout", "context", "unsupported"}

// String is the word that the configuration has for it.
func (r Reason) String() string { return reasonNames[r] }

// mayPass reports whether the same candidate may answer a little later. One that
// took too long, or is still being started, is not asked again: the client has
// waited already, as long as clients do.
func mayPass(r Reason, err error) bool {
	return r == Throttled || r == Error && !fault.Is(err, fault.NotReady)
}

// Reasons are a set of them.
type Reasons uint8

// ParseReasons reads the words of the configuration.
func ParseReasons(words []string) (Reasons, error) {
	var set Reasons
	for _, word := range words {
		found := false
		for r, name := range reasonNames {
			if found = r > 0 && name == word; found {
				set |= 1 << r
				break
			}
		}
		if !found {
			return 0, fmt.Errorf("%q is not one of %s", word, strings.Join(reasonNames[1:], ", "))
		}
	}
	return set, nil
}

// Has reports whether a reason is in the set.
func (s Reasons) Has(r Reason) bool { return r != None && s&(1<<r) != 0 }

// ReasonOf tells why a candidate has failed.
func ReasonOf(err error) Reason {
	if errors.Is(err, inference.ErrContextWindow) {
		return Context
	}
	switch fault.KindOf(err) {
	case fault.Throttled, fault.QuotaExceeded:
		return Throttled
	case fault.Timeout:
		return Timeout
	case fault.Unsupported:
		return Unsupported
	case fault.Invalid, fault.Conflict, fault.Canceled:
		return None
	case fault.Internal, fault.NotFound, fault.Denied, fault.Unauthenticated, fault.NotReady, fault.Upstream, fault.Unavailable:
	}
	return Error
}

// plain reports whether a failure has nothing to do with the request: there was
// no connection. One that breaks off later may be what the request has done.
func plain(err error) bool {
	network, ok := errors.AsType[*net.OpError](err)
	return ok && network.Op == "dial"
}

// Describe says for the log what went wrong, without the message of a server,
// which may repeat what a client has sent.
func Describe(err error) string {
	f := fault.As(err)
	text := f.Kind.String()
	if errors.Is(err, inference.ErrContextWindow) {
		text = Context.String()
	}
	if status, ok := f.Fields["originalStatusCode"]; ok {
		text += fmt.Sprintf(", status %v", status)
	}
	var late *lateError
	var network *net.OpError
	switch {
	case errors.As(err, &late):
		text += ": " + late.Error()
	case errors.As(err, &network):
		text += ": " + network.Error()
	case errors.Is(err, errAllOpen):
		text += ": " + errAllOpen.Error()
	case errors.Is(err, context.DeadlineExceeded):
		text += ": " + context.DeadlineExceeded.Error()
	}
	return text
}
