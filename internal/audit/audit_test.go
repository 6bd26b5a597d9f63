package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apibedrock "github.com/outcrop/outcrop/internal/api/bedrock"
	apiagent "github.com/outcrop/outcrop/internal/api/bedrockagent"
	apiagentruntime "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	apiruntime "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	apiiam "github.com/outcrop/outcrop/internal/api/iam"
	apists "github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/audit"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/delivery"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/logfile"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

// trail is a Trail over files in a folder.
type trail struct {
	*audit.Trail

	dir string
}

func newTrail(t testing.TB, data ...audit.Data) trail {
	t.Helper()
	dir := t.TempDir()
	files, err := logfile.Open(logfile.Params{Dir: dir, Name: audit.FileName, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	return trail{audit.New(audit.Params{
		Files: files, Data: data, Logger: slog.New(slog.DiscardHandler), Region: "us-east-1",
		NewID: func() string { return "e0000000-0000-4000-8000-000000000002" },
	}), dir}
}

// text is what is in the files.
func (tr trail) text(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	err := audit.Read(tr.dir, audit.Filter{}, func(_ *audit.Event, text []byte) error {
		b.Write(text)
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// view is an exchange of an operation, signed by the user alice.
func view(t testing.TB, s *schema.Service, operation string) *observe.View {
	t.Helper()
	v := &observe.View{
		Call: &call.Call{
			RequestID: "b5a7c1de-0000-4000-8000-000000000001", Account: "000000000000", Region: "us-east-1", Service: s.ID, Operation: operation,
			Principal: iam.UserPrincipal("000000000000", "alice", "AIDA1", "AKIA1"), Start: noon, Source: call.Source{IP: netip.MustParseAddr("192.0.2.7")},
		},
		Service: s, Status: http.StatusOK,
		Header: http.Header{"Authorization": {"AWS4-HMAC-SHA256 Credential=AKIA1/20261121/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=abc"}, "User-Agent": {"test/1"}},
	}
	for _, op := range s.Operations {
		if op.Name == operation {
			v.Op = op
			return v
		}
	}
	t.Fatalf("no operation %s", operation)
	return nil
}

// exchange lets the trail watch an exchange.
func (tr trail) exchange(v *observe.View) {
	if w := tr.Begin(v); w != nil {
		w.Answer(v, nil)
		w.End(v)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	created := view(t, apiiam.Schema(), "CreateAccessKey")
	created.Input = &apiiam.CreateAccessKeyInput{UserName: ptr("bob")}
	created.Output = &apiiam.CreateAccessKeyOutput{AccessKey: &apiiam.AccessKey{
		UserName: ptr("bob"), AccessKeyId: ptr("AKIA2"), SecretAccessKey: ptr("TOPSECRET"), Status: apiiam.StatusTypeActive, CreateDate: ptr(noon),
	}}
	assumed := view(t, apists.Schema(), "AssumeRole")
	assumed.Call.Principal = iam.Principal{
		Type: iam.AssumedRole, Account: "000000000000", ARN: "arn:aws:sts::000000000000:assumed-role/ops/carol", UserID: "AROA1:carol", Name: "ops", AccessKeyID: "ASIA1",
		Session: &iam.Session{Name: "carol", Issued: noon.Add(-time.Hour), SourceIdentity: "carol@example.com"},
	}
	assumed.Call.Source.Secure, assumed.Call.Source.TLSVersion, assumed.Call.Source.CipherSuite = true, "TLSv1.3", "TLS_AES_128_GCM_SHA256"
	assumed.Call.Source.Host, assumed.Call.Source.Endpoint = "bedrock.example.com", "vpce-1"
	assumed.Input = &apists.AssumeRoleInput{RoleArn: ptr("arn:aws:iam::000000000000:role/next"), RoleSessionName: ptr("x"), TokenCode: ptr("TOPSECRET")}
	assumed.Output = &apists.AssumeRoleOutput{Credentials: &apists.Credentials{
		AccessKeyId: ptr("ASIA2"), SecretAccessKey: ptr("TOPSECRET"), SessionToken: ptr("TOPSECRET"), Expiration: ptr(noon.Add(time.Hour)),
	}}
	denied := view(t, apibedrock.Schema(), "DeleteInferenceProfile")
	denied.Input = &apibedrock.DeleteInferenceProfileInput{InferenceProfileIdentifier: ptr("mine")}
	denied.Status, denied.Code, denied.Message = http.StatusForbidden, "AccessDeniedException", "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: bedrock:DeleteInferenceProfile"
	denied.Cause = fault.New(fault.Denied, "%s", denied.Message)
	unknown := view(t, apibedrock.Schema(), "ListFoundationModels")
	unknown.Call.Principal = iam.Principal{}
	unknown.Call.Source = call.Source{}
	unknown.Status, unknown.Code, unknown.Message = http.StatusForbidden, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided."
	unknown.Cause = fault.New(fault.Unauthenticated, "%s", unknown.Message)
	invoked := view(t, apiruntime.Schema(), "Converse")
	invoked.Header.Set("Authorization", "Bearer ABSKTOPSECRET")
	invoked.Call.Resource = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
	invoked.Input = &apiruntime.ConverseInput{ModelId: ptr("amazon.nova-lite-v1:0"), Messages: []apiruntime.Message{{Content: []apiruntime.ContentBlock{{Text: ptr("TOPSECRET")}}}}}
	invoked.Output = &apiruntime.ConverseOutput{}
	asked := view(t, apiagentruntime.Schema(), "Retrieve")
	asked.Call.Resource = "arn:aws:bedrock:us-east-1:000000000000:knowledge-base/KB12345678"
	asked.Input = &apiagentruntime.RetrieveInput{KnowledgeBaseId: ptr("KB12345678"), RetrievalQuery: &apiagentruntime.KnowledgeBaseQuery{Text: ptr("TOPSECRET")}}
	for name, v := range map[string]*observe.View{
		"create-access-key": created, "assume-role": assumed, "denied": denied, "unknown-signature": unknown, "converse": invoked, "retrieve": asked,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTrail(t, audit.Invocations, audit.KnowledgeBases)
			tr.exchange(v)
			text := tr.text(t)
			if strings.Contains(text, "TOPSECRET") {
				t.Errorf("a secret is in %s", text)
			}
			var indented bytes.Buffer
			if err := json.Indent(&indented, []byte(text), "", "  "); err != nil {
				t.Fatal(err)
			}
			goldentest.Check(t, filepath.Join("testdata", name+".json"), indented.String())
		})
	}
}

func TestWhatIsRecorded(t *testing.T) {
	t.Parallel()
	s3 := func(operation string) *observe.View {
		v := view(t, apibedrock.Schema(), "ListFoundationModels")
		v.Service, v.Op = nil, nil
		v.Call.Service, v.Call.Operation, v.Call.Resource = "s3", operation, "arn:aws:s3:::docs/a/b"
		if strings.Contains(operation, "Bucket") {
			v.Call.Resource = "arn:aws:s3:::docs"
		}
		return v
	}
	tests := []struct {
		name string
		view *observe.View
		data []audit.Data
		want string // a part of the event; empty: there is none
	}{
		{"control plane", view(t, apiagent.Schema(), "ListKnowledgeBases"), nil, `"readOnly":true`},
		{"change", view(t, apiagent.Schema(), "DeleteKnowledgeBase"), nil, `"readOnly":false`},
		{"model", view(t, apiruntime.Schema(), "InvokeModel"), nil, ""},
		{"model when asked for", view(t, apiruntime.Schema(), "InvokeModel"), []audit.Data{audit.Invocations}, `"managementEvent":true`},
		{"model when others are asked for", view(t, apiruntime.Schema(), "InvokeModel"), []audit.Data{audit.Objects, audit.KnowledgeBases}, ""},
		{"question", view(t, apiagentruntime.Schema(), "Retrieve"), nil, ""},
		{"question when asked for", view(t, apiagentruntime.Schema(), "Retrieve"), []audit.Data{audit.KnowledgeBases}, `"eventCategory":"Data"`},
		{"bucket", s3("CreateBucket"), nil, `"resources":[{"ARN":"arn:aws:s3:::docs","accountId":"000000000000","type":"AWS::S3::Bucket"}]`},
		{"object", s3("GetObject"), nil, ""},
		{"object when asked for", s3("GetObject"), []audit.Data{audit.Objects}, `"requestParameters":{"bucketName":"docs","key":"a/b"}`},
		{"nothing that S3 knows", s3(""), []audit.Data{audit.Objects}, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tr := newTrail(t, tc.data...)
			tr.exchange(tc.view)
			got := tr.text(t)
			if !strings.Contains(got, tc.want) || (got == "") != (tc.want == "") || strings.Count(got, "\n") > 1 {
				t.Errorf("got %q, want one event with %q", got, tc.want)
			}
		})
	}
}

// Whoever is told that something was done finds it in the trail.
func TestEventIsWrittenBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	v := view(t, apiiam.Schema(), "DeleteUser")
	w := tr.Begin(v)
	if got := tr.text(t); got != "" {
		t.Errorf("before anything is decided: got %q", got)
	}
	w.Answer(v, nil)
	if !strings.Contains(tr.text(t), "DeleteUser") {
		t.Error("there is no event although the answer leaves now")
	}
}

// A caller who leaves before the answer has done what they have done.
func TestCallerWhoLeftIsRecorded(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	v := view(t, apiiam.Schema(), "DeleteUser")
	w := tr.Begin(v)
	v.Code = "Canceled"
	w.End(v)
	if got := tr.text(t); !strings.Contains(got, `"errorCode":"Canceled"`) {
		t.Errorf("got %q, want the event", got)
	}
}

func TestMessagesThatMayRepeatSecretsAreHidden(t *testing.T) {
	t.Parallel()
	invalid := func(v *observe.View) *observe.View {
		v.Status, v.Code, v.Message = http.StatusBadRequest, "ValidationException", "Value 'TOPSECRET' at 'x' failed"
		v.Cause = fault.New(fault.Invalid, "%s", v.Message)
		return v
	}
	tr := newTrail(t, audit.Invocations)
	tr.exchange(invalid(view(t, apiiam.Schema(), "CreateLoginProfile")))
	tr.exchange(invalid(view(t, apiruntime.Schema(), "Converse")))
	if got := tr.text(t); strings.Contains(got, "TOPSECRET") || strings.Count(got, `"errorMessage":"HIDDEN_DUE_TO_SECURITY_REASONS"`) != 2 {
		t.Errorf("got %s, want hidden messages", got)
	}
	tr = newTrail(t)
	tr.exchange(invalid(view(t, apiiam.Schema(), "CreateUser")))
	if got := tr.text(t); !strings.Contains(got, "TOPSECRET") {
		t.Errorf("got %s, want the message of an operation without secrets", got)
	}
}

func TestLargeParametersAreLeftOut(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	v := view(t, apiiam.Schema(), "CreatePolicy")
	v.Input = &apiiam.CreatePolicyInput{PolicyName: ptr("p"), PolicyDocument: ptr(strings.Repeat("x", 100<<10))}
	tr.exchange(v)
	if got := tr.text(t); len(got) > 2<<10 || !strings.Contains(got, `"omitted":true`) {
		t.Errorf("got %d bytes, want the parameters to be left out", len(got))
	}
}

func TestBucketGetsCloudTrailsObjects(t *testing.T) {
	t.Parallel()
	to := delivery.Destination{Bucket: "b", Prefix: "p", Account: "000000000000", Region: "us-east-1"}
	got := audit.Name(func() string { return "0123456789abcdef" })(to, noon)
	if want := "p/AWSLogs/000000000000/CloudTrail/us-east-1/2026/11/21/000000000000_CloudTrail_us-east-1_20261121T1200Z_0123456789abcdef.json.gz"; got != want {
		t.Errorf("got the key %s, want %s", got, want)
	}
	if got, want := string(audit.Join([][]byte{[]byte(`{"a":1}`), []byte(`{"b":2}`)})), `{"Records":[{"a":1},{"b":2}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	e := &audit.Event{
		EventTime: "2026-11-21T12:00:00Z", EventName: "CreateAccessKey",
		UserIdentity: audit.Identity{ARN: "arn:aws:iam::000000000000:user/ops/alice", UserName: "alice", AccessKeyID: "AKIA1"},
	}
	tests := []struct {
		filter audit.Filter
		want   bool
	}{
		{audit.Filter{}, true},
		{audit.Filter{Since: noon.Add(300 * time.Millisecond)}, true}, // events have whole seconds
		{audit.Filter{Since: noon.Add(time.Second)}, false},
		{audit.Filter{Principal: "alice"}, true},
		{audit.Filter{Principal: "AKIA1"}, true},
		{audit.Filter{Principal: "arn:aws:iam::*:user/*"}, true},
		{audit.Filter{Principal: "ali"}, false},
		{audit.Filter{Event: "Create*"}, true},
		{audit.Filter{Event: "Delete*"}, false},
		{audit.Filter{Event: "["}, false},
		{audit.Filter{Errors: true}, false},
	}
	for _, tc := range tests {
		if got := tc.filter.Match(e); got != tc.want {
			t.Errorf("%+v: got %t, want %t", tc.filter, got, tc.want)
		}
	}
}

// Who called has the name that other commands have for them.
func TestFilterNames(t *testing.T) {
	t.Parallel()
	for name, who := range map[string]audit.Identity{
		"root":       {Type: "Root", ARN: "arn:aws:iam::000000000000:root"},
		"user/alice": {Type: "IAMUser", UserName: "alice"},
		"role/app":   {Type: "AssumedRole", SessionContext: &audit.SessionContext{Issuer: &audit.Issuer{UserName: "app"}}},
	} {
		e := &audit.Event{EventTime: "2026-11-21T12:00:00Z", UserIdentity: who}
		if !(audit.Filter{Principal: name}).Match(e) || (audit.Filter{Principal: name + "s"}).Match(e) {
			t.Errorf("%s: a filter by this name does not match the call alone", name)
		}
	}
}

// A machine that lost its power leaves half a line behind.
func TestBrokenLinesArePassedOver(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	tr.exchange(view(t, apiiam.Schema(), "DeleteUser"))
	file := filepath.Join(tr.dir, audit.FileName+"-2026-11-21.jsonl")
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("{\"eventVersion\":\n{\"half"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	err = audit.Read(tr.dir, audit.Filter{}, func(*audit.Event, []byte) error { n++; return nil })
	if n != 1 || err == nil || !strings.Contains(err.Error(), "no events: 1") {
		t.Errorf("got %d events and %v, want one and the broken line", n, err)
	}
	stop := errors.New("enough")
	if err := audit.Read(tr.dir, audit.Filter{}, func(*audit.Event, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want what yield returned", err)
	}
}
