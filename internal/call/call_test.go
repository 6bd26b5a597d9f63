package call_test

import (
	"slices"
	"testing"

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
