// Package registry keeps the resources of knowledge bases: bases, their data
// sources, and the jobs that sync them. It holds the rules of their lives (names
// are unique, one sync at a time, a deletion is finished later by a worker) and
// translates them to documents of a store.
//
// It does no work on documents and knows no AWS type: services ask it for
// resources, the worker of package ingest takes the work that it queues.
package registry

import (
	"crypto/rand"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// The kinds of records. Data sources lie under their base, everything of a data
// source under "base/source".
const (
	kindBase      store.Kind = "knowledge-base"
	kindSource    store.Kind = "data-source"
	kindJob       store.Kind = "ingestion-job"
	kindDocuments store.Kind = "documents-request"
)

// Params are the parts that a Registry needs.
type Params struct {
	Store store.Store
	Now   func() time.Time // time.Now when nil
	// NewID makes an ID of ten characters, [0-9A-Z]; NewID when nil.
	NewID func() string
	// KeepJobs is how many jobs that have ended a data source remembers: a
	// folder that is watched starts one with every change. 0: 1000.
	KeepJobs int
}

const defaultKeepJobs = 1000

// Registry has the resources of all accounts and regions. It is safe for
// concurrent use, also by several processes on one store.
//
// Texts of its faults are for clients. A Conflict whose store.Reason is
// store.Changed means that somebody else changed the resource since it was read.
type Registry struct {
	store    store.Store
	now      func() time.Time
	newID    func() string
	keepJobs int
}

// New returns a registry over a store.
func New(p Params) *Registry {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.NewID == nil {
		p.NewID = NewID
	}
	if p.KeepJobs <= 0 {
		p.KeepJobs = defaultKeepJobs
	}
	return &Registry{store: p.Store, now: p.Now, newID: p.NewID, keepJobs: p.KeepJobs}
}

// NewID returns a random ID as Bedrock's resources have: ten characters,
// [0-9A-Z].
func NewID() string {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	id := make([]byte, 0, 10)
	for len(id) < cap(id) {
		var random [16]byte
		_, _ = rand.Read(random[:]) // never fails
		for _, b := range random {
			// 252 is the largest multiple of 36 in a byte: above it some letters
			// would come more often.
			if b < 252 && len(id) < cap(id) {
				id = append(id, letters[b%36])
			}
		}
	}
	return string(id)
}

// time is the present to the microsecond, in UTC: what a record keeps.
func (r *Registry) time() time.Time { return r.now().UTC().Truncate(time.Microsecond) }

// noBase is what clients are told of a base that there is not.
func noBase(id string) error {
	return fault.New(fault.NotFound, "Knowledge Base with id %s does not exist", id)
}

func noSource(base, id string) error {
	return fault.New(fault.NotFound, "DataSource with id %s in KnowledgeBase with id %s does not exist", id, base)
}

func noJob(base, source, id string) error {
	return fault.New(fault.NotFound, "IngestionJob with id %s in KnowledgeBase with id %s and DataSource with id %s does not exist", id, base, source)
}

// instead replaces a store's NotFound by one that names the resource.
func instead(err, missing error) error {
	if fault.Is(err, fault.NotFound) {
		return missing
	}
	return err
}
