package restjson

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Scalars as text, as labels, query values and headers carry them.

const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

// format resolves the timestamp format of a member: its own, else the shape's,
// else the default of the place it travels in.
func format(m *schema.Member) schema.TimestampFormat {
	if m.Timestamp != schema.FormatDefault {
		return m.Timestamp
	}
	if m.Shape.Timestamp != schema.FormatDefault {
		return m.Shape.Timestamp
	}
	switch m.Location {
	case schema.Header, schema.Headers:
		return schema.FormatRFC822
	case schema.URI, schema.Querystring:
		return schema.FormatISO8601
	default:
		return schema.FormatEpoch
	}
}

func parseTime(s string, f schema.TimestampFormat, strict bool) (time.Time, bool) {
	switch f {
	case schema.FormatEpoch:
		return parseEpoch(s)
	case schema.FormatRFC822:
		t, err := time.Parse(httpDate, s)
		return t.UTC(), err == nil
	default:
		// time.Parse takes some shapes that RFC 3339 does not: commas, hours of one digit.
		if len(s) < len("2006-01-02T15:04:05Z") || s[10] != 'T' || s[13] != ':' || strings.Contains(s, ",") ||
			strict && s[len(s)-1] != 'Z' {
			return time.Time{}, false
		}
		t, err := time.Parse(time.RFC3339, s)
		return t.UTC(), err == nil
	}
}

// parseEpoch reads seconds with a fraction, without going through a float as
// long as there is no exponent, so that no nanosecond is lost.
func parseEpoch(s string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err == nil && len(fraction) <= 9 && strings.Trim(fraction, "0123456789") == "" && !strings.HasPrefix(s, "+") {
		nsec, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		if strings.HasPrefix(s, "-") {
			nsec = -nsec
		}
		return time.Unix(sec, nsec).UTC(), true
	}
	f, ok := parseFloat(s, 64)
	if !ok || math.IsNaN(f) || math.Abs(f) > 1e15 {
		return time.Time{}, false
	}
	sec2, frac := math.Modf(f)
	return time.Unix(int64(sec2), int64(frac*1e9)).UTC(), true
}

func appendTime(b []byte, t time.Time, f schema.TimestampFormat) []byte {
	t = t.UTC()
	switch f {
	case schema.FormatEpoch:
		if t.Nanosecond() < 1e6 {
			return strconv.AppendInt(b, t.Unix(), 10)
		}
		return strconv.AppendFloat(b, float64(t.UnixMilli())/1e3, 'f', -1, 64)
	case schema.FormatRFC822:
		return t.AppendFormat(b, httpDate)
	default:
		return t.AppendFormat(b, "2006-01-02T15:04:05.999999999Z")
	}
}

func parseInt(s string, bits int) (int64, bool) {
	if s == "" || s[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, bits)
	return n, err == nil
}

func parseFloat(s string, bits int) (float64, bool) {
	switch s {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, bits)
	return f, err == nil
}

// appendFloat writes a number that reads as a float everywhere: clients in
// some languages take 1 for an integer.
func appendFloat(b []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	}
	verb := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e16) {
		verb = 'e'
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, verb, -1, bits)
	if !bytes.ContainsAny(b[start:], ".e") {
		b = append(b, ".0"...)
	}
	return b
}

var strictBase64 = base64.StdEncoding.Strict()

func decodeBlob(s []byte) ([]byte, bool) {
	out := make([]byte, strictBase64.DecodedLen(len(s)))
	for _, c := range s {
		if c == '\n' || c == '\r' { // which the decoder would skip
			return nil, false
		}
	}
	n, err := strictBase64.Decode(out, s)
	return out[:n], err == nil
}

var typeNames = map[schema.Kind]string{
	schema.String: "String", schema.Boolean: "Boolean", schema.Byte: "Byte", schema.Short: "Short",
	schema.Integer: "Integer", schema.Long: "Long", schema.Float: "Float", schema.Double: "Double",
	schema.Timestamp: "Timestamp", schema.Blob: "Blob", schema.BigInteger: "BigInteger",
	schema.BigDecimal: "BigDecimal", schema.Structure: "Structure", schema.Union: "Union", schema.List: "List",
	schema.Map: "Map",
}
