package app

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/asyncinvoke"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/ledger"
)

// Between the start of an asynchronous invocation and its turn, its caller may
// lose what it takes.
func TestAsynchronousInvocationsAreDecidedOnAgain(t *testing.T) {
	t.Parallel()
	const allowed = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["bedrock:InvokeModel","s3:PutObject"],"Resource":"*",
		"Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]}`
	for name, tt := range map[string]struct {
		change func(g *visitor, ann directory.Who) error
		ip     string
		want   string // of the fault; empty: none
	}{
		"nothing has changed": {func(*visitor, directory.Who) error { return nil }, "192.0.2.7", ""},
		"started elsewhere":   {func(*visitor, directory.Who) error { return nil }, "198.51.100.7", "is not authorized to perform: bedrock:InvokeModel"},
		"the model is denied": {func(g *visitor, ann directory.Who) error {
			return g.directory.PutInline(g.Context(), ann, "no", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"bedrock:*","Resource":"*"}]}`)
		}, "192.0.2.7", "with an explicit deny"},
		"the bucket is denied": {func(g *visitor, ann directory.Who) error {
			return g.directory.PutInline(g.Context(), ann, "no", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::results/*"}]}`)
		}, "192.0.2.7", "s3:PutObject"},
		"the user is gone": {func(g *visitor, ann directory.Who) error {
			if err := g.directory.DeleteInline(g.Context(), ann, "yes"); err != nil {
				return err
			}
			if err := g.credentials.DeleteAll(g.Context(), "ann"); err != nil {
				return err
			}
			return g.directory.DeleteUser(g.Context(), "ann")
		}, "192.0.2.7", fault.As(iam.ErrUnknownKey()).Message},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newVisitor(t, doorways()["Converse"], nil)
			ann := directory.Who{Sort: directory.SortUser, Name: "ann"}
			if err := g.directory.Detach(t.Context(), ann, "arn:aws:iam::aws:policy/AmazonBedrockFullAccess"); err != nil {
				t.Fatal(err)
			}
			if err := g.directory.PutInline(t.Context(), ann, "yes", allowed); err != nil {
				t.Fatal(err)
			}
			u, err := g.directory.User(t.Context(), "ann")
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.change(g, ann); err != nil {
				t.Fatal(err)
			}
			err = g.mayInvokeAsync(t.Context(), &asyncinvoke.Invocation{
				Account: g.p.Config.Account, Region: "us-east-1", Model: haiku, URI: "s3://results/pre", Source: call.Source{IP: netip.MustParseAddr(tt.ip)},
				Principal: iam.Principal{Type: iam.User, Account: g.p.Config.Account, ARN: u.ARN, UserID: u.ID, Name: u.Name},
			})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(fault.As(err).Message, tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// However often an invocation is tried, it is one line in the bill: what the last
// try used.
func TestAsynchronousInvocationsAreBilledOnce(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, nil)
	c := &call.Call{
		RequestID: newRequestID(), Account: "1", Region: "us-east-1", Service: "bedrock-runtime", Operation: "StartAsyncInvoke",
		Principal: iam.Principal{Type: iam.Root, ARN: "arn:aws:iam::1:root"}, Start: a.p.Now(),
	}
	used := func(invocation string, number, tokens int) {
		a.usedAsync(c, asyncinvoke.Try{Record: invocation, Number: number}, call.Usage{Model: titan, ModelID: titan, ServedBy: "llamacpp/embed", InputTokens: tokens})
	}
	used("one", 1, 1_000_000)
	used("one", 1, 1_000_000) // the journal was read twice
	used("one", 3, 2_000_000)
	used("one", 2, 5_000_000) // of a server that was believed to be dead
	used("two", 1, 1_000_000)
	if err := a.gov.ledger.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := a.gov.ledger.Rows(t.Context(), ledger.Query{By: []ledger.Dimension{ledger.ByModel}})
	if err != nil || len(rows) != 1 || rows[0].Calls != 2 || rows[0].Input != 3_000_000 {
		t.Errorf("got %+v, %v, want two calls and three million tokens", rows, err)
	}
}
