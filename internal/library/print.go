package library

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/outcrop/outcrop/internal/progress"
)

// PrintList writes the models as a table.
func PrintList(w io.Writer, models []*Model) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSIZE\tQUANT\tARCH\tPARAMS\tCONTEXT\tADDED\tSOURCE")
	for _, m := range models {
		added, from := "-", m.Source
		if !m.Imported.IsZero() {
			added = m.Imported.Format(time.DateOnly)
		}
		if m.BuiltIn {
			from = "built in"
		}
		if m.Problem != "" {
			from += " (" + m.Problem + ")"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, progress.Bytes(m.Size()), dash(m.Quantization), dash(m.Architecture), count(m.Parameters), number(m.ContextLength), added, from)
	}
	return table.Flush()
}

// PrintModel writes one model, a line for each property.
func PrintModel(w io.Writer, m *Model) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(key, value string) {
		if value != "" && value != "-" {
			fmt.Fprintf(table, "%s\t%s\n", key, value)
		}
	}
	line("name", m.Name)
	line("problem", m.Problem)
	line("source", m.Source)
	if m.BuiltIn {
		line("built in", "yes")
	}
	line("architecture", m.Architecture)
	line("parameters", count(m.Parameters))
	line("quantization", m.Quantization)
	line("context", number(m.ContextLength)+" tokens")
	line("embedding", number(m.EmbeddingLength))
	if m.MaxInput > 0 {
		line("input", fmt.Sprintf("cut after %d tokens", m.MaxInput))
	}
	line("chat template", map[bool]string{true: "yes", false: "no"}[m.ChatTemplate])
	line("license", m.License)
	line("size", progress.Bytes(m.Size()))
	line("sha256", m.Digest())
	line("file", m.Path)
	if !m.Imported.IsZero() {
		line("added", m.Imported.Format(time.RFC3339))
	}
	line("defaults", string(m.Defaults))
	return table.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func number(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// count writes a number of parameters as people do: 135M, 8.0B.
func count(n uint64) string {
	switch {
	case n == 0:
		return "-"
	case n >= 1e9:
		return fmt.Sprintf("%.1fB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0fM", float64(n)/1e6)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1fK", float64(n)/1e3), ".0K")
}
