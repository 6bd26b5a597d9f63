package budget

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/periodic"
	"github.com/outcrop/outcrop/internal/store"
)

// Params are the parts of a Guard. Tags may be nil.
type Params struct {
	Store  store.Store
	Ledger *ledger.Ledger
	Tags   func(p iam.Principal) map[string]string // the cost tags of a principal
	Logger *slog.Logger
	Now    func() time.Time
}

// Guard refuses calls of those whose budget is spent. It is safe for concurrent
// use.
//
// Nothing is reserved for calls in flight: their cost is known, and charged,
// before their clients learn the end of the answer. So a budget is overspent by
// what the calls cost that were in flight when it ran out, and by those that
// other servers answered within the last second or so. To reserve the price of
// max_tokens, which many clients set as high as it goes, would refuse calls that
// a small budget has room for.
type Guard struct {
	p Params

	refreshing sync.Mutex
	all        map[string]*active // by account and name; guarded by refreshing

	inForce atomic.Pointer[inForce]
}

// inForce are the budgets by whom they are for.
type inForce struct {
	by   map[scope][]*active
	tags bool // some are for tags
}

var _ admission.Check = (*Guard)(nil)

type scope struct{ account, scope string }

// active is a budget that is in force.
type active struct {
	Budget
	meter *ledger.Meter
	// The periods, by the second of their first day, in which it was told that
	// the budget runs out and that it is spent.
	warned, spent atomic.Int64
}

// New returns a guard that knows of no budget before Refresh.
func New(p Params) *Guard {
	g := &Guard{p: p, all: map[string]*active{}}
	g.inForce.Store(&inForce{})
	return g
}

// refreshEvery is how soon a budget that was set is in force.
const refreshEvery = time.Second

// Run notices changed budgets until ctx ends.
func (g *Guard) Run(ctx context.Context) {
	periodic.Run(ctx, periodic.Params{
		Every: refreshEvery, Do: g.Refresh, Logger: g.p.Logger, Trouble: "the budgets cannot be read; those that were read before stay in force",
	})
}

// Refresh puts the budgets of the store in force. Where it fails, those from
// before stay.
func (g *Guard) Refresh(ctx context.Context) error {
	g.refreshing.Lock()
	defer g.refreshing.Unlock()
	list, err := List(ctx, g.p.Store, "")
	if err != nil {
		return err
	}
	all, next := make(map[string]*active, len(list)), &inForce{by: make(map[scope][]*active, len(list))}
	changed := len(list) != len(g.all)
	made := map[*ledger.Meter]bool{}
	defer func() { // unless everything went well
		for m := range made {
			g.p.Ledger.Release(m)
		}
	}()
	for _, b := range list {
		name := b.Account + "/" + b.Name
		a := g.all[name]
		if a == nil || a.Budget != b {
			changed = true
			fresh := &active{Budget: b}
			if a != nil && a.Account == b.Account && a.Scope == b.Scope && a.Period == b.Period {
				fresh.meter = a.meter
			} else {
				if fresh.meter, err = g.p.Ledger.Meter(ctx, b.Account, b.Scope, b.Period); err != nil {
					return err
				}
				made[fresh.meter] = true
			}
			a = fresh
		}
		all[name] = a
		of := scope{a.Account, a.Scope}
		next.by[of] = append(next.by[of], a)
		next.tags = next.tags || strings.HasPrefix(a.Scope, ledger.TagPrefix)
	}
	if !changed {
		return nil
	}
	clear(made)
	g.inForce.Store(next)
	kept := make(map[*ledger.Meter]bool, len(all))
	for _, a := range all {
		kept[a.meter] = true
	}
	for _, a := range g.all {
		if !kept[a.meter] {
			g.p.Ledger.Release(a.meter)
		}
	}
	g.all = all
	return nil
}

// WarningHeader is the header of answers to those whose budget runs out.
const WarningHeader = "X-Outcrop-Budget-Warning"

// Admit implements admission.Check. Denied: a budget is spent. It is no
// throttling, which SDKs would answer by trying again and again.
func (g *Guard) Admit(_ context.Context, u *admission.Use) (admission.Ticket, error) {
	budgets := g.inForce.Load()
	if len(budgets.by) == 0 {
		return nil, nil //nolint:nilnil // there is nothing to settle
	}
	account, principal, now := u.Call.Account, u.Call.Principal, g.p.Now()
	err := g.check(budgets.by[scope{account, ledger.Everybody}], u, now)
	if err == nil {
		err = g.check(budgets.by[scope{account, ledger.Name(principal)}], u, now)
	}
	if err != nil || g.p.Tags == nil || !budgets.tags {
		return nil, err
	}
	for key, value := range g.p.Tags(principal) {
		if err := g.check(budgets.by[scope{account, ledger.TagScope(key, value)}], u, now); err != nil {
			return nil, err
		}
	}
	return nil, nil //nolint:nilnil // there is nothing to settle
}

func (g *Guard) check(budgets []*active, u *admission.Use, now time.Time) error {
	for _, a := range budgets {
		spent := a.meter.Spent(now).Rounded()
		switch {
		case spent >= a.Limit:
			g.tell(&a.spent, a, "a budget is spent", spent, now)
			if a.Stop {
				return fault.New(fault.Denied, "The budget %s is spent: $%s of $%s this %s. It begins anew on %s.",
					a.Name, Dollars(spent), Dollars(a.Limit), a.Period, a.Period.Next(now).Format(time.DateOnly)).WithField("model", u.ModelID)
			}
		case a.Warn == 0 || float64(spent)*100 < float64(a.Limit)*float64(a.Warn):
			continue
		default:
			g.tell(&a.warned, a, "a budget runs out", spent, now)
		}
		u.Call.SetHeader(WarningHeader, fmt.Sprintf("%s; spent=%s; limit=%s; until=%s",
			a.Name, Dollars(spent), Dollars(a.Limit), a.Period.Next(now).Format(time.DateOnly)))
	}
	return nil
}

// tell logs something once in a period.
func (g *Guard) tell(told *atomic.Int64, a *active, text string, spent int64, now time.Time) {
	first := a.Period.First(now).Unix()
	if before := told.Load(); before == first || !told.CompareAndSwap(before, first) {
		return
	}
	g.p.Logger.Warn(text, slog.String("budget", a.Name), slog.String("account", a.Account), slog.String("for", a.Scope),
		slog.String("spent", Dollars(spent)), slog.String("limit", Dollars(a.Limit)), slog.String("period", string(a.Period)))
}

// Status is how far a budget is spent.
type Status struct {
	Budget
	Spent int64 // micro-dollars
}

// Statuses tells how far the budgets in force are spent.
func (g *Guard) Statuses() []Status {
	now := g.p.Now()
	var list []Status
	for _, of := range g.inForce.Load().by {
		for _, a := range of {
			list = append(list, Status{a.Budget, a.meter.Spent(now).Rounded()})
		}
	}
	return list
}
