package authn_test

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/apikey"
	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/iam/credential/credentialtest"
	"github.com/outcrop/outcrop/internal/sigv4"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

var at = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

const account = "000000000000"

type fixture struct {
	keys   *credentialtest.Place
	root   iam.RootKey
	authn  *authn.Authenticator
	signer sigv4.Signer
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	root := iam.RootKey{AccessKeyID: "AKIAROOT", Secret: "root-secret"}
	now := func() time.Time { return at }
	keys := credentialtest.Open(t, account, root, now, "ann")
	signatures := sigv4.New(sigv4.Params{Keys: keys, Now: now})
	return &fixture{
		keys: keys, root: root,
		authn: authn.New(authn.Params{
			Signatures: signatures, Region: "eu-north-1", Now: now,
			APIKeys: apikey.New(apikey.Params{Keys: keys, Signatures: signatures, Now: now}),
		}),
		signer: sigv4.Signer{AccessKeyID: root.AccessKeyID, Secret: root.Secret, Region: "us-west-2", Service: "bedrock"},
	}
}

func request(body string) *http.Request {
	return httptest.NewRequest(http.MethodPost, "http://localhost:8484/model/a%3A0/converse", bytes.NewReader([]byte(body)))
}

func operation(t *testing.T, svc *schema.Service, name string) *schema.Operation {
	t.Helper()
	for _, op := range svc.Operations {
		if op.Name == name {
			return op
		}
	}
	t.Fatalf("no operation %s", name)
	return nil
}

func prove(t *testing.T, a interface {
	Claim(*http.Request) (authn.Claim, error)
}, r *http.Request, body string) (authn.Claim, iam.Principal, string, error) {
	t.Helper()
	claim, err := a.Claim(r)
	if err != nil {
		return nil, iam.Principal{}, "", err
	}
	svc := bedrockruntime.Schema()
	if err := claim.Check(svc, operation(t, svc, "Converse")); err != nil {
		return claim, iam.Principal{}, "", err
	}
	p, out, err := claim.Verify([]byte(body))
	return claim, p, string(out), err
}

func TestSignature(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const body = `{"a":1}`
	r := request(body)
	f.signer.Sign(r, sigv4.BodyHash([]byte(body)), at)
	claim, p, out, err := prove(t, f.authn, r, body)
	if err != nil {
		t.Fatal(err)
	}
	if p.ARN != "arn:aws:iam::000000000000:root" || claim.Region() != "us-west-2" || claim.Service() != "bedrock" || out != body {
		t.Errorf("got %s for %s in %s with body %q", p.ARN, claim.Service(), claim.Region(), out)
	}
	if _, _, err = claim.Verify([]byte(body + " ")); fault.As(err).Code != "InvalidSignatureException" {
		t.Errorf("another body: got %v, want InvalidSignatureException", err)
	}
}

func TestNoCredential(t *testing.T) {
	t.Parallel()
	_, err := newFixture(t).authn.Claim(request(""))
	if got, want := fault.As(err).Code, "MissingAuthenticationTokenException"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLongTermAPIKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key, token, err := f.keys.AddAPIKey(t.Context(), "ann", 0)
	if err != nil {
		t.Fatal(err)
	}
	bearer := func(token string) *http.Request {
		r := request("x")
		r.Header.Set("Authorization", "Bearer "+token)
		return r
	}
	claim, p, _, err := prove(t, f.authn, bearer(token.Reveal()), "x")
	if err != nil {
		t.Fatal(err)
	}
	if want := "arn:aws:iam::000000000000:user/ann"; p.ARN != want || claim.Region() != "eu-north-1" {
		t.Errorf("got %s in %s, want %s in the default region", p.ARN, claim.Region(), want)
	}
	agents := bedrockagent.Schema()
	if err := claim.Check(agents, operation(t, agents, "ListAgents")); !fault.Is(err, fault.Denied) {
		t.Errorf("agents take API keys: %v", err)
	}
	if err := f.keys.Revoke(t.Context(), key.Name()); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := prove(t, f.authn, bearer(token.Reveal()), "x"); !fault.Is(err, fault.Denied) {
		t.Errorf("a revoked key: got %v", err)
	}
	if _, _, _, err := prove(t, f.authn, bearer("nonsense"), "x"); !fault.Is(err, fault.Denied) {
		t.Errorf("a key without a prefix: got %v", err)
	}
}

