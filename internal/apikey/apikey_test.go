package apikey

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/iam/credential/credentialtest"
	"github.com/outcrop/outcrop/internal/sigv4"
)

const (
	account = "000000000000"
	keyID   = "AKIDEXAMPLE"
	secret  = iam.Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
	session = iam.Secret("AQoDYXdzEPT//token==")

	refusedText = "Authentication failed: Please make sure your API Key is valid."
	expiredText = "Bearer Token has expired"
	formatText  = "Invalid API Key format: Must start with pre-defined prefix"
)

// oneKey is an access key; it has no API keys.
type oneKey iam.Credential

func (k oneKey) Lookup(id, _ string) (iam.Credential, error) {
	if id != k.AccessKeyID {
		return iam.Credential{}, iam.ErrUnknownKey()
	}
	return iam.Credential(k), nil
}

func (oneKey) LookupAPIKey(string, iam.Secret) (iam.Principal, error) {
	return iam.Principal{}, iam.ErrUnknownKey()
}

func shortVerifier(token iam.Secret, now time.Time) *Verifier {
	key := oneKey{
		AccessKeyID: keyID, Secret: secret, SessionToken: token,
		Principal: iam.UserPrincipal(account, "alice", "AIDAEXAMPLE", keyID),
	}
	clock := func() time.Time { return now }
	return New(Params{Keys: key, Signatures: sigv4.New(sigv4.Params{Keys: key, Now: clock}), Now: clock})
}

// contents is the presigned request inside a short-term key.
func contents(t *testing.T, token string) string {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(token, shortPrefix))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func wrap(text string) string { return shortPrefix + base64.StdEncoding.EncodeToString([]byte(text)) }

// minted reads a fixture: what AWS's generators (aws-bedrock-token-generator
// 1.1.0 for Python, @aws/bedrock-token-generator 1.1.0 for JavaScript) made of
// the key above; and when it was made.
func minted(t *testing.T, name string) (token string, at time.Time) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".token"))
	if err != nil {
		t.Fatal(err)
	}
	token = strings.TrimSpace(string(data))
	_, rest, _ := strings.Cut(contents(t, token), "X-Amz-Date=")
	stamp, _, _ := strings.Cut(rest, "&")
	if at, err = time.Parse("20060102T150405Z", stamp); err != nil {
		t.Fatal(err)
	}
	return token, at
}

func checkDenied(t *testing.T, err error, message string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Denied || f.Code != "AccessDeniedException" || f.Message != message {
		t.Errorf("got error %v, want AccessDeniedException: %s", err, message)
	}
}

