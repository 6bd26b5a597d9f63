package failover_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/router/failover"
)

func weighted(weights ...int) *failover.Chain {
	c := &failover.Chain{Policy: policy()}
	for i, w := range weights {
		c.Candidates = append(c.Candidates, failover.Candidate{Model: failover.NewBackend("gpu" + strconv.Itoa(i)).Model("llama"), Weight: w})
	}
	return c
}

func key(text string) uint64 {
	var k failover.Key
	k.Text(text)
	return k.Sum()
}

// The first is who the weights say, as often as they say.
func TestWeights(t *testing.T) {
	t.Parallel()
	c := weighted(1, 2, 5, 0)
	const n = 90_000
	first := make([]int, 4)
	for i := range n {
		first[c.Order(key("conversation " + strconv.Itoa(i)))[0]]++
	}
	for i, share := range []float64{1, 2, 5, 1} {
		want := n * share / 9
		if got := float64(first[i]); got < 0.96*want || got > 1.04*want {
			t.Errorf("candidate %d: got %v of %d, want about %v", i, got, n, want)
		}
	}
}

// The same key has the same order, all candidates are in it once, and one that
// goes takes nobody's place: the others keep their order.
func TestOrderIsStable(t *testing.T) {
	t.Parallel()
	all := weighted(1, 2, 3, 1, 1, 1, 1, 1, 1, 1) // more than are ordered in place
	for i := range 1000 {
		k := key(strconv.Itoa(i))
		order := all.Order(k)
		if !slices.Equal(order, all.Order(k)) {
			t.Fatal("two orders of one key")
		}
		sorted := slices.Sorted(slices.Values(order))
		for place, candidate := range sorted {
			if place != candidate {
				t.Fatalf("got %v, want each candidate once", order)
			}
		}
		fewer := &failover.Chain{Policy: all.Policy, Candidates: all.Candidates[:9]}
		if want := slices.DeleteFunc(order, func(c int) bool { return c == 9 }); !slices.Equal(fewer.Order(k), want) {
			t.Fatalf("without the last: got %v, want %v", fewer.Order(k), want)
		}
	}
}

func TestTiersComeFirst(t *testing.T) {
	t.Parallel()
	c := weighted(1, 1, 1, 100)
	for i, tier := range []int{0, 1, 1, 2} {
		c.Candidates[i].Tier = tier
	}
	seconds := map[int]bool{}
	for i := range 100 {
		order := c.Order(key(strconv.Itoa(i)))
		if order[0] != 0 || order[3] != 3 {
			t.Fatalf("got %v, want the tiers in order", order)
		}
		seconds[order[1]] = true
	}
	if len(seconds) != 2 {
		t.Error("one of the second tier is never asked before the other")
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a common beginning. ", 500)
	if key(long+"one") != key(long+"two") {
		t.Error("two texts with a long common beginning have different keys")
	}
	seen := map[uint64]string{}
	for _, text := range []string{"", "a", "b", "ab", "ba", "abcdefgh", "abcdefgi", "abcdefghi", "abcdefghij", "\x00", "\x00\x00", strings.Repeat("x", 100)} {
		if other, ok := seen[key(text)]; ok {
			t.Errorf("%q and %q have one key", text, other)
		}
		seen[key(text)] = text
	}
	var one, two failover.Key
	one.Text("ab")
	one.Text("c")
	two.Text("a")
	two.Text("bc")
	if one.Sum() == two.Sum() {
		t.Error("where a text ends does not count")
	}
	one, two = failover.Key{}, failover.Key{}
	one.Text(long)
	two.Bytes([]byte(long))
	if one.Sum() != two.Sum() {
		t.Error("bytes and text differ")
	}
}
