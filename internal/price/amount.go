package price

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

// Amount is money in pico-dollars: 10^-12 dollars. Amounts that do not fit, above
// nine million dollars for one call, stay the largest there is.
type Amount int64

// Units of money, in pico-dollars.
const (
	Dollar      Amount = 1e12
	MicroDollar Amount = 1e6
)

// FromDollars reads a price. It is exact to the micro-dollar's millionth.
func FromDollars(dollars float64) Amount { return round(dollars * float64(Dollar)) }

func perMillion(dollars float64) Amount { return round(dollars * 1e6) }

func round(f float64) Amount {
	if f >= math.MaxInt64 {
		return math.MaxInt64
	}
	return Amount(math.Round(f))
}

// times is a price with a ratio, as 1.1, rounded to whole pico-dollars for each
// token. Ratios have few decimals; a thousandth of them is exact.
func (a Amount) times(ratio float64) Amount {
	const parts = 1_000_000
	product := new(big.Int).Mul(big.NewInt(int64(a)), big.NewInt(int64(math.Round(ratio*parts))))
	product.Add(product, big.NewInt(parts/2)).Div(product, big.NewInt(parts))
	if !product.IsInt64() {
		return math.MaxInt64
	}
	return Amount(product.Int64())
}

// of is the price of a number of tokens or queries.
func (a Amount) of(n int) Amount {
	if n <= 0 || a <= 0 {
		return 0
	}
	if int64(a) > math.MaxInt64/int64(n) {
		return math.MaxInt64
	}
	return a * Amount(n)
}

func (a Amount) plus(b Amount) Amount {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// Micro is the amount in micro-dollars, rounded to the nearest; a half is
// rounded up.
func (a Amount) Micro() int64 {
	whole, rest := int64(a/MicroDollar), a%MicroDollar
	if rest >= MicroDollar/2 {
		whole++
	}
	return whole
}

// String is the exact amount in dollars, without zeros at its end: "0.0000125".
func (a Amount) String() string { return Sum{Pico: a}.String() }

// Sum is an amount of any size: sums over many calls outgrow an Amount.
type Sum struct {
	Micro int64  // micro-dollars
	Pico  Amount // pico-dollars beside them
}

// Plus is the sum with one more amount.
func (s Sum) Plus(a Amount) Sum { return s.Join(Sum{Pico: a}) }

// Join is the sum of two sums.
func (s Sum) Join(o Sum) Sum {
	s, o = s.normal(), o.normal()
	return Sum{s.Micro + o.Micro, s.Pico + o.Pico}.normal()
}

func (s Sum) normal() Sum {
	s.Micro += int64(s.Pico / MicroDollar)
	s.Pico %= MicroDollar
	if s.Pico < 0 {
		s.Micro--
		s.Pico += MicroDollar
	}
	return s
}

// Rounded is the sum in micro-dollars, rounded to the nearest.
func (s Sum) Rounded() int64 {
	s = s.normal()
	return s.Micro + s.Pico.Micro()
}

// String is the exact sum in dollars, without zeros at its end.
func (s Sum) String() string {
	s = s.normal()
	text := fmt.Sprintf("%d.%06d%06d", s.Micro/1e6, s.Micro%1e6, int64(s.Pico))
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