func TestGenerators(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		session iam.Secret
		region  string
		life    time.Duration
	}{
		"python":             {"", "us-east-1", 12 * time.Hour},
		"javascript":         {"", "us-east-1", 12 * time.Hour},
		"python-session":     {session, "eu-west-1", time.Hour},
		"javascript-session": {session, "eu-west-1", time.Hour},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, at := minted(t, name)
			for _, region := range []string{"", tc.region} {
				for _, age := range []time.Duration{0, tc.life} {
					got, err := shortVerifier(tc.session, at.Add(age)).Verify(token, region)
					if err != nil {
						t.Fatalf("region %q, age %v: %v", region, age, err)
					}
					if got.Region != tc.region || got.Principal.ARN != "arn:aws:iam::000000000000:user/alice" || got.Principal.AccessKeyID != keyID {
						t.Errorf("got %+v", got)
					}
				}
			}
			_, err := shortVerifier(tc.session, at).Verify(token, "ap-south-1")
			checkDenied(t, err, refusedText)
			_, err = shortVerifier(tc.session, at.Add(tc.life+time.Second)).Verify(token, "")
			checkDenied(t, err, expiredText)
			_, err = shortVerifier(tc.session, at.Add(-6*time.Minute)).Verify(token, "")
			checkDenied(t, err, refusedText)
			_, err = shortVerifier("another session", at).Verify(token, "")
			checkDenied(t, err, refusedText)
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	good, at := minted(t, "python")
	text := contents(t, good)
	// sign makes a key of one's own, with a correct signature.
	sign := func(target, service string, expires time.Duration) string {
		r := httptest.NewRequest(http.MethodPost, "https://"+target, nil)
		r.RequestURI = ""
		sigv4.Signer{AccessKeyID: keyID, Secret: secret, Region: "us-east-1", Service: service}.Presign(r, sha256.Sum256(nil), at, expires)
		return wrap(r.Host + r.URL.RequestURI() + "&Version=1")
	}
	const own = "bedrock.amazonaws.com/?Action=CallWithBearerToken"
	if _, err := shortVerifier("", at).Verify(sign(own, "bedrock", MaxLife), ""); err != nil {
		t.Fatalf("a key of one's own: %v", err)
	}
	cases := map[string]struct{ token, message string }{
		"empty":             {"", formatText},
		"no prefix":         {"sk-123456", formatText},
		"prefix alone":      {shortPrefix, refusedText},
		"not base64":        {shortPrefix + "!!!", refusedText},
		"another host":      {wrap(strings.Replace(text, "bedrock.", "evil.", 1)), refusedText},
		"changed signature": {wrap(strings.Replace(text, "X-Amz-Signature=", "X-Amz-Signature=0", 1)), refusedText},
		"longer life":       {wrap(strings.Replace(text, "Expires=43200", "Expires=43201", 1)), refusedText},
		"changed life":      {wrap(strings.Replace(text, "Expires=43200", "Expires=43100", 1)), refusedText},
		"another region":    {wrap(strings.Replace(text, "us-east-1", "us-west-2", 1)), refusedText},
		"another key":       {wrap(strings.Replace(text, keyID, "AKIDOTHER", 1)), refusedText},
		"another action":    {sign("bedrock.amazonaws.com/?Action=Other", "bedrock", MaxLife), refusedText},
		"no action":         {sign("bedrock.amazonaws.com/", "bedrock", MaxLife), refusedText},
		"another service":   {sign(own, "sts", MaxLife), refusedText},
		"a day long":        {sign(own, "bedrock", 24*time.Hour), refusedText},
		"no life":           {sign(own, "bedrock", 0), refusedText},
		"not signed":        {wrap("bedrock.amazonaws.com/?Action=CallWithBearerToken&Version=1"), refusedText},
		"too long":          {shortPrefix + strings.Repeat("A", maxLength), refusedText},
		"long-term, empty":  {"ABSK", refusedText},
		"long-term, binary": {"ABSK!!", refusedText},
		"no secret":         {"ABSK" + base64.StdEncoding.EncodeToString([]byte("BedrockAPIKey-abcd-at-000000000000:")), refusedText},
		"no colon":          {"ABSK" + base64.StdEncoding.EncodeToString([]byte("BedrockAPIKey-abcd-at-000000000000")), refusedText},
		"unknown":           {"ABSK" + base64.StdEncoding.EncodeToString([]byte("BedrockAPIKey-abcd-at-000000000000:c2VjcmV0")), refusedText},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := shortVerifier("", at).Verify(tc.token, "")
			checkDenied(t, err, tc.message)
		})
	}
}

