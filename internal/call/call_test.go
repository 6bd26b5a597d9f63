package call_test

import (
	"slices"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/call"
)

// Whoever put something off gets their turn, the last one first and once, also
// when another one panics.
func TestEnd(t *testing.T) {
	t.Parallel()
	var c call.Call
	var got []int
	for i := range 4 {
		c.OnEnd(func() {
			got = append(got, i)
			if i == 2 {
				panic("a bug")
			}
		})
	}
	func() {
		defer func() {
			if v := recover(); v != "a bug" {
				t.Errorf("got the panic %v, want that of the third", v)
			}
		}()
		c.End()
	}()
	c.End()
	if want := []int{3, 2, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The steps of a call are kept where somebody follows it, and only so many.
func TestSteps(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var c call.Call
	c.Mark(call.Authenticated, "nobody follows")
	c.Follow(func() time.Time { now = now.Add(time.Second); return now })
	c.Follow(func() time.Time { return time.Time{} }) // the first clock stays
	c.Mark(call.Decided, "")
	c.Mark(call.Admitted, "llamacpp/a")
	want := []call.Step{{Name: call.Decided, At: now.Add(-time.Second)}, {Name: call.Admitted, At: now, Detail: "llamacpp/a"}}
	if got := c.Steps(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for range 1000 {
		c.Mark(call.Tried, "again")
	}
	if n := len(c.Steps()); n != 64 {
		t.Errorf("got %d steps, want them bounded", n)
	}
}
