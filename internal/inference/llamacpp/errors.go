package llamacpp

import (
	"errors"

	"github.com/outcrop/outcrop/internal/fault"
)

// errGone is a child that ended while it was needed; the cause says how.
type errGone struct{ cause error }

func (e *errGone) Error() string { return "the runner is gone: " + e.cause.Error() }
func (e *errGone) Unwrap() error { return e.cause }

func isGone(err error) bool {
	var g *errGone
	return errors.As(err, &g)
}

// gone tells a client that its child is gone: in the middle of an answer the
// answer is broken, before it the service was not there.
func gone(err error, answered bool) error {
	if answered {
		return fault.Wrap(fault.Upstream, err, "The system encountered an unexpected error during processing. Try your request again.")
	}
	return fault.Wrap(fault.Unavailable, err, "The model is restarting. Try your request again.")
}

var (
	errSilent    = errors.New("no sign of life while loading")
	errDied      = errors.New("the child has died more than once within a short time")
	errForgotten = errors.New("the backend does not know the worker any more")
)

// Faults are made anew each time: whoever gets one may add to it.

func queueFull() error {
	return fault.New(fault.Unavailable, "Too many connections, please wait before trying again.")
}

func stopping() error {
	return fault.New(fault.Unavailable, "The server is stopping.")
}

func memoryShort() error {
	return fault.New(fault.NotReady, "The model does not fit beside the models that are in use. Try your request again.")
}

func tooLarge() error {
	return fault.New(fault.Upstream, "The model is larger than the memory that models may take.")
}

func notUsable(model string, cause error) error {
	return fault.Wrap(fault.Upstream, cause, "The model file of %s is not a usable GGUF: %s", model, fault.As(cause).Message)
}

func loadFailed(cause error) error {
	return fault.Wrap(fault.NotReady, cause, "The model could not be loaded. Try your request again.")
}
