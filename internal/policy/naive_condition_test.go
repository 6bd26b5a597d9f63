package policy_test

import (
	"encoding/base64"
	"math/big"
	"net"
	"regexp"
	"strings"
	"time"
)

func (n naive) condition(operator, key string, want []string, variables, deny bool) bool {
	have, ok := n.keys[strings.ToLower(key)]
	some, all := strings.HasPrefix(operator, "ForAnyValue:"), strings.HasPrefix(operator, "ForAllValues:")
	operator = operator[strings.Index(operator, ":")+1:]
	name := strings.TrimSuffix(operator, "IfExists")
	if name == "Null" {
		for _, w := range want {
			if strings.EqualFold(w, "true") == (len(have) == 0) {
				return true
			}
		}
		return false
	}
	negative := strings.Contains(name, "Not")
	if !ok {
		return name != operator || all || negative && !some
	}
	good := 0
	for _, h := range have {
		hit, unknown := false, false
		for _, w := range want {
			m, known := n.compare(strings.Replace(name, "Not", "", 1), h, w, variables)
			hit, unknown = hit || m, unknown || !known
		}
		if negative && !hit && (!unknown || deny) || !negative && hit {
			good++
		}
	}
	if all || negative && !some {
		return good == len(have)
	}
	return good > 0
}

func (n naive) compare(name, have, want string, variables bool) (hit, known bool) {
	switch {
	case strings.HasPrefix(name, "String"):
		text, ok := n.expand(want, name == "StringLike", variables)
		if !ok {
			return false, false
		}
		flags := "(?s)"
		if strings.HasSuffix(name, "IgnoreCase") {
			flags = "(?si)"
		}
		return regexp.MustCompile(flags + "^(?:" + text + ")$").MatchString(have), true
	case strings.HasPrefix(name, "Arn"):
		return n.arn(have, want, variables)
	case strings.HasPrefix(name, "Numeric"):
		number := regexp.MustCompile(`^[+-]?\d+(\.\d+)?$`)
		if !number.MatchString(have) {
			return false, true
		}
		a, _ := new(big.Rat).SetString(have)
		b, _ := new(big.Rat).SetString(want)
		return order(name, a.Cmp(b)), true
	case strings.HasPrefix(name, "Date"):
		a, ok := naiveDate(have)
		b, _ := naiveDate(want)
		return ok && order(name, a.Compare(b)), true
	case name == "Bool":
		return strings.EqualFold(have, want), true
	case name == "BinaryEquals":
		b, _ := base64.StdEncoding.DecodeString(want)
		return string(b) == have, true
	case name == "IpAddress":
		return inNetwork(have, want), true
	}
	panic(name)
}

func order(name string, c int) bool {
	switch {
	case strings.HasSuffix(name, "LessThan"):
		return c < 0
	case strings.HasSuffix(name, "LessThanEquals"):
		return c <= 0
	case strings.HasSuffix(name, "GreaterThan"):
		return c > 0
	case strings.HasSuffix(name, "GreaterThanEquals"):
		return c >= 0
	}
	return c == 0
}

func naiveDate(s string) (time.Time, bool) {
	if n, ok := new(big.Int).SetString(s, 10); ok && n.IsInt64() {
		return time.Unix(n.Int64(), 0), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02", "2006-01"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func inNetwork(have, want string) bool {
	a := net.ParseIP(have)
	if a == nil {
		return false
	}
	if _, network, err := net.ParseCIDR(want); err == nil {
		return network.Contains(a)
	}
	return a.Equal(net.ParseIP(want))
}

func (n naive) arn(have, want string, variables bool) (hit, known bool) {
	if want == "*" {
		return true, true
	}
	text, ok := n.expand(want, true, variables)
	if !ok {
		return false, false
	}
	h, w := strings.SplitN(have, ":", 6), strings.SplitN(text, ":", 6)
	if len(h) < 6 || len(w) < 6 || h[0] != "arn" {
		return false, true
	}
	for i := range h {
		if !regexp.MustCompile("(?s)^(?:" + w[i] + ")$").MatchString(h[i]) {
			return false, true
		}
	}
	return true, true
}
