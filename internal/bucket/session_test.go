package bucket_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// Temporary credentials sign in every way that others do, with their token; and
// a URL that they signed ends with itself or with them.
func TestSessions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	putText(t, bucketOf(t, f, "docs"), "a.txt", "text")
	session := func(life time.Duration) sigv4.Signer {
		t.Helper()
		c, err := f.keys.Session(t.Context(), credential.SessionParams{Type: iam.Root, Life: life})
		if err != nil {
			t.Fatal(err)
		}
		return sigv4.Signer{AccessKeyID: c.AccessKeyID, Secret: c.Secret, SessionToken: c.SessionToken, Region: "eu-west-1", Service: "s3"}
	}
	good, over := session(time.Hour), session(-time.Second)
	other := good
	other.SessionToken = session(time.Hour).SessionToken
	header := func(s sigv4.Signer) *http.Request {
		r := f.request(t, http.MethodGet, "/docs/a.txt", "")
		s.Sign(r, sigv4.BodyHash(nil), time.Now())
		return r
	}
	byURL := func(s sigv4.Signer, at time.Time) *http.Request {
		r := f.request(t, http.MethodGet, "/docs/a.txt", "")
		s.Presign(r, [32]byte{}, at, time.Minute)
		return r
	}
	old := func(s sigv4.Signer, at time.Time) *http.Request {
		expires, token := strconv.FormatInt(at.Add(time.Minute).Unix(), 10), s.SessionToken.Reveal()
		mac := hmac.New(sha1.New, []byte(s.Secret.Reveal()))
		mac.Write([]byte("GET\n\n\n" + expires + "\nx-amz-security-token:" + token + "\n/docs/a.txt"))
		query := url.Values{
			"AWSAccessKeyId": {s.AccessKeyID}, "Expires": {expires}, "x-amz-security-token": {token},
			"Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
		}
		return f.request(t, http.MethodGet, "/docs/a.txt?"+query.Encode(), "")
	}
	beside := func(r *http.Request, name, value string) *http.Request {
		r.Header.Add(name, value)
		return r
	}
	now, before := time.Now(), time.Now().Add(-2*time.Minute)
	for name, tc := range map[string]struct {
		r    *http.Request
		code string // of the error; empty: the object
	}{
		"header":                         {header(good), ""},
		"URL":                            {byURL(good, now), ""},
		"old URL":                        {old(good, now), ""},
		"header, session over":           {header(over), "ExpiredToken"},
		"URL, session over":              {byURL(over, now), "ExpiredToken"},
		"old URL, session over":          {old(over, now), "ExpiredToken"},
		"header, another's token":        {header(other), "InvalidAccessKeyId"},
		"URL, another's token":           {byURL(other, now), "InvalidAccessKeyId"},
		"old URL, another's token":       {old(other, now), "InvalidAccessKeyId"},
		"URL, replayed after its end":    {byURL(good, before), "AccessDenied"},
		"old URL, replayed after an end": {old(good, before), "AccessDenied"},
		"header, token twice":            {beside(header(good), "X-Amz-Security-Token", "x"), "AuthorizationHeaderMalformed"},
		"URL, token beside":              {beside(byURL(good, now), "X-Amz-Security-Token", good.SessionToken.Reveal()), "AuthorizationQueryParametersError"},
		"old URL, token beside":          {beside(old(good, now), "X-Amz-Security-Token", good.SessionToken.Reveal()), "InvalidArgument"},
		"old URL and header":             {beside(old(good, now), "Authorization", "AWS x:y"), "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			status, text := answer(t, tc.r)
			if tc.code == "" {
				if status != http.StatusOK || text != "text" {
					t.Errorf("got %d %s, want the object", status, text)
				}
				return
			}
			if status < 400 || !strings.Contains(text, "<Code>"+tc.code+"</Code>") {
				t.Errorf("got %d %s, want %s", status, text, tc.code)
			}
		})
	}
}

// botocore signs a bucket with a slash behind it that it does not send.
func TestOldSignatureOfABucket(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	putText(t, bucketOf(t, f, "docs"), "a.txt", "text")
	for signed, want := range map[string]int{"/docs": http.StatusOK, "/docs/": http.StatusOK, "/docs//": http.StatusForbidden, "/other/": http.StatusForbidden} {
		r := f.request(t, http.MethodGet, "/docs", "")
		r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		mac := hmac.New(sha1.New, []byte(f.root.Secret.Reveal()))
		mac.Write([]byte("GET\n\n\n" + r.Header.Get("Date") + "\n" + signed))
		r.Header.Set("Authorization", "AWS "+f.root.AccessKeyID+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		if status, text := answer(t, r); status != want {
			t.Errorf("signed as %s: got %d %s, want %d", signed, status, text, want)
		}
	}
}
