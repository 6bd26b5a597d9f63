package policy

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// decimal is a number as its digits, so that no two different numbers are equal:
// identifiers with more digits than a float64 keeps are compared too.
type decimal struct {
	negative bool
	whole    string // without zeros in front
	fraction string // without zeros at the end
}

func parseDecimal(s string) (decimal, bool) {
	var d decimal
	s, d.negative = strings.CutPrefix(s, "-")
	if !d.negative {
		s = strings.TrimPrefix(s, "+")
	}
	whole, fraction, point := strings.Cut(s, ".")
	if !isDigits(whole) || point && !isDigits(fraction) {
		return decimal{}, false
	}
	d.whole, d.fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if d.whole == "" && d.fraction == "" {
		d.negative = false
	}
	return d, true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// compare returns -1, 0 or 1.
func (d decimal) compare(e decimal) int {
	if d.negative != e.negative {
		if d.negative {
			return -1
		}
		return 1
	}
	c := len(d.whole) - len(e.whole)
	if c == 0 {
		c = strings.Compare(d.whole, e.whole)
	}
	if c == 0 {
		c = strings.Compare(d.fraction, e.fraction)
	}
	if d.negative {
		c = -c
	}
	return min(max(c, -1), 1)
}

// parseDate reads the forms of ISO 8601 that policies use (a date, or a date and a time,
// with any zone; UTC without one), and seconds since 1970.
func parseDate(s string) (time.Time, bool) {
	if seconds := strings.TrimPrefix(s, "-"); isDigits(seconds) {
		n, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(n, 0).UTC(), err == nil
	}
	date, clock := s, ""
	if i := strings.IndexAny(s, "Tt"); i >= 0 {
		date, clock = s[:i], s[i+1:]
		if clock == "" {
			return time.Time{}, false
		}
	}
	year, date, ok := number(date, 4, 0, 9999)
	month, day := 1, 1
	if ok && date != "" {
		if month, date, ok = number(strings.TrimPrefix(date, "-"), 2, 1, 12); ok && date != "" {
			day, date, ok = number(strings.TrimPrefix(date, "-"), 2, 1, 31)
		}
	}
	if !ok || date != "" {
		return time.Time{}, false
	}
	if clock == "" {
		return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC), true
	}
	return parseClock(year, month, day, clock)
}

func parseClock(year, month, day int, s string) (time.Time, bool) {
	none := time.Time{}
	hour, s, ok := number(s, 2, 0, 23)
	s, colon := strings.CutPrefix(s, ":")
	if !ok || !colon {
		return none, false
	}
	minute, s, ok := number(s, 2, 0, 59)
	if !ok {
		return none, false
	}
	second, nanos := 0, 0
	if rest, colon := strings.CutPrefix(s, ":"); colon {
		if second, s, ok = number(rest, 2, 0, 59); !ok {
			return none, false
		}
		if rest, point := strings.CutPrefix(s, "."); point {
			n := 0
			for scale := 100_000_000; n < len(rest) && '0' <= rest[n] && rest[n] <= '9'; n, scale = n+1, scale/10 {
				nanos += int(rest[n]-'0') * scale
			}
			if n == 0 || n > 9 {
				return none, false
			}
			s = rest[n:]
		}
	}
	offset, ok := parseZone(s)
	return time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC).Add(-offset), ok
}

func parseZone(s string) (time.Duration, bool) {
	if s == "" || s == "Z" || s == "z" {
		return 0, true
	}
	if s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	hours, rest, ok := number(s[1:], 2, 0, 23)
	minutes := 0
	if ok && rest != "" {
		minutes, rest, ok = number(strings.TrimPrefix(rest, ":"), 2, 0, 59)
	}
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, ok && rest == ""
}

// number takes a number of exactly n digits from the front of s.
func number(s string, n, least, most int) (value int, rest string, ok bool) {
	if len(s) < n || !isDigits(s[:n]) {
		return 0, s, false
	}
	for i := range n {
		value = value*10 + int(s[i]-'0')
	}
	return value, s[n:], least <= value && value <= most
}

// parseNetwork reads an address or a range of them. Bits of the host do not matter.
func parseNetwork(s string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		addr, ok := parseAddress(s)
		return netip.PrefixFrom(addr, addr.BitLen()), ok
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

func parseAddress(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

func parseBool(s string) (value, ok bool) {
	return strings.EqualFold(s, "true"), strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
}
