package bert

import (
	"math"
	"testing"
)

// float is the exact value of a half.
func float(h uint16) float64 {
	sign := 1.0
	if h&0x8000 != 0 {
		sign = -1
	}
	exponent, mantissa := int(h>>10&31), float64(h&0x3ff)
	switch exponent {
	case 0:
		return sign * mantissa * math.Pow(2, -24)
	case 31:
		if mantissa != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * (1 + mantissa/1024) * math.Pow(2, float64(exponent-15))
}

// TestHalf goes through every half, and through the points between each and
// the next, where rounding decides.
func TestHalf(t *testing.T) {
	t.Parallel()
	for h := range uint16(0x7c00) {
		for _, sign := range []uint16{0, 0x8000} {
			here := float(h | sign)
			if got := half(float32(here)); got != h|sign {
				t.Fatalf("half(%v): got %#x, want %#x", here, got, h|sign)
			}
			if h == 0x7bff {
				continue
			}
			middle := float32((here + float(h+1|sign)) / 2)
			even := h | sign
			if h&1 == 1 {
				even = h + 1 | sign
			}
			if got := half(middle); got != even {
				t.Fatalf("half(%v), a tie: got %#x, want %#x", middle, got, even)
			}
			away := float32(math.Inf(1))
			if sign != 0 {
				away = float32(math.Inf(-1))
			}
			if got, want := half(math.Nextafter32(middle, away)), h+1|sign; got != want {
				t.Fatalf("half above the tie %v: got %#x, want %#x", middle, got, want)
			}
			if got, want := half(math.Nextafter32(middle, 0)), h|sign; got != want {
				t.Fatalf("half below the tie %v: got %#x, want %#x", middle, got, want)
			}
		}
	}
	for f, want := range map[float32]uint16{65519.996: 0x7bff, 65520: 0x7c00, float32(math.Inf(-1)): 0xfc00, math.MaxFloat32: 0x7c00, math.SmallestNonzeroFloat32: 0} {
		if got := half(f); got != want {
			t.Errorf("half(%v): got %#x, want %#x", f, got, want)
		}
	}
	if got := half(float32(math.NaN())); got&0x7c00 != 0x7c00 || got&0x3ff == 0 {
		t.Errorf("half(NaN): got %#x, want a NaN", got)
	}
}
