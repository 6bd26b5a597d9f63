package edge

import (
	"net/http"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Door is what a service has that speaks the protocol of another vendor, on the
// same port below a prefix of its own. Its operations, their routes and what
// they take are in tables like any other's, and an exchange takes the same steps
// as any other: who asks, whether they may, who watches and what it costs are
// decided where they are for AWS's operations. Only the codec, the events and
// the errors are the vendor's.
//
// An operation that answers whole or in a stream, as the body says, has both
// handlers.
type Door struct {
	// Prefix begins the paths of the operations ("/openai/v1/"). A request below
	// it is for this service, also one that no operation has: its vendor's
	// clients get an error that they can read.
	Prefix string
	// Aliases are prefixes of the same operations.
	Aliases []string
	// KeyHeader is where the vendor's clients put their key ("X-Api-Key"); empty:
	// they put it into Authorization.
	KeyHeader string
	// Describe tells of an input the labels that its path does not have and that
	// observers look for ("modelId"), and whether the answer is a stream.
	Describe func(input any) (labels map[string]string, stream bool)
	// Events writes the events of streams.
	Events EventCodec
}

// EventCodec is how a door writes the events of a stream. Implementations are
// stateless and safe for concurrent use.
type EventCodec interface {
	ContentType() string
	// Append writes an event behind to. name and payload are for those who
	// watch; payload may be part of frame.
	Append(to []byte, op *schema.Operation, event any) (frame []byte, name string, payload []byte, err error)
	// AppendException writes what tells that the stream has failed.
	AppendException(to []byte, op *schema.Operation, ex *schema.Exception, requestID string) (frame []byte, name string, payload []byte)
}

// door finds the service that a path is below the prefix of.
func (e *Edge) door(path string) *Service {
	for _, s := range e.doors {
		if s.Door.prefix(path) != "" {
			return s
		}
	}
	return nil
}

// prefix returns the one that a path begins with.
func (d *Door) prefix(path string) string {
	if strings.HasPrefix(path, d.Prefix) {
		return d.Prefix
	}
	for _, alias := range d.Aliases {
		if strings.HasPrefix(path, alias) {
			return alias
		}
	}
	return ""
}

// plain is a path as the tables have it.
func (d *Door) plain(path string) string {
	prefix := d.prefix(path)
	if prefix == "" || prefix == d.Prefix {
		return path
	}
	return d.Prefix + path[len(prefix):]
}

// present puts a key that is in the vendor's header where AWS's clients have it.
// Who sends both means what stands in Authorization.
func (d *Door) present(r *http.Request) {
	if d.KeyHeader == "" || r.Header.Get("Authorization") != "" {
		return
	}
	if key := r.Header.Get(d.KeyHeader); key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
}
