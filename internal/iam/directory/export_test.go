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
