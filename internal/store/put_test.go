package store_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

func TestPut(t *testing.T) {
	t.Parallel()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), sqlitestore.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	key := store.Key{Kind: "count", Account: "000000000000", Region: "us-east-1", ID: "x"}
	add := func(r *store.Record) error {
		n := 0
		if r.Version > 0 {
			if err := r.Decode(&n); err != nil {
				return err
			}
		}
		body, err := store.Encode(n + 1)
		r.Body = body
		return err
	}
	// Everybody's change counts, also those of who were too late at first.
	const writers, each = 8, 20
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				if _, err := store.Put(t.Context(), s, key, add); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	r, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := r.Decode(&n); err != nil || n != writers*each || r.Version != writers*each {
		t.Errorf("got %d, version %d, %v; want %d changes", n, r.Version, err, writers*each)
	}
	enough := errors.New("enough")
	was, err := store.Put(t.Context(), s, key, func(*store.Record) error { return enough })
	if !errors.Is(err, enough) || was.Version != r.Version {
		t.Errorf("a change that gives up: got version %d, %v", was.Version, err)
	}
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if made, err := store.Put(t.Context(), s, key, add); err != nil || made.Version != 1 {
		t.Errorf("after a deletion: got version %d, %v, want it made anew", made.Version, err)
	}
}

func TestDecodeNamesTheRecord(t *testing.T) {
	t.Parallel()
	var n int
	err := store.Record{Key: store.Key{Kind: "count", ID: "x"}, Body: []byte("{")}.Decode(&n)
	if err == nil || err.Error() != "decode the count x: unexpected end of JSON input" {
		t.Errorf("got %v", err)
	}
	if _, err := store.Encode(func() {}); err == nil {
		t.Error("a function: got no error")
	}
}
