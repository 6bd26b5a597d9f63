package ledger_test

import (
	"bytes"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/price"
)

func full() ledger.Record {
	return ledger.Record{
		ID: "id", Version: 3, Time: noon.Add(123456 * time.Microsecond), Account: "000000000000", Region: "us-east-1",
		Service: "bedrock-runtime", Operation: "Converse", Principal: "arn:aws:iam::000000000000:user/a", Name: "user/a", AccessKeyID: "AKIA",
		Model: "us.m", ModelID: "m", Resource: "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.m",
		ServedBy: "llamacpp/s", Backend: "llamacpp", StandIn: true,
		Input: math.MaxInt64, Output: 2, CacheRead: 3, CacheWrite: 4, Queries: 5,
		Cost: price.Cost{Input: 1, Output: math.MaxInt64, CacheRead: 3, CacheWrite: 4, Query: 5}, Priced: true,
		Latency: time.Second + time.Microsecond, FirstToken: time.Millisecond, Status: 200, Outcome: ledger.OK,
		Tags: map[string]string{"a": "b", "": "\"\\\n\x00\x7f\u2028\U0001f30b"}, Metadata: map[string]string{"ö": "", "x": "y"},
	}
}

func TestLinesAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]ledger.Record{"full": full(), "empty": {ID: "x", Version: 1, Time: time.Unix(0, 0).UTC()}} {
		text := ledger.AppendLine(&want)
		if bytes.Count(text, []byte("\n")) != 1 || text[len(text)-1] != '\n' {
			t.Errorf("%s: got %q, want one line", name, text)
		}
		got, err := ledger.ReadLine(text[:len(text)-1])
		if err != nil {
			t.Fatalf("%s: %v in %s", name, err, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Any text in a record is one line that can be read again.
func FuzzLine(f *testing.F) {
	f.Add("id", "a\"b", "\xff\x00\n")
	f.Fuzz(func(t *testing.T, id, key, value string) {
		want := ledger.Record{ID: "r" + id, Version: 1, Model: key, Metadata: map[string]string{key: value}}
		text := ledger.AppendLine(&want)
		got, err := ledger.ReadLine(bytes.TrimSuffix(text, []byte("\n")))
		if err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		whole := utf8.ValidString(id) && utf8.ValidString(key) && utf8.ValidString(value)
		if whole && (got.ID != want.ID || got.Model != key || got.Metadata[key] != value) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// Whatever lies in a journal: reading it ends, and finds every line that is
// whole.
func FuzzJournal(f *testing.F) {
	record := full()
	good := ledger.AppendLine(&record)
	f.Add([]byte{}, uint(0))
	f.Add([]byte("\n\n00000000 {}\n"), uint(3))
	f.Add(good[:40], uint(1))
	f.Fuzz(func(t *testing.T, noise []byte, at uint) {
		text := bytes.Repeat(good, 2)
		text = append(text, noise...)
		text = append(text, '\n')
		text = append(text, bytes.Repeat(good, int(at%4))...)
		records, _, err := ledger.ReadAll(text)
		if err != nil {
			t.Fatal(err)
		}
		if want := 2 + int(at%4); len(records) < want {
			t.Errorf("got %d records, want %d at least", len(records), want)
		}
	})
}
