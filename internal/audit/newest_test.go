package audit_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/audit"
)

// line is an event of a trail.
func line(at time.Time, name, code string, padding int) string {
	return fmt.Sprintf(`{"eventTime":%q,"eventName":%q,"eventSource":"iam.amazonaws.com","errorCode":%q,"requestID":"r-%s","readOnly":%v,"userIdentity":{"userName":"alice"},"userAgent":%q}`,
		at.Format(time.RFC3339), name, code, name, strings.HasPrefix(name, "List"), strings.Repeat("x", padding))
}

// pages reads a trail page by page, and returns the names of the events.
func pages(t *testing.T, dir string, f audit.Filter, limit int) (names []string, readings int) {
	t.Helper()
	for from := (audit.Place{}); ; {
		var page []string
		next, err := audit.Newest(dir, f, from, limit, func(e *audit.Event, text []byte) {
			if !bytes.Contains(text, []byte(`"eventName":"`+e.EventName+`"`)) {
				t.Errorf("the text of %s is %s", e.EventName, text)
			}
			page = append(page, e.EventName)
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > limit {
			t.Fatalf("got %d events on a page of %d", len(page), limit)
		}
		names = append(names, page...)
		readings++
		if next == (audit.Place{}) {
			return names, readings
		}
		if from = next; readings > 10_000 {
			t.Fatal("it never ends")
		}
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	day := time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC)
	var want []string // the newest last
	for _, file := range []struct {
		name   string
		day    int
		events int
	}{{"2026-11-19", 0, 3}, {"2026-11-20", 1, 40}, {"2026-11-20.2", 1, 2}, {"2026-11-21", 2, 0}, {"2026-11-22", 3, 5}} {
		var b strings.Builder
		for i := range file.events {
			name := fmt.Sprintf("Create%d-%s", i, file.name)
			padding := []int{0, 1, 3000, 70_000}[i%4] // within blocks of the file, over their borders, larger than one
			if i%5 == 4 {
				b.WriteString("what a machine that lost its power leaves behind\n\n")
			}
			b.WriteString(line(day.AddDate(0, 0, file.day).Add(time.Duration(i)*time.Minute), name, "", padding) + "\n")
			want = append(want, name)
		}
		if file.name == "2026-11-22" {
			b.WriteString(`{"eventName":"BeingWri`)
		}
		if err := os.WriteFile(filepath.Join(dir, "cloudtrail-"+file.name+".jsonl"), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	slices.Reverse(want)
	for _, limit := range []int{1, 2, 7, 1000} {
		got, readings := pages(t, dir, audit.Filter{}, limit)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by %d (-want +got):\n%s", limit, diff)
		}
		if most := len(want)/limit + 1; readings > most {
			t.Errorf("by %d: got %d readings, want at most %d", limit, readings, most)
		}
	}
	for name, tt := range map[string]struct {
		filter audit.Filter
		want   int
	}{
		"since":          {audit.Filter{Since: day.AddDate(0, 0, 3)}, 5},
		"since, between": {audit.Filter{Since: day.AddDate(0, 0, 3).Add(2 * time.Minute)}, 3},
		"until":          {audit.Filter{Until: day.AddDate(0, 0, 1)}, 3},
		"a span":         {audit.Filter{Since: day.Add(time.Minute), Until: day.AddDate(0, 0, 1).Add(2 * time.Minute)}, 2 + 2 + 2},
		"an event":       {audit.Filter{Event: "Create39-*"}, 1},
		"a source":       {audit.Filter{Source: "iam", Event: "Create0-*"}, 4},
		"another source": {audit.Filter{Source: "bedrock"}, 0},
		"somebody":       {audit.Filter{Principal: "alice"}, len(want)},
		"nobody":         {audit.Filter{Principal: "bob"}, 0},
		"a request":      {audit.Filter{RequestID: "r-Create1-2026-11-22"}, 1},
		"errors":         {audit.Filter{Errors: true}, 0},
		"an error":       {audit.Filter{ErrorCode: "AccessDenied"}, 0},
		"no errors":      {audit.Filter{NoErrors: true}, len(want)},
		"what reads":     {audit.Filter{ReadOnly: ptr(true)}, 0},
		"what changes":   {audit.Filter{ReadOnly: ptr(false)}, len(want)},
	} {
		if got, _ := pages(t, dir, tt.filter, 10); len(got) != tt.want {
			t.Errorf("%s: got %d events, want %d", name, len(got), tt.want)
		}
	}
	// What was removed for its age, with all before it, has no next page.
	if next, err := audit.Newest(dir, audit.Filter{}, audit.Place{File: "cloudtrail-2020-01-01.jsonl", Offset: 100}, 10, func(*audit.Event, []byte) {
		t.Error("got an event")
	}); err != nil || next != (audit.Place{}) {
		t.Errorf("got %v, %v", next, err)
	}
	if got, _ := pages(t, t.TempDir(), audit.Filter{}, 10); got != nil {
		t.Errorf("of no trail: got %v", got)
	}
}

// A line that is longer than any event is passed over, and those around it are
// found.
func TestNewestAfterALongLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := line(noon, "First", "", 0) + "\n" + line(noon, "Long", "", 6<<20) + "\n" + line(noon, "Last", "AccessDenied", 0) + "\n"
	if err := os.WriteFile(filepath.Join(dir, "cloudtrail-2026-11-21.jsonl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, _ := pages(t, dir, audit.Filter{}, 10)
	if diff := cmp.Diff([]string{"Last", "First"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, _ := pages(t, dir, audit.Filter{Errors: true}, 1); len(got) != 1 {
		t.Errorf("errors: got %v", got)
	}
}

// Whatever is in a file, reading it from its end finds what reading it from its
// beginning finds.
func FuzzNewest(f *testing.F) {
	event := line(noon, "A", "", 0)
	f.Add(event+"\n"+event+"\n", 1)
	f.Add("\n\n{}\n"+event, 2)
	f.Add(event+"\nhalf", 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = max(limit%5, 1)
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "cloudtrail-2026-11-21.jsonl"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var want []string
		_ = audit.Read(dir, audit.Filter{}, func(e *audit.Event, _ []byte) error { // that some lines are none is no matter
			want = append(want, e.EventName)
			return nil
		})
		slices.Reverse(want)
		var got []string
		for from := (audit.Place{}); ; {
			next, err := audit.Newest(dir, audit.Filter{}, from, limit, func(e *audit.Event, _ []byte) { got = append(got, e.EventName) })
			if err != nil {
				t.Fatal(err)
			}
			if next == (audit.Place{}) {
				break
			}
			from = next
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
