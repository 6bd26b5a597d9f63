package xls

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// reader reads strings from a record and those that it goes on in.
type reader struct {
	parts  [][]byte
	failed bool
}

// byte returns the next byte, also of the next part.
func (r *reader) byte() byte {
	for len(r.parts) > 0 && len(r.parts[0]) == 0 {
		r.parts = r.parts[1:]
	}
	if len(r.parts) == 0 {
		r.failed = true
		return 0
	}
	c := r.parts[0][0]
	r.parts[0] = r.parts[0][1:]
	return c
}

func (r *reader) uint16() uint16 { return uint16(r.byte()) | uint16(r.byte())<<8 }

func (r *reader) skip(n uint64) {
	for n > 0 && !r.failed {
		if len(r.parts) == 0 {
			r.failed = true
			return
		}
		step := min(n, uint64(len(r.parts[0])))
		r.parts[0] = r.parts[0][step:]
		if n -= step; n > 0 {
			r.parts = r.parts[1:]
		}
	}
}

// Flags of a string.
const (
	flagWide     = 1
	flagPhonetic = 4
	flagRich     = 8
)

// short reads a string with its length in one byte, as sheets are named.
func (r *reader) short() string {
	n := int(r.byte())
	return r.chars(n, r.byte()&flagWide != 0)
}

// long reads a string with its length in two bytes and perhaps formats and
// readings behind it.
func (r *reader) long() string {
	n := int(r.uint16())
	flags := r.byte()
	runs, phonetic := uint64(0), uint64(0)
	if flags&flagRich != 0 {
		runs = uint64(r.uint16())
	}
	if flags&flagPhonetic != 0 {
		phonetic = uint64(r.uint16()) | uint64(r.uint16())<<16
	}
	s := r.chars(n, flags&flagWide != 0)
	r.skip(4*runs + phonetic)
	return s
}

// chars reads characters of one or two bytes. Where they go on in the next
// record, that one says anew which.
func (r *reader) chars(n int, wide bool) string {
	units := make([]uint16, 0, n)
	for range n {
		if len(r.parts) > 0 && len(r.parts[0]) == 0 {
			r.parts = r.parts[1:]
			wide = r.byte()&flagWide != 0
		}
		if r.failed {
			return ""
		}
		if wide {
			units = append(units, r.uint16())
		} else {
			units = append(units, uint16(r.byte()))
		}
	}
	return string(utf16.Decode(units))
}

// number writes a number as its cell shows it, as far as that says what it is:
// dates and times, percentages, and numbers in full.
func (b *book) number(f float64, style uint16) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return ""
	}
	format := uint16(0)
	if int(style) < len(b.styles) {
		format = b.styles[style]
	}
	date, clock, percent := b.shows(format)
	switch {
	case (date || clock) && f >= 0 && f < 2958466: // the year 10000
		return b.moment(f, date, clock)
	case percent:
		return strconv.FormatFloat(math.Round(f*1e10)/1e8, 'f', -1, 64) + "%"
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// shows returns what a number format makes of a number.
func (b *book) shows(format uint16) (date, clock, percent bool) {
	switch {
	case format >= 14 && format <= 17:
		return true, false, false
	case format >= 18 && format <= 21, format >= 45 && format <= 47:
		return false, true, false
	case format == 22:
		return true, true, false
	case format == 9, format == 10:
		return false, false, true
	}
	quoted, inBrackets := false, false
	code := strings.ToLower(b.formats[format])
	for i := 0; i < len(code); i++ {
		c := code[i]
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\\', c == '_', c == '*':
			i++
		case c == '[':
			inBrackets = true
		case c == ']':
			inBrackets = false
		case inBrackets:
		case c == 'y', c == 'd':
			date = true
		case c == 'h', c == 's':
			clock = true
		case c == 'm' && !strings.ContainsAny(code, "hs"):
			date = true
		case c == '%':
			percent = true
		}
	}
	return date, clock, percent
}

// moment writes a count of days as a date, a time of the day, or both. Excel
// takes 1900 for a leap year, which days before its March show.
func (b *book) moment(f float64, date, clock bool) string {
	start := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case b.from04:
		start = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case f < 60:
		start = start.AddDate(0, 0, 1)
	}
	days := math.Floor(f)
	at := start.AddDate(0, 0, int(days)).Add(time.Duration(math.Round((f-days)*86400)) * time.Second)
	switch {
	case date && clock:
		return at.Format("2006-01-02 15:04:05")
	case date:
		return at.Format("2006-01-02")
	}
	return at.Format("15:04:05")
}
