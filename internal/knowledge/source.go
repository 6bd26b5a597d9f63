package knowledge

import (
	"context"
	"io"
	"time"
)

// Object is a file that a source offers.
type Object struct {
	ID       string // "s3://bucket/key", "file:///path"
	Name     string // last element of its path
	Size     int64  // bytes
	ETag     string // changes when the content does
	Modified time.Time
}

// Source is where a data source's documents are. It is safe for concurrent use.
type Source interface {
	// List calls yield for every object, in the order of their IDs, and stops
	// when it fails. NotFound (no such bucket or folder), Denied, Unavailable.
	List(ctx context.Context, yield func(Object) error) error
	// Open reads the object with exactly that ETag. NotFound: it has gone.
	// Conflict: it has changed. Also a read may end with Conflict or
	// Unavailable.
	Open(ctx context.Context, o Object) (io.ReadCloser, error)
	// Stat finds one object by its ID. NotFound, Denied, Unavailable.
	Stat(ctx context.Context, id string) (Object, error)
}

// Sources opens the source of a data source. Unsupported for a kind that has no
// objects (Custom).
type Sources interface {
	Open(ctx context.Context, ds DataSource) (Source, error)
}
