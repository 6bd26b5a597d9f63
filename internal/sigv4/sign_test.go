package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/outcrop/outcrop/internal/iam"
)

var testTime = time.Date(2026, 3, 4, 23, 59, 30, 0, time.UTC)

func testVerifier(token iam.Secret) *Verifier {
	return New(Params{
		Keys: oneKey{
			AccessKeyID: vectorKey, Secret: vectorSecret, SessionToken: token,
			Principal: iam.UserPrincipal("000000000000", "alice", "AIDAEXAMPLE", vectorKey),
		},
		Now:      func() time.Time { return testTime },
		Services: []string{"bedrock", "sts", "s3"},
	})
}

// targets are request targets in the forms that clients send.
var targets = map[string]string{
	"root":            "/",
	"colon":           "/model/anthropic.claude-v2:1/converse",
	"escaped colon":   "/model/anthropic.claude-v2%3A1/converse",
	"arn":             "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2Fx/invoke",
	"unicode":         "/a/%E4%B8%96",
	"lower hex":       "/a%2fb",
	"query":           "/x?b=2&a=1&a=0&c=&d",
	"query escapes":   "/x?q=a%20b%2Bc%2F%26&k%20y=%E4%B8%96",
	"query tilde":     "/x?q=~-_.*",
	"sub-delimiters":  "/a/b!$&'()*+,;=@c",
	"trailing slash":  "/a/b/",
	"percent literal": "/a%25b?x=%25",
}

// TestAgainstSDK compares with the signer of the AWS SDK for Go in both
// directions: it signs what we verify, and we sign the same.
func TestAgainstSDK(t *testing.T) {
	t.Parallel()
	sdk := v4.NewSigner()
	body := []byte(`{"messages":[]}`)
	hash := sha256.Sum256(body)
	for name, target := range targets {
		for _, token := range []iam.Secret{"", "AQoDYXdzEPT//token=="} {
			t.Run(fmt.Sprintf("%s/token=%t", name, token != ""), func(t *testing.T) {
				t.Parallel()
				credentials := aws.Credentials{AccessKeyID: vectorKey, SecretAccessKey: vectorSecret.Reveal(), SessionToken: token.Reveal()}
				signer := Signer{AccessKeyID: vectorKey, Secret: vectorSecret, SessionToken: token, Region: "us-east-1", Service: "bedrock"}
				newRequest := func() *http.Request {
					r, err := http.NewRequest(http.MethodPost, "http://localhost:8484"+target, bytes.NewReader(body))
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set("X-Amzn-Note", "  two   words ")
					return r
				}
				verify := func(r *http.Request) {
					t.Helper()
					received := receive(r)
					c, err := Parse(received)
					if err != nil {
						t.Fatalf("Parse: %v", err)
					}
					if _, err := testVerifier(token).Verify(c, received, hash); err != nil {
						t.Errorf("Verify: %v", err)
					}
				}

				theirs := newRequest()
				if err := sdk.SignHTTP(t.Context(), credentials, theirs, hex.EncodeToString(hash[:]), "bedrock", "us-east-1", testTime); err != nil {
					t.Fatal(err)
				}
				verify(theirs)
				ours := newRequest()
				signer.Sign(ours, hash, testTime)
				verify(ours)

				presign := newRequest()
				q := presign.URL.Query()
				q.Set("X-Amz-Expires", "600")
				presign.URL.RawQuery = q.Encode()
				link, header, err := sdk.PresignHTTP(t.Context(), credentials, presign, hex.EncodeToString(hash[:]), "bedrock", "us-east-1", testTime)
				if err != nil {
					t.Fatal(err)
				}
				u, err := url.Parse(link)
				if err != nil {
					t.Fatal(err)
				}
				presign.URL, presign.Header = u, header
				verify(presign)
				ours = newRequest()
				signer.Presign(ours, hash, testTime, time.Hour)
				verify(ours)
			})
		}
	}
}

// receive turns a client's request into what its server sees.
func receive(r *http.Request) *http.Request {
	received := r.Clone(context.Background())
	received.RequestURI = r.URL.RequestURI()
	received.Host = r.Host
	if received.Host == "" {
		received.Host = r.URL.Host
	}
	received.Header.Del("Host")
	return received
}

