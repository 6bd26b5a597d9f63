package ledger

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// sums are the columns of a CSV file after those of the keys.
var sums = []string{"calls", "failed", "unpriced", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "queries", "cost_usd"}

// WriteCSV writes rows for a spreadsheet, with a header. Names are those of their
// keys. A key that a spreadsheet would take for a formula has an apostrophe before
// it: tags and names are whatever a client has written.
func WriteCSV(to io.Writer, names []string, rows []Row) error {
	w := csv.NewWriter(to)
	record := make([]string, 0, len(names)+len(sums))
	record = append(append(record, names...), sums...)
	if err := w.Write(record); err != nil {
		return err
	}
	for _, r := range rows {
		record = record[:0]
		for _, key := range r.Keys {
			record = append(record, plain(key))
		}
		for _, n := range []int64{r.Calls, r.Failed, r.Unpriced, r.Input, r.Output, r.CacheRead, r.CacheWrite, r.Queries} {
			record = append(record, strconv.FormatInt(n, 10))
		}
		if err := w.Write(append(record, r.Cost.String())); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// plain keeps a spreadsheet from taking text for a formula.
func plain(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
