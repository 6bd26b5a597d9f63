// Package store is the port of the control plane's state: resources as
// documents, and the durable jobs that work on them.
//
// It knows no resource. Packages that own a kind of resource (package
// knowledge/registry) give it JSON and keep the types to themselves. Chunks and
// vectors are not kept here; see knowledge.Index. Adapters are in folders below
// and pass the suite of package storetest.
package store

import (
	"context"
	"encoding/json"
	"time"
)

// Kind names a sort of resource: "knowledge-base".
type Kind string

// Key identifies a resource. Account and Region keep accounts and regions apart
// as AWS does.
type Key struct {
	Kind    Kind
	Account string
	Region  string
	Parent  string // path of what it belongs to, "" at the top: "KBID", "KBID/DSID"
	ID      string
}

// Record is a resource as it is kept.
type Record struct {
	Key
	Name    string // unique within kind, account, region and parent, unless it is empty
	Status  string
	Version int64 // counts the changes; the store sets it
	Tags    map[string]string
	Body    json.RawMessage
	Created time.Time
	Updated time.Time
}

// Token makes Create repeatable: a second Create of the kind in the same
// account, region and parent with an equal Value answers with the first one's
// record. An equal Value with another Request is a Conflict. Tokens are
// forgotten after a day.
type Token struct {
	Value   string // the client's; empty: none
	Request string // digest of what was asked for
}

// Create says what else happens in the transaction that makes a record.
type Create struct {
	Token Token
	// While makes Create fail with Conflict unless all of these are there: what
	// the record belongs to, which another request may be deleting.
	While []Condition
	// Unless makes Create fail with Conflict when a record matches any of these.
	Unless []Query
	// Enqueue is put into the queue with the record.
	Enqueue *Job
}

// Condition holds for a record that is there, in one of Statuses.
type Condition struct {
	Key
	Statuses []string // empty: in any
}

// Query selects records of one kind, in the order of their creation.
type Query struct {
	Kind     Kind
	Account  string   // empty: of every account, for the server's own housekeeping
	Region   string   // empty: of every region
	Parent   string   // exact, unless Below
	Below    bool     // Parent and everything under it
	Name     string   // exact; empty: any. With Account, Region and Parent it is as quick as Get
	Statuses []string // any of these; empty: all
	Limit    int      // 0: all
	After    string   // Page.Next of the page before; empty: from the start
}

// Page is a part of a list. Next is empty at its end.
type Page struct {
	Records []Record
	Next    string
}

// Store keeps records and jobs. It is safe for concurrent use, also by several
// processes. When a method returns without an error, what it did survives a
// crash.
type Store interface {
	// Create adds a record with Version 1. created is false when the token
	// answered. Conflict: its key or name is taken, the token was used for
	// something else, While did not hold, or Unless matched; Reason(err) tells
	// which.
	Create(ctx context.Context, r Record, how Create) (made Record, created bool, err error)
	// Get returns a record. NotFound.
	Get(ctx context.Context, key Key) (Record, error)
	// Update replaces Name, Status, Tags, Body and Updated of a record whose
	// Version is still the one given, and returns it with its new version.
	// Conflict (changed since, or the name is taken), NotFound.
	Update(ctx context.Context, r Record, enqueue ...Job) (Record, error)
	// Delete removes a record and every record under it. NotFound.
	Delete(ctx context.Context, key Key) error
	// List answers a query. Invalid: After is not a position of this list.
	List(ctx context.Context, q Query) (Page, error)
	Queue
	Close() error
}

// Job is a piece of work that survives a crash of who does it. It is run at
// least once, by one worker at a time.
type Job struct {
	ID      string // unique; enqueueing one that is there changes nothing
	Kind    string // "ingestion"
	Payload json.RawMessage
	// Group keeps jobs in their order: Claim passes over a job as long as one of
	// its group that was enqueued before it is not finished, whether that one is
	// held, waits for its time, or is of a kind that was not asked for. Empty:
	// of no group.
	Group string
	RunAt time.Time // not before; zero: at once
	// Attempts counts the claims, the present one included. The store sets it.
	Attempts int
	// Lease is the present claim, for Renew, Finish and Release.
	Lease string
}

// Queue hands out jobs under leases.
type Queue interface {
	Enqueue(ctx context.Context, j Job) error
	// Claim takes the due job that has waited longest and that nobody holds,
	// or whose holder's lease has run out. ok is false when there is none.
	Claim(ctx context.Context, kinds []string, lease time.Duration) (j Job, ok bool, err error)
	// Renew prolongs a claim. Conflict: the lease was lost to another worker.
	Renew(ctx context.Context, j Job, lease time.Duration) error
	// Finish removes the job. Conflict as Renew.
	Finish(ctx context.Context, j Job) error
	// Release gives the job back to be claimed at a later time. Conflict as
	// Renew.
	Release(ctx context.Context, j Job, runAt time.Time) error
	// Wake returns a channel that gets a value when a job may have become due
	// by what this process did; others' jobs are found by asking now and then.
	Wake() <-chan struct{}
}