// TestLongTerm goes the whole way from a key's making to its end.
func TestLongTerm(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	keys := credentialtest.Open(t, account, iam.RootKey{}, clock, "bob")
	key, token, err := keys.AddAPIKey(t.Context(), "bob", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	v := New(Params{Keys: keys, Signatures: sigv4.New(sigv4.Params{Keys: keys, Now: clock}), Now: clock})
	for _, region := range []string{"", "us-east-1", "ap-south-1"} {
		got, err := v.Verify(token.Reveal(), region)
		if err != nil || got.Region != region || got.Principal.ARN != "arn:aws:iam::000000000000:user/bob" || got.Principal.AccessKeyID != key.Name() {
			t.Errorf("region %q: got %+v, error %v", region, got, err)
		}
	}
	if _, err := v.Verify(strings.TrimRight(token.Reveal(), "="), ""); err != nil {
		t.Errorf("without padding: %v", err)
	}
	_, err = v.Verify(token.Reveal()[:len(token)-8], "")
	checkDenied(t, err, refusedText)
	now = now.Add(time.Hour)
	_, err = v.Verify(token.Reveal(), "")
	checkDenied(t, err, expiredText)
	if err := keys.Revoke(t.Context(), key.Name()); err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(token.Reveal(), "")
	checkDenied(t, err, refusedText)
}

// TestShortTermOfSession: a short-term key that was made from temporary
// credentials carries their token, and ends with them or before.
func TestShortTermOfSession(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	keys := credentialtest.Open(t, account, iam.RootKey{}, clock, "bob")
	bob, err := keys.Directory.User(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	c, err := keys.Session(t.Context(), credential.SessionParams{Type: iam.User, Name: "bob", ID: bob.ID, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	mint := func(token iam.Secret) string {
		r := &http.Request{Method: http.MethodPost, Host: shortHost, URL: &url.URL{Path: "/", RawQuery: "Action=" + shortAction}}
		s := sigv4.Signer{AccessKeyID: c.AccessKeyID, Secret: c.Secret, SessionToken: token, Region: "us-east-1", Service: "bedrock"}
		s.Presign(r, sha256.Sum256(nil), now, 12*time.Hour)
		return wrap(shortHost + "/?" + r.URL.RawQuery + "&Version=1")
	}
	v := New(Params{Keys: keys, Signatures: sigv4.New(sigv4.Params{Keys: keys, Now: clock}), Now: clock})
	token := mint(c.SessionToken)
	got, err := v.Verify(token, "")
	if err != nil || got.Principal.ARN != bob.ARN || got.Principal.Session == nil || got.Principal.AccessKeyID != c.AccessKeyID {
		t.Errorf("got %+v, error %v", got, err)
	}
	_, err = v.Verify(mint(""), "")
	checkDenied(t, err, refusedText)
	_, err = v.Verify(mint(c.SessionToken+"AAAA"), "")
	checkDenied(t, err, refusedText)
	now = now.Add(time.Hour)
	_, err = v.Verify(token, "")
	checkDenied(t, err, expiredText)
	now = now.Add(-time.Hour)
	if err := keys.Directory.DeleteUser(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	if err := keys.DeleteAll(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(token, "")
	checkDenied(t, err, refusedText)
}

// TestStoreFailure checks that a broken store is not blamed on the key.
func TestStoreFailure(t *testing.T) {
	t.Parallel()
	v := New(Params{Keys: brokenStore{}, Signatures: sigv4.New(sigv4.Params{Keys: oneKey{}})})
	token := "ABSK" + base64.StdEncoding.EncodeToString([]byte("a-at-000000000000:b"))
	if _, err := v.Verify(token, ""); !fault.Is(err, fault.Internal) {
		t.Errorf("got error %v, want an internal one", err)
	}
}

type brokenStore struct{}

func (brokenStore) LookupAPIKey(string, iam.Secret) (iam.Principal, error) {
	return iam.Principal{}, fault.New(fault.Internal, "the key store cannot be read")
}

func TestFromRequest(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		header string
		token  string
		ok     bool
	}{
		"bearer":     {"Bearer ABSKx", "ABSKx", true},
		"lower case": {"bearer  ABSKx ", "ABSKx", true},
		"signature":  {"AWS4-HMAC-SHA256 Credential=x", "", false},
		"alone":      {"Bearer", "", true},
		"empty":      {"", "", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", tc.header)
			if token, ok := FromRequest(r); token != tc.token || ok != tc.ok {
				t.Errorf("got %q %v, want %q %v", token, ok, tc.token, tc.ok)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	if Accepted([]string{"aws.auth#sigv4"}) || Accepted(nil) || !Accepted([]string{"aws.auth#sigv4", "smithy.api#httpBearerAuth"}) {
		t.Error("got the wrong answer")
	}
}

func FuzzVerify(f *testing.F) {
	data, err := os.ReadFile("testdata/python-session.token")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(strings.TrimSpace(string(data)))
	f.Add("ABSK" + base64.StdEncoding.EncodeToString([]byte("a-at-000000000000:b")))
	f.Add(wrap("bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential=%zz&&=&Version"))
	v := shortVerifier("", time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC))
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := v.Verify(token, ""); err != nil && !fault.Is(err, fault.Denied) {
			t.Errorf("got error %v, want a denial", err)
		}
	})
}
