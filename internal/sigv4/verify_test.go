package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
)

// signed returns a correctly signed request.
func signed(change func(s *Signer)) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/foundation-models", nil)
	r.Host = "localhost:8484"
	s := Signer{AccessKeyID: vectorKey, Secret: vectorSecret, Region: "us-east-1", Service: "bedrock"}
	if change != nil {
		change(&s)
	}
	s.Sign(r, sha256.Sum256(nil), testTime)
	return r
}

// edit changes the Authorization header of a signed request.
func edit(old, replacement string) *http.Request {
	r := signed(nil)
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, replacement, 1))
	return r
}

func header(name, value string) *http.Request {
	r := signed(nil)
	r.Header.Del(name)
	if value != "" {
		r.Header.Set(name, value)
	}
	return r
}

// presignedAs returns a presigned request with an edited target.
func presignedAs(at time.Time, expires time.Duration, old, replacement string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/foundation-models?x=y", nil)
	r.Host = "localhost:8484"
	r.RequestURI = ""
	Signer{AccessKeyID: vectorKey, Secret: vectorSecret, Region: "us-east-1", Service: "bedrock"}.Presign(r, sha256.Sum256(nil), at, expires)
	r.RequestURI = strings.Replace(r.URL.RequestURI(), old, replacement, 1)
	return r
}

func signedAt(at time.Time) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/foundation-models", nil)
	Signer{AccessKeyID: vectorKey, Secret: vectorSecret, Region: "us-east-1", Service: "bedrock"}.Sign(r, sha256.Sum256(nil), at)
	return r
}

// verifyEmpty does what the edge does for a request without a body.
func verifyEmpty(v *Verifier, r *http.Request) error {
	c, err := Parse(r)
	if err != nil {
		return err
	}
	_, err = v.Verify(c, r, sha256.Sum256(nil))
	return err
}

