package runner

import "time"

// threads chooses how many threads compute a batch, by what batches took.
//
// The library's threads wait for each other by spinning. On cores that are all
// theirs, more threads are faster; with one busy neighbor, the thread that has
// lost its core keeps all others spinning, and two threads can be four times
// slower than one. Which of it holds changes from second to second, so the
// choice is measured: the best known number computes, and every now and then
// its neighbors are tried, more rarely the longer they keep losing. More
// threads are tried only while there are cores that do nothing. Where the system
// tells how many cores have no other work at the very moment, a batch gets no
// more threads than that, but only after one that took longer than it should:
// the count has the library's own threads in it, which go on spinning for a
// moment after each batch.
type threads struct {
	choices []int
	first   int // what a class begins with when none is known
	load    loadMeter
	capped  bool // the batch under way got fewer threads than were chosen
	classes [batchClasses]class
	last    int // the class used last; a new one begins with its best
}

// loadMeter tells how busy the whole machine is.
type loadMeter struct {
	// idle is how many cores did nothing, on average, since the last call.
	idle func() (cores float64, known bool)
	// free is how many cores are not taken by other threads just now.
	free func() (cores int, known bool)
}

// class is what is known of batches of about one size.
type class struct {
	used    bool
	best    int                 // index into choices
	cost    [maxChoices]float64 // smoothed seconds for each token; 0: not tried
	settled float64             // the best's cost when it was last confirmed
	slow    bool                // the last batch cost much more than that

	trial  int // index on trial, or -1
	left   int // batches that the trial still takes
	sum    float64
	upward bool // the next trial, where there is a choice, is of more threads

	since    time.Duration // computed since the last trial
	patience time.Duration // of computing before the next trial
}

const (
	maxChoices    = 8
	batchClasses  = 5
	trialBatches  = 3
	shortPatience = 250 * time.Millisecond
	longPatience  = 8 * time.Second
	needIdle      = 0.7 // of a core must do nothing for a thread more to be tried
	smoothing     = 0.3
	hopeless      = 1.5 // times the best's cost end a trial at once
	alarm         = 1.3 // costs so many times the settled ones are a reason to look around
)

func newThreads(most int, load loadMeter) *threads {
	t := &threads{load: load}
	for n := most; n >= 1 && len(t.choices) < maxChoices; n /= 2 {
		t.choices = append(t.choices, n)
	}
	// The loading has kept one core busy; what was left over can help.
	if cores, known := load.idle(); known {
		for t.first < len(t.choices)-1 && float64(t.choices[t.first]-1)*needIdle > cores {
			t.first++
		}
	}
	for i := range t.classes {
		t.classes[i] = class{trial: -1, best: t.first, patience: shortPatience}
	}
	return t
}

// classOf sorts batches by size: their cost for each token differs too much
// to be compared with each other.
func classOf(tokens int) int {
	switch {
	case tokens <= 1:
		return 0
	case tokens <= 4:
		return 1
	case tokens <= 16:
		return 2
	case tokens <= 64:
		return 3
	}
	return 4
}

// next is the number of threads for a batch of so many tokens.
func (t *threads) next(tokens int) int {
	i := classOf(tokens)
	c := &t.classes[i]
	if !c.used {
		c.used = true
		c.best = t.classes[t.last].best
	}
	t.last = i
	choice := c.best
	if c.trial >= 0 {
		choice = c.trial
	}
	t.capped = false
	if t.choices[choice] > 1 && (c.settled == 0 || c.slow) {
		if free, known := t.load.free(); known {
			for choice < len(t.choices)-1 && t.choices[choice] > free {
				choice++
				t.capped = true
			}
		}
	}
	return t.choices[choice]
}

// took reports what the batch that next was asked for has cost.
func (t *threads) took(tokens int, d time.Duration) {
	if t.capped {
		return // says nothing about the number that was chosen
	}
	c := &t.classes[classOf(tokens)]
	cost := d.Seconds() / float64(max(tokens, 1))
	if c.trial >= 0 {
		t.judge(c, cost)
		return
	}
	c.slow = c.settled > 0 && cost > c.settled*alarm
	c.learn(c.best, cost)
	if c.since == 0 {
		t.load.idle() // begins to count
	}
	c.since += d
	if c.settled == 0 {
		c.settled = c.cost[c.best]
	}
	if c.cost[c.best] > c.settled*alarm {
		c.settled = c.cost[c.best]
		c.patience = shortPatience
	}
	if c.since >= c.patience && len(t.choices) > 1 {
		t.tryNeighbor(c)
	}
}

func (c *class) learn(i int, cost float64) {
	if c.cost[i] == 0 {
		c.cost[i] = cost
		return
	}
	c.cost[i] += smoothing * (cost - c.cost[i])
}

// tryNeighbor puts the number next to the best on trial, fewer and more by
// turns.
func (t *threads) tryNeighbor(c *class) {
	c.since = 0
	cores, known := t.load.idle()
	fewer, more := c.best+1, c.best-1
	switch {
	case fewer >= len(t.choices):
		c.trial = more
	case more < 0:
		c.trial = fewer
	case c.upward:
		c.trial = more
	default:
		c.trial = fewer
	}
	c.upward = !c.upward
	if extra := t.choices[c.trial] - t.choices[c.best]; known && float64(extra)*needIdle > cores {
		c.trial = -1 // it could only wait for a core
		return
	}
	c.left, c.sum = trialBatches, 0
}

// judge ends a trial after its batches, or as soon as one costs far too much:
// the cheaper number wins.
func (t *threads) judge(c *class, cost float64) {
	c.sum += cost
	c.left--
	if c.left > 0 && cost < c.cost[c.best]*hopeless {
		return
	}
	c.cost[c.trial] = c.sum / float64(trialBatches-c.left)
	if c.cost[c.trial] < c.cost[c.best] {
		c.best = c.trial
		c.patience = shortPatience
	} else {
		c.patience = min(2*c.patience, longPatience)
	}
	c.settled = c.cost[c.best]
	c.trial = -1
}
