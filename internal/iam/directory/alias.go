package directory

import (
	"context"
	"regexp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

var aliasForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9]|-[a-z0-9]){2,62}$`)

// SetAlias gives the account a name, in place of the one it has.
// EntityAlreadyExists when it has this one; ValidationError.
func (d *Directory) SetAlias(ctx context.Context, alias string) error {
	if !aliasForm.MatchString(alias) {
		return invalid("1 validation error detected: Value '%s' at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", alias)
	}
	return d.write(ctx, func(ctx context.Context) error {
		return retry(func() error {
			rec, err := d.store.Get(ctx, d.key(kindAlias, "", "alias"))
			now := d.time()
			switch {
			case fault.Is(err, fault.NotFound):
				rec = store.Record{Key: d.key(kindAlias, "", "alias"), Name: alias, Status: active, Created: now, Updated: now}
				_, _, err = d.store.Create(ctx, rec, store.Create{})
				if store.Reason(err) == store.KeyTaken {
					return store.Conflict(store.Changed) // look again
				}
				return err
			case err != nil:
				return err
			case rec.Name == alias:
				return exists("The account alias %s already exists.", alias)
			}
			rec.Name, rec.Updated = alias, now
			_, err = d.store.Update(ctx, rec)
			return err
		})
	})
}

// Alias returns the account's name; empty when it has none.
func (d *Directory) Alias(ctx context.Context) (string, error) {
	rec, err := d.store.Get(ctx, d.key(kindAlias, "", "alias"))
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return rec.Name, err
}

// DeleteAlias takes the account's name away. NoSuchEntity when it is another.
func (d *Directory) DeleteAlias(ctx context.Context, alias string) error {
	have, err := d.Alias(ctx)
	if err != nil {
		return err
	}
	if have != alias || alias == "" {
		return notFound("The account alias %s cannot be found.", alias)
	}
	return d.write(ctx, func(ctx context.Context) error { return d.remove(ctx, d.key(kindAlias, "", "alias")) })
}
