// Package budget holds spending down: how many dollars a user, a role, everybody
// with a cost tag, or the whole account may spend in a day or a month.
//
// It counts nothing itself: the meters of package ledger do, and a budget is
// compared with what is written in the bill, so that it survives a restart and
// holds across several servers. Budgets are records of the store; a running
// server notices within a second or so what a command changes.
package budget

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/store"
)

const kind store.Kind = "budget"

// Budget is a limit for what a scope spends.
type Budget struct {
	Name    string `json:"-"` // unique in the account
	Account string `json:"-"`
	// Scope is whom it is for: ledger.Everybody, "root", "user/NAME",
	// "role/NAME", or ledger.TagScope.
	Scope  string        `json:"scope"`
	Period ledger.Period `json:"period"` // in UTC
	Limit  int64         `json:"limit"`  // micro-dollars
	// Warn is the part of the limit, in percent, from which on answers carry a
	// warning. 0: never.
	Warn int `json:"warn"`
	// Stop refuses calls once the limit is spent; without it that is only told.
	Stop bool `json:"stop"`
}

var (
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	scopePattern = regexp.MustCompile(`^(all|root|(user|role)/[\w+=,.@-]{1,64}|tag/[^=\x00-\x1f]{1,128}=[^\x00-\x1f]{0,256})$`)
)

// highest is the highest limit, in micro-dollars: a billion dollars.
const highest = 1_000_000_000 * 1_000_000

func (b *Budget) check() error {
	switch {
	case !namePattern.MatchString(b.Name):
		return fault.New(fault.Invalid, "The name of a budget has up to 100 letters, digits, dots, dashes and underscores, and begins with a letter or digit.")
	case !scopePattern.MatchString(b.Scope):
		return fault.New(fault.Invalid, "%q is not whom a budget can be for. It can be for all, root, user/NAME, role/NAME or tag/KEY=VALUE.", b.Scope)
	case b.Period != ledger.Day && b.Period != ledger.Month:
		return fault.New(fault.Invalid, "%q is not a period. A budget is for a day or a month.", string(b.Period))
	case b.Limit < 0 || b.Limit > highest:
		return fault.New(fault.Invalid, "The limit of a budget is between 0 and 1000000000 dollars.")
	case b.Warn < 0 || b.Warn > 100:
		return fault.New(fault.Invalid, "The threshold of a warning is between 0 and 100 percent.")
	}
	return nil
}

// Set makes a budget, or replaces the one of its name. Invalid.
func Set(ctx context.Context, s store.Store, b Budget) error {
	if err := b.check(); err != nil {
		return err
	}
	body, err := store.Encode(b)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	_, err = store.Put(ctx, s, key(b.Account, b.Name), func(r *store.Record) error {
		if r.Version == 0 {
			r.Name, r.Created = b.Name, now
		}
		r.Body, r.Updated = body, now
		return nil
	})
	return err
}

func key(account, name string) store.Key {
	return store.Key{Kind: kind, Account: account, ID: name}
}

// Remove deletes a budget. NotFound.
func Remove(ctx context.Context, s store.Store, account, name string) error {
	err := s.Delete(ctx, key(account, name))
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "There is no budget %q.", name)
	}
	return err
}

// List lists the budgets of an account by name; of all accounts where it is
// empty.
func List(ctx context.Context, s store.Store, account string) ([]Budget, error) {
	page, err := s.List(ctx, store.Query{Kind: kind, Account: account})
	if err != nil {
		return nil, err
	}
	list := make([]Budget, 0, len(page.Records))
	for _, r := range page.Records {
		var b Budget
		if err := r.Decode(&b); err != nil {
			return nil, err
		}
		b.Account, b.Name = r.Account, r.ID
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b Budget) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Name, b.Name))
	})
	return list, nil
}

// Dollars writes micro-dollars: "12.50", "0.000001".
func Dollars(micro int64) string {
	text := fmt.Sprintf("%d.%06d", micro/1_000_000, micro%1_000_000)
	for strings.HasSuffix(text, "0") && text[len(text)-3] != '.' {
		text = text[:len(text)-1]
	}
	return text
}
