package provisioned

import (
	"context"
	"slices"
	"sync"

	"github.com/outcrop/outcrop/internal/fault"
)

// lanes are the places in the local models.
type lanes struct {
	places int // that a model has
	queue  int // of those on demand that wait for one

	mu     sync.Mutex
	models map[string]*lane // by the router's name for the local model; those that somebody is in
	// pots are by ARN, whichever model they are in: a call that has found its model
	// before the routes were replaced has its place all the same.
	pots map[string]*pot
}

// lane is the places of one model.
type lane struct {
	reserved int             // by all holders together
	running  int             // on demand
	waiting  []chan struct{} // closed when the place is theirs
}

// pot is the places of one holder.
type pot struct{ places, used int }

// free tells whether one more may run on demand. As long as nothing is reserved
// the engine itself says how many run and how many wait.
func (l *lane) free(places int) bool { return l.reserved == 0 || l.running < places-l.reserved }

// set changes what is reserved: places by ARN, by local model.
func (ls *lanes) set(reserved map[string]map[string]int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	old := ls.pots
	ls.pots = make(map[string]*pot)
	for model, l := range ls.models {
		l.reserved = 0
		if len(reserved[model]) == 0 {
			ls.admit(l)
			ls.drop(model, l)
		}
	}
	for model, holders := range reserved {
		l := ls.lane(model)
		for arn, places := range holders {
			p := old[arn]
			if p == nil {
				p = &pot{}
			}
			p.places = places
			ls.pots[arn] = p
			l.reserved += places
		}
		ls.admit(l)
	}
}

// drop forgets a model in which nothing is reserved and nobody is.
func (ls *lanes) drop(model string, l *lane) {
	if l.reserved == 0 && l.running == 0 && len(l.waiting) == 0 {
		delete(ls.models, model)
	}
}

func (ls *lanes) lane(model string) *lane {
	l, ok := ls.models[model]
	if !ok {
		l = &lane{}
		ls.models[model] = l
	}
	return l
}

// admit lets those run who have waited longest, as far as there is room.
func (ls *lanes) admit(l *lane) {
	for len(l.waiting) > 0 && l.free(ls.places) {
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
		l.running++
	}
}

// Enter waits for a place in a local model: one of those that are reserved for an
// ARN, which are there or not, or else one that is reserved for nobody. leave
// gives it back.
//
// Faults: Throttled when all places of the ARN are in use, Unavailable when too
// many wait for the others.
func (ls *lanes) Enter(ctx context.Context, servedBy, reserved string) (leave func(), err error) {
	ls.mu.Lock()
	if reserved != "" {
		defer ls.mu.Unlock()
		p := ls.pots[reserved]
		if p == nil || p.used >= p.places {
			return nil, fault.New(fault.Throttled, "Too many requests, please wait before trying again.")
		}
		p.used++
		return func() {
			ls.mu.Lock()
			defer ls.mu.Unlock()
			p.used--
		}, nil
	}
	l := ls.lane(servedBy)
	leave = func() {
		ls.mu.Lock()
		defer ls.mu.Unlock()
		l.running--
		ls.admit(l)
		ls.drop(servedBy, l)
	}
	if len(l.waiting) == 0 && l.free(ls.places) {
		l.running++
		ls.mu.Unlock()
		return leave, nil
	}
	if len(l.waiting) >= ls.queue {
		ls.mu.Unlock()
		return nil, fault.New(fault.Unavailable, "Too many connections, please wait before trying again.")
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	ls.mu.Unlock()
	select {
	case <-turn:
		return leave, nil
	case <-ctx.Done():
	}
	ls.mu.Lock()
	i := slices.Index(l.waiting, turn)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	ls.mu.Unlock()
	if i < 0 {
		leave() // it came at the same moment
	}
	return nil, ctx.Err()
}
