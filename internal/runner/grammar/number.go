package grammar

import (
	"math"
	"strconv"
	"strings"
)

// mostNumber bounds integers: 15 digits are the same in every reader of JSON.
const mostNumber = 999_999_999_999_999

// limits reads the bounds of a number. Exclusive ones may also be the older
// drafts' booleans.
func limits(n *node) (low, high float64, openLow, openHigh bool) {
	low, high = -mostNumber, mostNumber
	if x, ok := n.get("minimum").number(); ok {
		low, openLow = x, n.get("exclusiveMinimum").is("true")
	}
	if x, ok := n.get("exclusiveMinimum").number(); ok && x >= low {
		low, openLow = x, true
	}
	if x, ok := n.get("maximum").number(); ok {
		high, openHigh = x, n.get("exclusiveMaximum").is("true")
	}
	if x, ok := n.get("exclusiveMaximum").number(); ok && x <= high {
		high, openHigh = x, true
	}
	return max(low, -mostNumber), min(high, mostNumber), openLow, openHigh
}

func hasLimits(n *node) bool {
	for _, key := range []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"} {
		if n.get(key) != nil {
			return true
		}
	}
	return false
}

func empty(path string) error {
	return &Unsupported{Keyword: "minimum", Path: path, Why: "no number is left between it and the maximum"}
}

func (c *compiler) integer(n *node, path string) (string, error) {
	if !hasLimits(n) {
		return c.b.shared("integer"), nil
	}
	low, high, openLow, openHigh := limits(n)
	a, b := int64(math.Ceil(low)), int64(math.Floor(high))
	if openLow && float64(a) == low {
		a++
	}
	if openHigh && float64(b) == high {
		b--
	}
	if a > b {
		return "", empty(path)
	}
	return c.b.Add("integer", integers(a, b)), nil
}

// integers is an expression for the integers from a to b.
func integers(a, b int64) string {
	var parts []string
	if a < 0 {
		parts = append(parts, `"-" (`+strings.Join(naturals(max(1, -b), -a), " | ")+")")
	}
	if b >= 0 {
		parts = append(parts, naturals(max(a, 0), b)...)
	}
	return strings.Join(parts, " | ")
}

// naturals are expressions for the numbers from a to b, neither negative.
func naturals(a, b int64) []string {
	var parts []string
	for low := a; low <= b; {
		high := int64(9)
		for high < low {
			high = high*10 + 9
		}
		high = min(high, b)
		parts = append(parts, sameLength(strconv.FormatInt(low, 10), strconv.FormatInt(high, 10)))
		low = high + 1
	}
	return parts
}

// sameLength is an expression for the digits from a to b, which are of one
// length.
func sameLength(a, b string) string {
	switch {
	case a == "":
		return `""`
	case strings.Trim(a, "0") == "" && strings.Trim(b, "9") == "":
		return digits(len(a))
	case a[0] == b[0]:
		if len(a) == 1 {
			return Literal(a)
		}
		return Literal(a[:1]) + " (" + sameLength(a[1:], b[1:]) + ")"
	case len(a) == 1:
		return "[" + a + "-" + b + "]"
	}
	n := len(a) - 1
	from, to := a[0], b[0]
	var parts []string
	if strings.Trim(a[1:], "0") != "" {
		parts = append(parts, Literal(a[:1])+" ("+sameLength(a[1:], strings.Repeat("9", n))+")")
		from++
	}
	last := ""
	if strings.Trim(b[1:], "9") != "" {
		last = Literal(b[:1]) + " (" + sameLength(strings.Repeat("0", n), b[1:]) + ")"
		to--
	}
	if from <= to {
		parts = append(parts, "["+string(from)+"-"+string(to)+"] "+digits(n))
	}
	if last != "" {
		parts = append(parts, last)
	}
	return strings.Join(parts, " | ")
}

func digits(n int) string { return "[0-9]{" + strconv.Itoa(n) + "}" }

func (c *compiler) number(n *node, path string) (string, error) {
	if !hasLimits(n) {
		return c.b.shared("number"), nil
	}
	low, high, openLow, openHigh := limits(n)
	var parts []string
	if high > 0 || high == 0 && !openHigh {
		parts = append(parts, decimals(max(low, 0), high, openLow && low >= 0, openHigh)...)
	}
	if low < 0 {
		var negative []string
		for _, p := range decimals(max(-high, 0), -low, openHigh && high <= 0, openLow) {
			negative = append(negative, `"-" (`+p+")")
		}
		parts = append(parts, negative...)
	}
	if len(parts) == 0 {
		return "", empty(path)
	}
	return c.b.Add("number", strings.Join(parts, " | ")), nil
}

// decimals are expressions for numbers from low to high, neither negative: whole
// ones with any fraction, and the bound itself. Where no whole number is between
// them it is a fraction of three digits.
func decimals(low, high float64, openLow, openHigh bool) []string {
	var parts []string
	const fraction = ` ("." [0-9]{1,6})?`
	a, b := int64(math.Ceil(low)), int64(math.Floor(high))
	if a <= b {
		start := a
		if openLow && float64(a) == low {
			if float64(a)+1 <= high {
				parts = append(parts, Literal(strconv.FormatInt(a, 10))+` "." [0-9]{0,5} [1-9]`)
			}
			start++
		}
		if start <= b-1 {
			parts = append(parts, "("+strings.Join(naturals(start, b-1), " | ")+")"+fraction)
		}
		if start <= b && !(openHigh && float64(b) == high) {
			parts = append(parts, Literal(strconv.FormatInt(b, 10))+` ("." "0"{1,6})?`)
		}
	}
	if len(parts) > 0 {
		return parts
	}
	whole := math.Floor(low)
	x, y := int(math.Ceil((low-whole)*1000)), int(math.Floor((high-whole)*1000))
	if openLow && whole+float64(x)/1000 <= low {
		x++
	}
	if y = min(y, 999); openHigh && whole+float64(y)/1000 >= high {
		y--
	}
	if x > y {
		return nil
	}
	pad := func(i int) string { return strings.Repeat("0", 3-len(strconv.Itoa(i))) + strconv.Itoa(i) }
	return []string{Literal(strconv.FormatInt(int64(whole), 10)+".") + " (" + sameLength(pad(x), pad(y)) + ")"}
}