func TestRefused(t *testing.T) {
	t.Parallel()
	unsignedHost := signed(nil)
	unsignedHost.Header.Set("Authorization", strings.Replace(unsignedHost.Header.Get("Authorization"), "=host;x-amz-date", "=x-amz-date", 1))
	twice := signed(nil)
	twice.Header["Authorization"] = append(twice.Header["Authorization"], "x")
	unsignedHash := signed(nil)
	unsignedHash.Header.Set("X-Amz-Content-Sha256", EmptyHash)
	wrongHash := httptest.NewRequest(http.MethodGet, "/", nil)
	wrongHash.Header.Set("X-Amz-Content-Sha256", strings.Repeat("ab", 32))
	Signer{AccessKeyID: vectorKey, Secret: vectorSecret, Region: "us-east-1", Service: "bedrock"}.Sign(wrongHash, [32]byte{}, testTime)
	declared := httptest.NewRequest(http.MethodGet, "/", nil)
	Signer{AccessKeyID: vectorKey, Secret: vectorSecret, Region: "us-east-1", Service: "s3"}.Sign(declared, sha256.Sum256([]byte("other")), testTime)
	badHash := header("X-Amz-Content-Sha256", "nonsense")
	twoTokens := signed(func(s *Signer) { s.SessionToken = "x" })
	twoTokens.Header.Add("X-Amz-Security-Token", "y")
	twoDates := signed(nil)
	twoDates.Header.Add("X-Amz-Date", "20260304T235930Z")
	headerAndQuery := signed(nil)
	headerAndQuery.RequestURI = presignedAs(testTime, time.Hour, "", "").RequestURI
	tokenBeside := presignedAs(testTime, time.Hour, "", "")
	tokenBeside.Header.Set("X-Amz-Security-Token", "x")

	cases := map[string]struct {
		r       *http.Request
		code    string
		message string // a part of it
	}{
		"nothing":            {httptest.NewRequest("GET", "/", nil), "MissingAuthenticationTokenException", "Missing Authentication Token"},
		"empty header":       {header("Authorization", " "), "MissingAuthenticationTokenException", "Missing Authentication Token"},
		"two headers":        {twice, "IncompleteSignatureException", "Only one 'Authorization' header is allowed."},
		"two tokens":         {twoTokens, "IncompleteSignatureException", "Only one 'X-Amz-Security-Token' header is allowed."},
		"two dates":          {twoDates, "IncompleteSignatureException", "Only one 'X-Amz-Date' header is allowed."},
		"header and query":   {headerAndQuery, "IncompleteSignatureException", "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},
		"token beside URL":   {tokenBeside, "IncompleteSignatureException", "The security token of a presigned URL must be in its query, not in a header."},
		"tokens in URL":      {presignedAs(testTime, time.Hour, "x=y", "X-Amz-Security-Token=a&X-Amz-Security-Token=b"), "IncompleteSignatureException", "AWS query-string parameters must include 'X-Amz-Security-Token' only once."},
		"token in disguise":  {presignedAs(testTime, time.Hour, "x=y", "X-Amz-Security-Token=a&X%2DAmz-Security-Token=b"), "IncompleteSignatureException", "'X-Amz-Security-Token' only once."},
		"token in URL":       {presignedAs(testTime, time.Hour, "x=y", "X-Amz-Security-Token=a"), "UnrecognizedClientException", "The security token included in the request is invalid."},
		"keys in URL":        {presignedAs(testTime, time.Hour, "x=y", "X-Amz-Credential=other"), "IncompleteSignatureException", "'X-Amz-Credential' only once."},
		"basic":              {header("Authorization", "Basic eDp5"), "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'Basic'."},
		"asymmetric":         {edit("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."},
		"algorithm alone":    {header("Authorization", "AWS4-HMAC-SHA256"), "IncompleteSignatureException", "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. (Hashed with SHA-256 and encoded with Base64) Authorization="},
		"no equal sign":      {edit("Signature=", "Signature"), "IncompleteSignatureException", "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '"},
		"no signature":       {edit("Signature=", "X="), "IncompleteSignatureException", "Authorization header requires 'Signature' parameter. (Hashed"},
		"no date":            {header("X-Amz-Date", ""), "IncompleteSignatureException", "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."},
		"bad date":           {header("X-Amz-Date", "2026-03-04"), "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. Got '2026-03-04'. See http://en.wikipedia.org/wiki/ISO_8601"},
		"short scope":        {edit("/aws4_request", ""), "IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20260304/us-east-1/bedrock'."},
		"terminator":         {edit("aws4_request", "aws5"), "InvalidSignatureException", "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'."},
		"region":             {edit("us-east-1", "here"), "InvalidSignatureException", "Credential should be scoped to a valid region, not 'here'."},
		"empty region":       {edit("us-east-1", ""), "InvalidSignatureException", "Credential should be scoped to a valid region, not ''."},
		"service":            {edit("bedrock", "ec2"), "InvalidSignatureException", "Credential should be scoped to correct service: '"},
		"scope date":         {edit("20260304", "20260305"), "InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260305' != '20260304', from '20260304T235930Z'."},
		"host not signed":    {unsignedHost, "InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		"unknown key":        {edit("AKIDEXAMPLE", "AKIDUNKNOWN"), "UnrecognizedClientException", "The security token included in the request is invalid."},
		"token with key":     {signed(func(s *Signer) { s.SessionToken = "x" }), "UnrecognizedClientException", "The security token included in the request is invalid."},
		"wrong secret":       {signed(func(s *Signer) { s.Secret = "wrong" }), "InvalidSignatureException", mismatchText},
		"short signature":    {edit("Signature=", "Signature=x"), "InvalidSignatureException", mismatchText},
		"too old":            {signedAt(testTime.Add(-301 * time.Second)), "InvalidSignatureException", "Signature expired: 20260304T235429Z is now earlier than 20260304T235430Z (20260304T235930Z - 5 min.)"},
		"too new":            {signedAt(testTime.Add(301 * time.Second)), "InvalidSignatureException", "Signature not yet current: 20260305T000431Z is still later than 20260305T000430Z (20260304T235930Z + 5 min.)"},
		"hash not signed":    {unsignedHash, "InvalidSignatureException", "'x-amz-content-sha256' must be a 'SignedHeader'"},
		"hash of other":      {declared, "InvalidSignatureException", "The provided 'x-amz-content-sha256' header does not match what was computed."},
		"hash changed":       {wrongHash, "InvalidSignatureException", mismatchText},
		"hash malformed":     {badHash, "InvalidSignatureException", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD"},
		"presigned lacks":    {presignedAs(testTime, time.Hour, "X-Amz-Date=", "X="), "IncompleteSignatureException", "AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."},
		"presigned alg":      {presignedAs(testTime, time.Hour, "AWS4-HMAC-SHA256", "AWS3"), "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'AWS3'."},
		"presigned changed":  {presignedAs(testTime, time.Hour, "x=y", "x=z"), "InvalidSignatureException", mismatchText},
		"presigned expired":  {presignedAs(testTime.Add(-time.Hour-time.Second), time.Hour, "", ""), "InvalidSignatureException", "Signature expired: 20260304T225929Z is now earlier than 20260304T225930Z (20260304T235930Z - 60 min.)"},
		"presigned too new":  {presignedAs(testTime.Add(6*time.Minute), time.Hour, "", ""), "InvalidSignatureException", "Signature not yet current: "},
		"presigned too long": {presignedAs(testTime, time.Hour, "X-Amz-Expires=3600", "X-Amz-Expires=604801"), "IncompleteSignatureException", "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"},
		"presigned negative": {presignedAs(testTime, time.Hour, "X-Amz-Expires=3600", "X-Amz-Expires=-1"), "IncompleteSignatureException", "X-Amz-Expires must be non-negative"},
		"presigned no time":  {presignedAs(testTime, time.Hour, "X-Amz-Expires=3600", "X-Amz-Expires=x"), "IncompleteSignatureException", "X-Amz-Expires should be a number"},
		"longer life":        {presignedAs(testTime.Add(-2*time.Hour), time.Hour, "X-Amz-Expires=3600", "X-Amz-Expires=36000"), "InvalidSignatureException", mismatchText},
	}
	v := testVerifier("")
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := verifyEmpty(v, tc.r)
			var f *fault.Error
			if !errors.As(err, &f) {
				t.Fatalf("got error %v, want a fault", err)
			}
			if f.Kind != fault.Unauthenticated || f.Code != tc.code || !strings.Contains(f.Message, tc.message) {
				t.Errorf("got %v %s %q\nwant %v %s %q", f.Kind, f.Code, f.Message, fault.Unauthenticated, tc.code, tc.message)
			}
			if strings.Contains(f.Message, vectorSecret.Reveal()) {
				t.Error("got the secret in the message")
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	byDate := func(form string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Date", testTime.Format(form))
		s := Signer{AccessKeyID: vectorKey, Secret: vectorSecret, Region: "us-east-1", Service: "bedrock"}
		c := s.credential(testTime)
		c.SignedHeaders = []string{"date", "host"}
		r.Header.Set("Authorization", Algorithm+" Credential="+vectorKey+"/"+scope(c.Date, c.Region, c.Service)+
			",SignedHeaders=date;host,Signature="+s.signature(r, c, EmptyHash))
		return r
	}
	unsignedBody := httptest.NewRequest(http.MethodPost, "/", nil)
	Signer{AccessKeyID: vectorKey, Secret: vectorSecret, Region: "us-east-1", Service: "bedrock"}.SignPayload(unsignedBody, PayloadUnsigned, testTime)
	absolute := signed(nil)
	absolute.RequestURI = "http://localhost:8484" + absolute.RequestURI
	cases := map[string]*http.Request{
		"plain":              signed(nil),
		"oldest":             signedAt(testTime.Add(-5 * time.Minute)),
		"newest":             signedAt(testTime.Add(5 * time.Minute)),
		"gov region":         signed(func(s *Signer) { s.Region = "us-gov-west-1" }),
		"sovereign region":   signed(func(s *Signer) { s.Region = "eusc-de-east-1" }),
		"date header":        byDate(http.TimeFormat),
		"basic date":         byDate(timeFormat),
		"unsigned payload":   unsignedBody,
		"absolute target":    absolute,
		"presigned":          presignedAs(testTime.Add(-time.Hour), time.Hour, "", ""),
		"presigned a week":   presignedAs(testTime.Add(-6*24*time.Hour), MaxExpires, "", ""),
		"presigned reorder":  presignedAs(testTime, time.Hour, "x=y&", "&&x=y&"),
		"presigned by lower": presignedAs(testTime, time.Hour, "%2F", "%2f"),
	}
	v := testVerifier("")
	for name, r := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := verifyEmpty(v, r); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMismatchNamesTheCanonicalString checks the text that helps people find
// out what their client did wrong, and that it repeats no token.
func TestMismatchNamesTheCanonicalString(t *testing.T) {
	t.Parallel()
	const token = iam.Secret("AQoDYXdzEPT//token==")
	hash := sha256.Sum256([]byte("{}"))
	r := httptest.NewRequest(http.MethodPost, "/model/a%3A0/converse", nil)
	r.Host = "localhost:8484"
	Signer{AccessKeyID: vectorKey, Secret: "wrong", SessionToken: token, Region: "us-east-1", Service: "bedrock"}.Sign(r, hash, testTime)
	c, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = testVerifier(token).Verify(c, r, hash)
	canonical := "POST\n/model/a%253A0/converse\n\nhost:localhost:8484\nx-amz-date:20260304T235930Z\nx-amz-security-token:" +
		token.Reveal() + "\n\nhost;x-amz-date;x-amz-security-token\n" + hex.EncodeToString(hash[:])
	sum := sha256.Sum256([]byte(canonical))
	want := mismatchText + "\n\nThe Canonical String for this request should have been\n'" +
		strings.Replace(canonical, token.Reveal(), "[redacted]", 1) +
		"'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20260304T235930Z\n20260304/us-east-1/bedrock/aws4_request\n" +
		hex.EncodeToString(sum[:]) + "'\n"
	if got := fault.As(err).Message; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}

	link := httptest.NewRequest(http.MethodGet, "/", nil)
	Signer{AccessKeyID: vectorKey, Secret: "wrong", SessionToken: token, Region: "us-east-1", Service: "bedrock"}.Presign(link, hash, testTime, time.Hour)
	link.RequestURI = link.URL.RequestURI()
	if c, err = Parse(link); err != nil {
		t.Fatal(err)
	}
	_, err = testVerifier(token).Verify(c, link, hash)
	if got := fault.As(err).Message; !strings.Contains(got, "X-Amz-Security-Token=[redacted]") || strings.Contains(got, "token%3D%3D") {
		t.Errorf("got %q, want the token left out", got)
	}
}

func TestExpiredCredential(t *testing.T) {
	t.Parallel()
	v := New(Params{
		Keys: oneKey{AccessKeyID: vectorKey, Secret: vectorSecret, Expires: testTime},
		Now:  func() time.Time { return testTime },
	})
	err := verifyEmpty(v, signed(nil))
	if f := fault.As(err); f.Code != "ExpiredTokenException" || f.Message != "The security token included in the request is expired" {
		t.Errorf("got %v, want ExpiredTokenException", err)
	}
	// Whoever does not know the secret is not told that the key exists.
	err = verifyEmpty(v, signed(func(s *Signer) { s.Secret = "wrong" }))
	if f := fault.As(err); f.Code != "InvalidSignatureException" {
		t.Errorf("got %v, want InvalidSignatureException", err)
	}
}

func TestRegionAndServiceAreLimited(t *testing.T) {
	t.Parallel()
	v := New(Params{
		Keys:   oneKey{AccessKeyID: vectorKey, Secret: vectorSecret},
		Now:    func() time.Time { return testTime },
		Region: func(region string) bool { return region == "eu-west-1" },
	})
	err := verifyEmpty(v, signed(nil))
	if f := fault.As(err); f.Message != "Credential should be scoped to a valid region, not 'us-east-1'." {
		t.Errorf("got %v", err)
	}
	c, err := Parse(signed(func(s *Signer) { s.Service = "sts" }))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckService("sts"); err != nil {
		t.Errorf("got %v for the right service", err)
	}
	if f := fault.As(c.CheckService("bedrock")); f.Message != "Credential should be scoped to correct service: 'bedrock'." {
		t.Errorf("got %v", f)
	}
}

func TestQueryCode(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"InvalidSignatureException": "SignatureDoesNotMatch", "UnrecognizedClientException": "InvalidClientTokenId",
		"ExpiredTokenException": "ExpiredToken", "MissingAuthenticationTokenException": "MissingAuthenticationToken",
		"IncompleteSignatureException": "IncompleteSignature", "AccessDeniedException": "AccessDenied",
		"ValidationException": "ValidationError", "ThrottlingException": "Throttling", "Other": "Other",
	} {
		if got := QueryCode(code); got != want {
			t.Errorf("got %s for %s, want %s", got, code, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	good := signed(nil)
	f.Add(good.Header.Get("Authorization"), good.Header.Get("X-Amz-Date"), "/model/x%3A0/converse?a=b", "")
	link := presignedAs(testTime, time.Hour, "", "")
	f.Add("", "", link.RequestURI, "UNSIGNED-PAYLOAD")
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request,SignedHeaders=;;host,Signature=x", "20260304T235930Z", "//a/../%zz?%&=&+", "x")
	v := testVerifier("")
	f.Fuzz(func(t *testing.T, authorization, date, target, payload string) {
		r := &http.Request{Method: "POST", RequestURI: target, Host: "localhost", Header: http.Header{}}
		for name, value := range map[string]string{"Authorization": authorization, "X-Amz-Date": date, "X-Amz-Content-Sha256": payload} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		err := verifyEmpty(v, r)
		if err == nil {
			return
		}
		if f := fault.As(err); f.Kind != fault.Unauthenticated || f.Code == "" || strings.Contains(f.Message, vectorSecret.Reveal()) {
			t.Errorf("got %v, want a coded fault", err)
		}
	})
}

// TestTemporaryKeys: the token decides with the key which secret counts, and a
// derived key is never that of another session.
func TestTemporaryKeys(t *testing.T) {
	t.Parallel()
	now := testTime
	keys := sessions{}
	var used []string
	v := New(Params{Keys: keys, Now: func() time.Time { return now }, Used: func(id, service, region string) {
		used = append(used, id+" "+service+" "+region)
	}})
	for range 2 { // with derived keys from memory, too
		for token := range keys.secrets() {
			r := httptest.NewRequest(http.MethodGet, "/foundation-models", nil)
			s := Signer{AccessKeyID: vectorKey, Secret: keys.secrets()[token], SessionToken: token, Region: "us-east-1", Service: "bedrock"}
			s.Sign(r, sha256.Sum256(nil), now)
			if err := verifyEmpty(v, r); err != nil {
				t.Errorf("a header with %q: %v", token.Reveal(), err)
			}
			r = httptest.NewRequest(http.MethodGet, "/foundation-models", nil)
			r.RequestURI = ""
			s.Presign(r, sha256.Sum256(nil), now, time.Hour)
			if err := verifyEmpty(v, r); err != nil {
				t.Errorf("a URL with %q: %v", token.Reveal(), err)
			}
			// The secret of one session with the token of another.
			for other := range keys.secrets() {
				if other == token {
					continue
				}
				s.SessionToken = other
				s.Sign(r, sha256.Sum256(nil), now)
				r.URL.RawQuery = ""
				if err := verifyEmpty(v, r); fault.As(err).Code != "InvalidSignatureException" {
					t.Errorf("another session's token: got %v", err)
				}
			}
		}
	}
	if len(used) != 8 || used[0] != vectorKey+" bedrock us-east-1" {
		t.Errorf("got uses %q, want one for each proved request", used)
	}
	// A URL is good no longer than the session that signed it.
	r := httptest.NewRequest(http.MethodGet, "/foundation-models", nil)
	r.RequestURI = ""
	s := Signer{AccessKeyID: vectorKey, Secret: "one", SessionToken: "first", Region: "us-east-1", Service: "bedrock"}
	s.Presign(r, sha256.Sum256(nil), now, 12*time.Hour)
	now = now.Add(sessionLife - time.Second)
	if err := verifyEmpty(v, r); err != nil {
		t.Errorf("before the end of the session: %v", err)
	}
	now = now.Add(time.Second)
	if err := verifyEmpty(v, r); fault.As(err).Code != "ExpiredTokenException" {
		t.Errorf("after the end of the session: got %v, want ExpiredTokenException", err)
	}
	now = testTime.Add(12*time.Hour + time.Second)
	if err := verifyEmpty(v, r); fault.As(err).Code != "InvalidSignatureException" {
		t.Errorf("after the end of the URL: got %v, want InvalidSignatureException", err)
	}
}

const sessionLife = time.Hour

// sessions is a KeySource with two sessions that share an access key ID.
type sessions struct{}

func (sessions) secrets() map[iam.Secret]iam.Secret {
	return map[iam.Secret]iam.Secret{"first": "one", "second": "two"}
}

func (s sessions) Lookup(_, token string) (iam.Credential, error) {
	secret, ok := s.secrets()[iam.Secret(token)]
	if !ok {
		return iam.Credential{}, iam.ErrUnknownKey()
	}
	return iam.Credential{AccessKeyID: vectorKey, Secret: secret, SessionToken: iam.Secret(token), Expires: testTime.Add(sessionLife)}, nil
}