// TestSameSignatureAsSDK compares signatures bit for bit where both sign the
// same headers.
func TestSameSignatureAsSDK(t *testing.T) {
	t.Parallel()
	hash := sha256.Sum256(nil)
	ours, theirs := httptest.NewRequest("GET", "http://localhost:8484/x?b=1&a=%20", nil), httptest.NewRequest("GET", "http://localhost:8484/x?b=1&a=%20", nil)
	ours.RequestURI, theirs.RequestURI = "", ""
	Signer{AccessKeyID: vectorKey, Secret: vectorSecret, Region: "eu-west-1", Service: "bedrock"}.Sign(ours, hash, testTime)
	err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: vectorKey, SecretAccessKey: vectorSecret.Reveal()},
		theirs, hex.EncodeToString(hash[:]), "bedrock", "eu-west-1", testTime)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := ours.Header.Get("Authorization"), theirs.Header.Get("Authorization"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestEventChain checks that the seed and the keys that are exposed for event
// streams are those with which the SDK signs its messages, past midnight too.
func TestEventChain(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/model/amazon.nova-sonic-v1%3A0/invoke-with-bidirectional-stream", nil)
	r.Host = "localhost:8484"
	signer := Signer{AccessKeyID: vectorKey, Secret: vectorSecret, Region: "us-east-1", Service: "bedrock"}
	signer.SignPayload(r, PayloadEvents, testTime)
	c, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	id, err := testVerifier("").Verify(c, r, [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	seed, err := hex.DecodeString(id.Chain.Seed())
	if err != nil {
		t.Fatal(err)
	}
	sdk := v4.NewStreamSigner(aws.Credentials{AccessKeyID: vectorKey, SecretAccessKey: vectorSecret.Reveal()}, "bedrock", "us-east-1", seed)
	previous := id.Chain.Seed()
	for i := range 3 {
		at := testTime.Add(time.Duration(i) * 20 * time.Second) // the last is on the next day
		headers, payload := []byte("headers"), fmt.Appendf(nil, "event %d", i)
		want, err := sdk.GetSignature(t.Context(), headers, payload, at)
		if err != nil {
			t.Fatal(err)
		}
		h, p := sha256.Sum256(headers), sha256.Sum256(payload)
		got := hexMAC(id.Chain.SigningKey(at), Algorithm+"-PAYLOAD\n"+at.Format(timeFormat)+"\n"+id.Chain.Scope(at)+"\n"+
			previous+"\n"+hex.EncodeToString(h[:])+"\n"+hex.EncodeToString(p[:]))
		if got != hex.EncodeToString(want) {
			t.Errorf("event %d: got signature %s, want %x", i, got, want)
		}
		previous = got
	}
}

// TestOverHTTP verifies on both versions of the protocol what the SDK signs,
// since net/http keeps host and length apart from the other headers.
func TestOverHTTP(t *testing.T) {
	t.Parallel()
	v := testVerifier("")
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			var c *Credential
			if c, err = Parse(r); err == nil {
				_, err = v.Verify(c, r, sha256.Sum256(body))
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
		}
	})
	for _, name := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(handler)
			server.EnableHTTP2 = name == "HTTP/2.0"
			server.StartTLS()
			defer server.Close()
			for target, text := range targets {
				body := []byte(`{"a":1}`)
				hash := sha256.Sum256(body)
				r, err := http.NewRequest(http.MethodPost, server.URL+text, bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: vectorKey, SecretAccessKey: vectorSecret.Reveal()},
					r, hex.EncodeToString(hash[:]), "bedrock", "us-east-1", testTime)
				if err != nil {
					t.Fatal(err)
				}
				response, err := server.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				message, _ := io.ReadAll(response.Body)
				response.Body.Close()
				if response.StatusCode != http.StatusOK || response.Proto != name {
					t.Errorf("%s: got %s %s: %s", target, response.Proto, response.Status, message)
				}
			}
		})
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "/", nil)
	chain := Signer{AccessKeyID: vectorKey, Secret: vectorSecret, Region: "us-east-1", Service: "bedrock"}.SignPayload(r, PayloadEvents, testTime)
	credential := iam.Credential{Secret: vectorSecret, SessionToken: "token-text"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "chain", chain, "secret", credential.Secret, "credential", credential)
	encoded, err := json.Marshal(credential)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v %s", chain, chain, chain, chain),
		fmt.Sprintf("%v %+v %#v %q", credential, credential, credential, credential.Secret),
		log.String(), string(encoded),
	} {
		if strings.Contains(text, vectorSecret.Reveal()) || strings.Contains(text, "token-text") {
			t.Errorf("got a secret in %s", text)
		}
	}
}

func TestKeyCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newKeyCache(2)
	names := []keyName{{date: "1"}, {date: "2"}, {date: "3"}}
	c.put(names[0], [32]byte{1})
	c.put(names[1], [32]byte{2})
	if _, ok := c.get(names[0]); !ok {
		t.Error("got no first key, want it kept")
	}
	c.put(names[2], [32]byte{3}) // pushes out the second, which was used longest ago
	var kept []bool
	for _, n := range names {
		_, ok := c.get(n)
		kept = append(kept, ok)
	}
	if want := []bool{true, false, true}; !slices.Equal(kept, want) {
		t.Errorf("got kept %v, want %v", kept, want)
	}
}

func BenchmarkVerify(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 1024)
	r := httptest.NewRequest(http.MethodPost, "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream", nil)
	r.Host = "localhost:8484"
	r.Header.Set("Content-Type", "application/json")
	Signer{AccessKeyID: vectorKey, Secret: vectorSecret, Region: "us-east-1", Service: "bedrock"}.Sign(r, sha256.Sum256(body), testTime)
	v := testVerifier("")
	b.ReportAllocs()
	for b.Loop() {
		c, err := Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := v.Verify(c, r, sha256.Sum256(body)); err != nil {
			b.Fatal(err)
		}
	}
}
