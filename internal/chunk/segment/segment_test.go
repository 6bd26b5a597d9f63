package segment_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/chunk/segment"
)

func TestPieces(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                           nil,
		"One. Two? Three":            {"One. ", "Two? ", "Three"},
		"It costs 3.50 euros. Good.": {"It costs 3.50 euros. ", "Good."},
		"一。二。":                       {"一。", "二。"},
	} {
		if got := slices.Collect(segment.Pieces(text)); !cmp.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Nothing of a text is lost, whatever it consists of, and what would take a time
// that grows with the square of its length ends soon.
func TestAwkwardTexts(t *testing.T) {
	t.Parallel()
	for _, part := range []string{".)", "a.)", ". ", "\xff", "!?\u2028", "a", "3! 4? "} {
		text := strings.Repeat(part, 100_000)
		if got := strings.Join(slices.Collect(segment.Pieces(text)), ""); got != text {
			t.Errorf("%q: got %d bytes, want %d", part, len(got), len(text))
		}
	}
}
