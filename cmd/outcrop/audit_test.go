package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	created = `{"eventTime":"2026-11-20T10:00:00Z","eventSource":"iam.amazonaws.com","eventName":"CreateUser","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.1",` +
		`"userIdentity":{"type":"Root","arn":"arn:aws:iam::000000000000:root"}}`
	refused = `{"eventTime":"2026-11-21T10:00:00Z","eventSource":"bedrock.amazonaws.com","eventName":"ListFoundationModels","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.1",` +
		`"errorCode":"InvalidSignatureException","userIdentity":{"type":"Unknown","accessKeyId":"AKIA\u001b[2J"}}`
)

func TestAudit(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	if out := c.must("audit"); strings.Count(out, "\n") != 1 {
		t.Errorf("without a trail: got %q, want the head of the table", out)
	}
	dir := filepath.Join(c.env["OUTCROP_DATA"], "audit")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for day, event := range map[string]string{"2026-11-20": created, "2026-11-21": refused} {
		if err := os.WriteFile(filepath.Join(dir, "cloudtrail-"+day+".jsonl"), []byte(event+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := c.must("audit", "--format", "json"), created+"\n"+refused+"\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := c.must("audit", "--format", "json", "--since", "2026-11-21"); got != refused+"\n" {
		t.Errorf("since the day after: got %s", got)
	}
	if got := c.must("audit", "--format", "json", "--principal", "*:root", "--event", "Create*"); got != created+"\n" {
		t.Errorf("of root: got %s", got)
	}
	table := c.must("audit", "--errors")
	if !strings.Contains(table, "bedrock  ListFoundationModels") || !strings.Contains(table, "InvalidSignatureException") || strings.ContainsAny(table, "\x1b") {
		t.Errorf("got %q, want the refusal in letters that can be seen", table)
	}
	for _, args := range [][]string{{"audit", "--format", "xml"}, {"audit", "--since", "yesterday"}, {"audit", "x"}} {
		if code, _, errs := c.run(args...); code != 2 || errs == "" {
			t.Errorf("%v: got %d %q, want 2 and a reason", args, code, errs)
		}
	}
}

func TestInstant(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                     {},
		"90m":                  now.Add(-90 * time.Minute),
		"2026-11-20":           time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC),
		"2026-11-20T08:00:00Z": time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC),
	} {
		if got, err := instant(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v (%v), want %v", text, got, err, want)
		}
	}
	if _, err := instant("-1h", now); err == nil {
		t.Error("got no error for a time to come")
	}
}
