package directory

import (
	"context"
	"testing"
)

// Remembered returns how many principals and documents are in memory.
func (d *Directory) Remembered() (principals, documents int) {
	return d.principals.count(), d.documents.count()
}

// Spoil makes the first inline policy of a user one that cannot be read.
func Spoil(t *testing.T, d *Directory, userID string) {
	t.Helper()
	err := d.write(t.Context(), func(ctx context.Context) error {
		r, _, err := d.byID(ctx, SortUser, userID)
		if err != nil {
			return err
		}
		r.Inline[0].Document = ""
		_, err = d.save(ctx, r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// BeginAttach does the first half of an attachment, as a server does that dies
// then.
func BeginAttach(t *testing.T, d *Directory, who Who, arn string) {
	t.Helper()
	r, err := d.entity(t.Context(), who)
	if err == nil {
		err = d.use(t.Context(), r, arn, asPolicy)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// BeginDelete does the first half of a deletion.
func BeginDelete(t *testing.T, d *Directory, who Who) {
	t.Helper()
	r, err := d.entity(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	r.rec.Status, r.rec.Updated = deleting, d.now()
	if _, err := d.store.Update(t.Context(), r.rec); err != nil {
		t.Fatal(err)
	}
}