func TestRegionOfAHostName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for host, want := range map[string]string{
		"bedrock-runtime.ap-southeast-2.amazonaws.com":     "ap-southeast-2",
		"bedrock-runtime.us-gov-west-1.amazonaws.com:8484": "us-gov-west-1",
		"localhost:8484": "eu-north-1",
		"127.0.0.1":      "eu-north-1",
	} {
		r := request("")
		r.Host = host
		r.Header.Set("Authorization", "Bearer ABSKxx")
		claim, err := f.authn.Claim(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := claim.Region(); got != want {
			t.Errorf("%s: got %q, want %q", host, got, want)
		}
	}
}

func TestOff(t *testing.T) {
	t.Parallel()
	off := authn.NewOff(account, "us-east-1")
	claim, p, body, err := prove(t, off, request("x"), "x")
	if err != nil || p.Type != iam.Anonymous || p.Account != account || body != "x" || claim.Region() != "us-east-1" {
		t.Errorf("got %+v in %s, body %q (%v)", p, claim.Region(), body, err)
	}
	signed := request("x")
	newFixture(t).signer.Sign(signed, sigv4.BodyHash([]byte("another")), at)
	claim, _, _, err = prove(t, off, signed, "x")
	if err != nil || claim.Region() != "us-west-2" || claim.Service() != "bedrock" {
		t.Errorf("a signed request: got %s %s (%v)", claim.Service(), claim.Region(), err)
	}
}

func TestOffRefusesBrowsers(t *testing.T) {
	t.Parallel()
	off := authn.NewOff(account, "us-east-1")
	for name, tc := range map[string]struct {
		host, origin string
		want         bool
	}{
		"loopback name":        {"localhost:8484", "", true},
		"loopback address":     {"127.0.0.1:8484", "", true},
		"loopback v6":          {"[::1]:8484", "", true},
		"redirected name":      {"bedrock-runtime.us-west-2.amazonaws.com", "", true},
		"own page":             {"localhost:8484", "http://localhost:3000", true},
		"rebound name":         {"evil.example:8484", "", false},
		"name like a region's": {"bedrock-runtime.us-west-2.evil.example", "", false},
		"foreign page":         {"127.0.0.1:8484", "https://evil.example", false},
		"page without origin":  {"127.0.0.1:8484", "null", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request("x")
			r.Host = tc.host
			if tc.origin != "" {
				r.Header.Set("Origin", tc.origin)
			}
			if _, err := off.Claim(r); (err == nil) != tc.want {
				t.Errorf("got %v, want answered: %t", err, tc.want)
			}
		})
	}
}

func TestUnsignedPayloadIsProvedBeforeTheBody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	svc := bedrockruntime.Schema()
	r := request("x")
	f.signer.SignPayload(r, sigv4.PayloadUnsigned, at)
	claim, err := f.authn.Claim(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := claim.Check(svc, operation(t, svc, "Converse")); err != nil {
		t.Fatal(err)
	}
	forged := f.signer
	forged.Secret = "another"
	r = request("x")
	forged.SignPayload(r, sigv4.PayloadUnsigned, at)
	if claim, err = f.authn.Claim(r); err != nil {
		t.Fatal(err)
	}
	if err := claim.Check(svc, operation(t, svc, "Converse")); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a forged signature: got %v before the body", err)
	}
}

func TestSignedEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	svc := bedrockruntime.Schema()
	duplex := operation(t, svc, "InvokeModelWithBidirectionalStream")
	r := request("")
	chain := f.signer.SignPayload(r, sigv4.PayloadEvents, at)
	claim, err := f.authn.Claim(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := claim.Check(svc, operation(t, svc, "Converse")); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("an operation without events takes a payload that nobody verifies: %v", err)
	}
	if err := claim.Check(svc, duplex); err != nil {
		t.Fatal(err)
	}
	seed, err := hex.DecodeString(chain.Seed())
	if err != nil {
		t.Fatal(err)
	}
	key := chain.SigningKey(at)
	stream := func(change func(frames [][]byte) [][]byte) []string {
		signer := eventstream.NewSigner(eventstream.FixedKey(key[:], chain.Scope(at)), seed)
		var frames [][]byte
		for _, text := range []string{"one", "two", ""} {
			var inner []byte
			if text != "" {
				if inner, err = eventstream.Append(nil, eventstream.EventHeaders("chunk", "application/json"), []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			frame, err := signer.Append(nil, at, inner)
			if err != nil {
				t.Fatal(err)
			}
			frames = append(frames, frame)
		}
		events := claim.Events(eventstream.NewDecoder(bytes.NewReader(bytes.Join(change(frames), nil)), eventstream.Limits{}))
		var got []string
		for {
			m, err := events.Decode()
			if err != nil {
				return append(got, err.Error())
			}
			got = append(got, string(m.Payload))
		}
	}
	for name, tc := range map[string]struct {
		change func([][]byte) [][]byte
		want   int // events before the end
		eof    bool
	}{
		"whole":    {func(f [][]byte) [][]byte { return f }, 2, true},
		"left out": {func(f [][]byte) [][]byte { return f[1:] }, 0, false},
		"repeated": {func(f [][]byte) [][]byte { return [][]byte{f[0], f[0], f[1], f[2]} }, 1, false},
		"cut off":  {func(f [][]byte) [][]byte { return f[:2] }, 2, false},
	} {
		got := stream(tc.change)
		if len(got) != tc.want+1 || (got[len(got)-1] == "EOF") != tc.eof {
			t.Errorf("%s: got %q, want %d events and a good end: %t", name, got, tc.want, tc.eof)
		}
	}
}

// TestSaidTwice: a request that says twice who sent it is refused, whichever of
// them would be right.
func TestSaidTwice(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, token, err := f.keys.AddAPIKey(t.Context(), "ann", 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.keys.Session(t.Context(), credential.SessionParams{Type: iam.Root, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	signer := f.signer
	signer.AccessKeyID, signer.Secret, signer.SessionToken = c.AccessKeyID, c.Secret, c.SessionToken
	signed := func() *http.Request {
		r := request("{}")
		signer.Sign(r, sigv4.BodyHash([]byte("{}")), at)
		return r
	}
	presigned := func() *http.Request {
		r := request("")
		r.RequestURI = ""
		signer.Presign(r, sigv4.BodyHash(nil), at, time.Minute)
		return r
	}
	bearer := "Bearer " + token.Reveal()
	for name, tc := range map[string]struct {
		r    *http.Request
		body string
		good bool
	}{
		"a session":           {signed(), "{}", true},
		"a session's URL":     {presigned(), "", true},
		"an API key":          {with(request("{}"), "Authorization", bearer), "{}", true},
		"API key, signature":  {prepend(signed(), "Authorization", bearer), "{}", false},
		"signature, API key":  {with(signed(), "Authorization", bearer), "{}", false},
		"two API keys":        {with(with(request("{}"), "Authorization", bearer), "Authorization", bearer), "{}", false},
		"the token twice":     {with(signed(), "X-Amz-Security-Token", c.SessionToken.Reveal()), "{}", false},
		"another token first": {prepend(signed(), "X-Amz-Security-Token", "x"), "{}", false},
		"a token beside URL":  {with(presigned(), "X-Amz-Security-Token", c.SessionToken.Reveal()), "", false},
		"URL and API key":     {with(presigned(), "Authorization", bearer), "", false},
		"URL and header":      {with(presigned(), "Authorization", signed().Header.Get("Authorization")), "", false},
	} {
		_, _, _, err := prove(t, f.authn, tc.r, tc.body)
		if tc.good {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if e := fault.As(err); e == nil || e.Kind != fault.Unauthenticated || e.Code != "IncompleteSignatureException" {
			t.Errorf("%s: got %v, want IncompleteSignatureException", name, err)
		}
	}
}

func with(r *http.Request, name, value string) *http.Request {
	r.Header.Add(name, value)
	return r
}

func prepend(r *http.Request, name, value string) *http.Request {
	r.Header[name] = append([]string{value}, r.Header[name]...)
	return r
}

// A service may take signatures that were made for another name, and no other one
// does.
func TestAlsoSigned(t *testing.T) {
	t.Parallel()
	root := iam.RootKey{AccessKeyID: "AKIAROOT", Secret: "root-secret"}
	now := func() time.Time { return at }
	keys := credentialtest.Open(t, account, root, now)
	signatures := sigv4.New(sigv4.Params{Keys: keys, Now: now, Services: []string{"bedrock", "bedrock-mantle"}})
	a := authn.New(authn.Params{Signatures: signatures, Region: "us-west-2", Now: now, APIKeys: apikey.New(apikey.Params{Keys: keys, Signatures: signatures, Now: now})})
	op := operation(t, bedrockruntime.Schema(), "Converse")
	for _, tc := range []struct {
		also []string
		ok   bool
	}{{nil, false}, {[]string{"bedrock-mantle"}, true}} {
		r := request("")
		sigv4.Signer{AccessKeyID: root.AccessKeyID, Secret: root.Secret, Region: "us-west-2", Service: "bedrock-mantle"}.Sign(r, sigv4.BodyHash(nil), at)
		claim, err := a.Claim(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := claim.Check(&schema.Service{SigningName: "bedrock", AlsoSigned: tc.also}, op); (err == nil) != tc.ok {
			t.Errorf("also signed for %v: got %v", tc.also, err)
		}
	}
}
