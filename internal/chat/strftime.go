package chat

import (
	"fmt"
	"strings"
	"time"
)

// strftime formats t as Python's datetime.strftime does in the C locale.
// A directive that it does not know stays as it is written.
func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		unpadded := format[i] == '-' && i+1 < len(format) // glibc: %-d
		if unpadded {
			i++
		}
		s, ok := directive(t, format[i])
		switch {
		case !ok && unpadded:
			b.WriteString(format[i-2 : i+1])
		case !ok:
			b.WriteString(format[i-1 : i+1])
		case unpadded && len(s) > 1:
			b.WriteString(strings.TrimLeft(s[:len(s)-1], "0 ") + s[len(s)-1:])
		default:
			b.WriteString(s)
		}
	}
	return b.String()
}

func directive(t time.Time, c byte) (string, bool) {
	if layout, ok := layouts(c); ok {
		return t.Format(layout), true
	}
	switch c {
	case '%':
		return "%", true
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay()), true
	case 'w':
		return fmt.Sprint(int(t.Weekday())), true
	case 'u':
		return fmt.Sprint((int(t.Weekday())+6)%7 + 1), true
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), true
	case 's':
		return fmt.Sprint(t.Unix()), true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	}
	return "", false
}

// layouts returns the layout of package time for a directive that has one.
func layouts(c byte) (string, bool) {
	switch c {
	case 'Y':
		return "2006", true
	case 'y':
		return "06", true
	case 'm':
		return "01", true
	case 'd':
		return "02", true
	case 'e':
		return "_2", true
	case 'B':
		return "January", true
	case 'b', 'h':
		return "Jan", true
	case 'A':
		return "Monday", true
	case 'a':
		return "Mon", true
	case 'H':
		return "15", true
	case 'I':
		return "03", true
	case 'M':
		return "04", true
	case 'S':
		return "05", true
	case 'p':
		return "PM", true
	case 'Z':
		return "MST", true
	case 'z':
		return "-0700", true
	case 'F':
		return "2006-01-02", true
	case 'T', 'X':
		return "15:04:05", true
	case 'R':
		return "15:04", true
	case 'D', 'x':
		return "01/02/06", true
	case 'c':
		return "Mon Jan _2 15:04:05 2006", true
	}
	return "", false
}
