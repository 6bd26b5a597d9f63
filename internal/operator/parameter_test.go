package operator

import (
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/ledger"
)

// Parameters that make no sense are told, with the reason.
func TestParameters(t *testing.T) {
	t.Parallel()
	read := func(names []string, f func(values) error) func(string) error {
		return func(query string) error {
			v, err := parameters(query, names)
			if err != nil {
				return err
			}
			return f(v)
		}
	}
	requests := read(requestFilters(), func(v values) error { _, err := v.filter(); return err })
	usage := read(usageParameters(), func(v values) error { _, _, err := v.usage("1"); return err })
	events := read(auditParameters(), func(v values) error { _, _, err := v.audit(); return err })
	for _, tt := range []struct {
		name, query string
		read        func(string) error
		want        string // empty: it is fine
	}{
		{"everything", "from=2026-03-01&to=2026-03-02T00:00:00Z&model=a*&operation=b&principal=c&status=4xx&code=d&minLatencyMs=5&region=us-east-1&servedBy=e&state=done&caller=known&limit=500", requests, ""},
		{"a presigned address", "X-Amz-Signature=1", requests, ""},
		{"an unknown one", "modell=x", requests, `There is no parameter "modell". There are: from, to, model,`},
		{"one of several requests", "limit=1&limit=2", requests, "The parameter limit is given more than once."},
		{"no query", "a=%zz", requests, "The query cannot be read."},
		{"no time", "from=yesterday", requests, `The parameter from is a time such as 2026-03-01T12:00:00Z or a day such as 2026-03-01, not "yesterday".`},
		{"no end", "to=x", requests, "The parameter to is a time"},
		{"an end before the beginning", "from=2026-03-02&to=2026-03-01", requests, "The parameter to is not after from."},
		{"a limit", "limit=0", requests, `The parameter limit is a whole number from 1 to 500, not "0".`},
		{"a large limit", "limit=501", requests, "The parameter limit is a whole number"},
		{"no number", "minLatencyMs=fast", requests, "The parameter minLatencyMs is a whole number"},
		{"no status", "status=6xx", requests, `The parameter status is an HTTP status such as 404, a class such as 4xx, ok or error, not "6xx".`},
		{"no caller", "caller=me", requests, `The parameter caller is one of known, unknown, not "me".`},
		{"no state", "state=asleep", requests, `The parameter state is one of running, done, interrupted, not "asleep".`},
		{"a long pattern", "model=" + strings.Repeat("x", 3000), requests, "The parameter model is longer than 2048 bytes."},
		{"no token", "nextToken=!", requests, "The parameter nextToken is not one that this server has given."},
		{"another token", "nextToken=eyJvIjoiYSJ9eA", requests, "The parameter nextToken is not one"},
		{"groups", "groupBy=day,tag:team&tag:team=a*&model=x", usage, ""},
		{"many groups", "groupBy=day,model,region", usage, "The parameter groupBy has at most 2 names."},
		{"a group twice", "groupBy=day,day", usage, "The parameter groupBy has day twice."},
		{"no group", "groupBy=account", usage, `The parameter groupBy has "account", which is none of day, hour, month, model,`},
		{"a tag without a key", "groupBy=tag:", usage, `The parameter groupBy has "tag:"`},
		{"a filter without a key", "tag:=x", usage, "A tag's parameter is tag:KEY"},
		{"events", "event=Create*&principal=alice&source=iam&error=any&requestId=x&readOnly=false&limit=10", events, ""},
		{"no pattern", "event=[", events, "The parameter event is not a pattern with * and ?."},
		{"an error", "error=Access*", events, ""},
		{"no error's pattern", "error=[", events, "The parameter error is any, none, or a pattern"},
		{"not yes or no", "readOnly=maybe", events, `The parameter readOnly is one of true, false, not "maybe".`},
	} {
		err := tt.read(tt.query)
		switch f := fault.As(err); {
		case tt.want == "" && err != nil:
			t.Errorf("%s: got %v", tt.name, err)
		case tt.want != "" && (f == nil || f.Kind != fault.Invalid || !strings.HasPrefix(f.Message, tt.want)):
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	q := RequestSummary{
		ID: "b", Time: noon, State: stateDone, Operation: "Converse", Region: "us-east-1", Principal: "arn:aws:sts::1:assumed-role/app/session", AccessKeyID: "ASIA1",
		Model: "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0", ModelID: "amazon.nova-lite-v1:0", ServedBy: "llamacpp/small",
		Status: 429, Code: "ThrottlingException", LatencyMs: 20,
	}
	for query, want := range map[string]bool{
		"":                                true,
		"from=2026-11-21&to=2026-11-22":   true,
		"to=2026-11-21T12:00:00Z":         false,
		"from=2026-11-21T12:00:00Z":       true,
		"from=2026-11-22":                 false,
		"model=amazon.nova-*":             true,
		"model=*us.amazon.nova-lite-v1:0": true,
		"model=amazon.nova":               false,
		"operation=Conv?rse":              true,
		"operation=converse":              false,
		"principal=role/app":              true,
		"principal=ASIA1":                 true,
		"principal=arn:aws:sts::1:*":      true,
		"principal=user/app":              false,
		"servedBy=llamacpp/*":             true,
		"code=Throttl*":                   true,
		"code=[T]*":                       false, // brackets mean themselves
		"region=us-east-1":                true,
		"region=eu-west-1":                false,
		"status=429":                      true,
		"status=4xx":                      true,
		"status=5xx":                      false,
		"status=ok":                       false,
		"status=error":                    true,
		"minLatencyMs=20":                 true,
		"minLatencyMs=21":                 false,
		"state=running":                   false,
		"nextToken=" + at(noon, "c"):      true,
		"nextToken=" + at(noon, "b"):      false,
		"nextToken=" + at(noon, "a"):      false,
		"nextToken=" + at(noon.Add(time.Second), "a"):  true,
		"nextToken=" + at(noon.Add(-time.Second), "z"): false,
	} {
		v, err := parameters(query, requestFilters())
		if err != nil {
			t.Fatal(err)
		}
		f, err := v.filter()
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if got := f.matches(&q); got != want {
			t.Errorf("%s: got %v", query, got)
		}
	}
	running := RequestSummary{State: stateRunning}
	for text, want := range map[string]bool{"ok": false, "error": false, "2xx": false, "": true} {
		var f filter
		if err := f.status(text); err != nil {
			t.Fatal(err)
		}
		if got := f.matches(&running); got != want {
			t.Errorf("under way, status %q: got %v", text, got)
		}
	}
}

func at(t time.Time, id string) string { return newToken(requestsToken{t.UnixMicro(), id}) }

func TestPrincipalName(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]string{
		"arn:aws:iam::1:root":                 "root",
		"arn:aws:iam::1:user/alice":           "user/alice",
		"arn:aws:iam::1:user/team/alice":      "user/alice",
		"arn:aws:sts::1:assumed-role/app/a/b": "role/app",
		"arn:aws:sts::1:federated-user/bob":   "federated-user",
		"":                                    "",
		"arn:aws":                             "",
	} {
		if got := principalName(arn); got != want {
			t.Errorf("%s: got %q, want %q", arn, got, want)
		}
	}
}

// Whatever a client writes into a query, it is understood or refused, and what is
// understood can be asked of the bill.
func FuzzParameters(f *testing.F) {
	f.Add("from=2026-03-01&status=4xx&model=a*&nextToken=eyJ0IjoxLCJpZCI6ImEifQ")
	f.Add("groupBy=day,tag:team&tag:team=a*&limit=5")
	f.Add("error=any&event=Create*&readOnly=true")
	f.Fuzz(func(t *testing.T, query string) {
		known := append(append(requestFilters(), usageParameters()...), auditParameters()...)
		v, err := parameters(query, known)
		if err != nil {
			invalid(t, query, err)
			return
		}
		if got, err := url.ParseQuery(query); err != nil || len(got) != len(v.Values) {
			t.Fatalf("%q: %v", query, err)
		}
		if flt, err := v.filter(); err != nil {
			invalid(t, query, err)
		} else {
			q := RequestSummary{ID: "r", Time: noon, Model: query}
			flt.matches(&q)
			if find := flt.find("1"); find.Limit < 2 || find.Limit > 501 || find.Account != "1" {
				t.Errorf("%q: got %+v", query, find)
			}
		}
		if q, groups, err := v.usage("1"); err != nil {
			invalid(t, query, err)
		} else if len(q.By) != len(groups) || len(groups) > mostGroups || q.Where.And[0].Dimension != ledger.ByAccount {
			t.Errorf("%q: got %+v", query, q)
		}
		if _, limit, err := v.audit(); err != nil {
			invalid(t, query, err)
		} else if limit < 1 || limit > 500 {
			t.Errorf("%q: got the limit %d", query, limit)
		}
	})
}

func invalid(t *testing.T, query string, err error) {
	t.Helper()
	if f := fault.As(err); f.Kind != fault.Invalid || f.Message == "" {
		t.Errorf("%q: got %v, want a reason", query, err)
	}
}

// Where a page begins is whatever the client says.
func TestPagesBehindTheEnd(t *testing.T) {
	t.Parallel()
	for offset, want := range map[int]int{0: 2, 1: 2, 2: 1, 3: 0, math.MaxInt - 1: 0, math.MaxInt: 0} {
		v := values{url.Values{"nextToken": {newToken(offsetToken{offset})}, "limit": {"2"}}}
		got, next, err := page(v, []int{1, 2, 3}, 100)
		if err != nil || len(got) != want || (next != "") != (offset == 0) {
			t.Errorf("from %d: got %v, %q, %v, want %d", offset, got, next, err, want)
		}
	}
}
