package client_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/client"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/sigv4"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
)

const (
	accessKey = "AKIAOUTCROPCLIENT001"
	secretKey = "the secret of the client's tests"
)

type keySource struct{}

func (keySource) Lookup(id, _ string) (iam.Credential, error) {
	if id != accessKey {
		return iam.Credential{}, iam.ErrUnknownKey()
	}
	return iam.Credential{Secret: secretKey}, nil
}

// serve answers with what handle writes, after it has verified the signature.
func serve(t *testing.T, handle func(w http.ResponseWriter, method, path, body string)) *client.Client {
	t.Helper()
	verifier := sigv4.New(sigv4.Params{Keys: keySource{}, Now: time.Now, Services: []string{"bedrock"}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		credential, err := sigv4.Parse(r)
		if err == nil {
			_, err = verifier.Verify(credential, r, sha256.Sum256(body))
		}
		if err != nil {
			t.Errorf("signature of %s %s: %v", r.Method, r.URL, err)
		}
		handle(w, r.Method, r.URL.EscapedPath(), string(body))
	}))
	t.Cleanup(server.Close)
	return client.New(client.Params{Endpoint: server.URL, Region: "us-east-1", AccessKeyID: accessKey, SecretAccessKey: secretKey})
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	var asked []string
	c := serve(t, func(w http.ResponseWriter, method, path, body string) {
		asked = append(asked, method+" "+path+" "+body)
		if len(asked) == 1 {
			_, _ = io.WriteString(w, `{"knowledgeBaseSummaries":[{"knowledgeBaseId":"AAAAAAAAAA","name":"a"}],"nextToken":"more"}`)
			return
		}
		_, _ = io.WriteString(w, `{"knowledgeBaseSummaries":[{"knowledgeBaseId":"BBBBBBBBBB","name":"b"}]}`)
	})
	bases, err := c.KnowledgeBases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []client.KnowledgeBase{{ID: "AAAAAAAAAA", Name: "a"}, {ID: "BBBBBBBBBB", Name: "b"}}
	if diff := cmp.Diff(want, bases); diff != "" {
		t.Errorf("bases (-want +got):\n%s", diff)
	}
	wantAsked := []string{`POST /knowledgebases/ {"maxResults":1000}`, `POST /knowledgebases/ {"maxResults":1000,"nextToken":"more"}`}
	if diff := cmp.Diff(wantAsked, asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		call         func(*client.Client) error
		want, answer string
	}{
		{"create", func(c *client.Client) error {
			_, err := c.CreateKnowledgeBase(t.Context(), client.CreateKnowledgeBaseInput{Name: "a", RoleARN: "arn:aws:iam::000000000000:role/r", Configuration: client.Configuration{
				Type: "VECTOR", Vector: &client.VectorConfiguration{EmbeddingModelARN: "arn:aws:bedrock:us-east-1::foundation-model/m"},
			}})
			return err
		}, `PUT /knowledgebases/ {"name":"a","roleArn":"arn:aws:iam::000000000000:role/r","knowledgeBaseConfiguration":{"type":"VECTOR","vectorKnowledgeBaseConfiguration":{"embeddingModelArn":"arn:aws:bedrock:us-east-1::foundation-model/m"}}}`, `{"knowledgeBase":{}}`},
		{"delete", func(c *client.Client) error { return c.DeleteKnowledgeBase(t.Context(), "AAAAAAAAAA") }, `DELETE /knowledgebases/AAAAAAAAAA `, `{}`},
		{"path that must be escaped", func(c *client.Client) error {
			_, err := c.KnowledgeBase(t.Context(), "a/b:c d")
			return err
		}, `GET /knowledgebases/a%2Fb:c%20d `, `{"knowledgeBase":{}}`},
		{"start a job", func(c *client.Client) error { _, err := c.StartJob(t.Context(), "K", "D"); return err }, `PUT /knowledgebases/K/datasources/D/ingestionjobs/ {}`, `{"ingestionJob":{}}`},
		{"documents", func(c *client.Client) error { _, err := c.Documents(t.Context(), "K", "D"); return err }, `POST /knowledgebases/K/datasources/D/documents {"maxResults":1000}`, `{"documentDetails":[]}`},
		{"search", func(c *client.Client) error {
			_, err := c.Retrieve(t.Context(), "K", client.RetrieveInput{Query: client.Query{Text: "q"}, Configuration: client.Retrieval{
				Vector: client.VectorSearch{Results: 3, Type: "HYBRID", Filter: json.RawMessage(`{"equals":{"key":"a","value":1}}`)},
			}})
			return err
		}, `POST /knowledgebases/K/retrieve {"retrievalQuery":{"text":"q"},"retrievalConfiguration":{"vectorSearchConfiguration":{"numberOfResults":3,"overrideSearchType":"HYBRID","filter":{"equals":{"key":"a","value":1}}}}}`, `{"retrievalResults":[]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got string
			c := serve(t, func(w http.ResponseWriter, method, path, body string) {
				got = method + " " + path + " " + body
				_, _ = io.WriteString(w, tt.answer)
			})
			if err := tt.call(c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLatestJob(t *testing.T) {
	t.Parallel()
	answer := `{"ingestionJobSummaries":[]}`
	c := serve(t, func(w http.ResponseWriter, _, _, _ string) { _, _ = io.WriteString(w, answer) })
	if job, err := c.LatestJob(t.Context(), "K", "D"); job != nil || err != nil {
		t.Errorf("without jobs: got %v, %v, want neither", job, err)
	}
	answer = `{"ingestionJobSummaries":[{"ingestionJobId":"J","status":"COMPLETE"}]}`
	job, err := c.LatestJob(t.Context(), "K", "D")
	if err != nil || job.ID != "J" || !job.Ended() {
		t.Errorf("got %+v, %v, want J, which has ended", job, err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, header, body string
		status             int
		want               client.Error
	}{
		{"of the service", "ResourceNotFoundException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"No such base."}`, 404, client.Error{Code: "ResourceNotFoundException", Message: "No such base.", Status: 404}},
		{"of its front", "AccessDeniedException", `{"Message":"No."}`, 403, client.Error{Code: "AccessDeniedException", Message: "No.", Status: 403}},
		{"of something else", "", "<html>", 502, client.Error{Code: "502 Bad Gateway", Status: 502}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, _, _, _ string) {
				if tt.header != "" {
					w.Header().Set("X-Amzn-Errortype", tt.header)
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := c.KnowledgeBase(t.Context(), "AAAAAAAAAA")
			var got *client.Error
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want an exception", err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("exception (-want +got):\n%s", diff)
			}
			if !client.IsCode(err, tt.want.Code) || client.IsCode(err, "OtherException") {
				t.Errorf("IsCode: got it wrong for %v", err)
			}
		})
	}
}

func TestAnswerThatMakesNoSense(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{}", "[]", `{"knowledgeBase":7}`} {
		c := serve(t, func(w http.ResponseWriter, _, _, _ string) { _, _ = io.WriteString(w, body) })
		if base, err := c.KnowledgeBase(t.Context(), "AAAAAAAAAA"); err == nil {
			t.Errorf("%q: got %+v, want an error", body, base)
		}
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c := client.New(client.Params{Endpoint: server.URL, Region: "us-east-1", AccessKeyID: accessKey, SecretAccessKey: secretKey})
	if _, err := c.KnowledgeBases(t.Context()); !errors.Is(err, client.ErrNoServer) {
		t.Errorf("got %v, want ErrNoServer", err)
	}
}

func TestServerThatGoesAway(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		until func(w http.ResponseWriter) // what is answered before
		want  string
	}{
		{"before it answers", func(http.ResponseWriter) {}, "the server ended the connection to "},
		{"in the answer", func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"base`)
			w.(http.Flusher).Flush()
		}, ": the server ended the connection to "},
		{"in an exception", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadRequest)
			w.(http.Flusher).Flush()
		}, "read the answer: the server ended the connection to "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, _, _, _ string) {
				tt.until(w)
				panic(http.ErrAbortHandler)
			})
			_, callErr := c.KnowledgeBase(t.Context(), "AAAAAAAAAA")
			_, streamErr := c.Ask(t.Context(), client.AskInput{}, func(string) error { return nil })
			for _, err := range []error{callErr, streamErr} {
				if !errors.Is(err, client.ErrHungUp) || !strings.Contains(err.Error(), tt.want+c.Endpoint()) {
					t.Errorf("got %v, want %s%s", err, tt.want, c.Endpoint())
				}
			}
		})
	}
}

// frames makes a stream of pairs of event name and payload. A name with a "!"
// is an exception's.
func frames(t *testing.T, pairs ...[2]string) []byte {
	t.Helper()
	var out []byte
	for _, p := range pairs {
		headers := eventstream.EventHeaders(p[0], "application/json")
		if name, ok := strings.CutPrefix(p[0], "!"); ok {
			headers = eventstream.ExceptionHeaders(name, "application/json")
		}
		var err error
		if out, err = eventstream.Append(out, headers, []byte(p[1])); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestAsk(t *testing.T) {
	t.Parallel()
	const citation = `{"generatedResponsePart":{"textResponsePart":{"text":"Thirty days.","span":{"start":0,"end":11}}},"retrievedReferences":[{"content":{"text":"…"},"location":{"type":"S3","s3Location":{"uri":"s3://b/refunds.md"}},"metadata":{"x-amz-bedrock-kb-document-page-number":2.0}},{"content":{"text":"…"},"location":{"type":"S3","s3Location":{"uri":"s3://b/refunds.md"}}},{"content":{"text":"…"},"location":{"type":"CUSTOM","customDocumentLocation":{"id":"file:///a.txt"}}}]}`
	stream := frames(t, [2]string{"output", `{"text":"Thirty "}`}, [2]string{"output", `{"text":"days."}`},
		[2]string{"citation", citation}, [2]string{"citation", `{"citation":` + citation + `}`}, [2]string{"guardrail", `{"action":"NONE"}`})
	for _, tt := range []struct {
		name   string
		stream []byte
		err    string
	}{
		{"whole", stream, ""},
		{"with an exception at its end", append(slices.Clone(stream), frames(t, [2]string{"!throttlingException", `{"message":"Slower."}`})...), "ThrottlingException: Slower."},
		{"cut off", append(slices.Clone(stream), stream[:20]...), "read the stream"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, _, path, _ string) {
				if path != "/retrieveAndGenerateStream" {
					t.Errorf("path: got %s", path)
				}
				w.Header().Set("X-Amzn-Bedrock-Knowledge-Base-Session-Id", "a-session")
				_, _ = w.Write(tt.stream)
			})
			var pieces []string
			answer, err := c.Ask(t.Context(), client.AskInput{Input: client.Query{Text: "How long?"}}, func(text string) error {
				pieces = append(pieces, text)
				return nil
			})
			switch {
			case tt.err == "" && err != nil:
				t.Fatal(err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("got %v, want %s", err, tt.err)
			}
			if diff := cmp.Diff([]string{"Thirty ", "days."}, pieces); diff != "" {
				t.Errorf("pieces (-want +got):\n%s", diff)
			}
			if answer.SessionID != "a-session" || answer.Output.Text != "Thirty days." || len(answer.Citations) != 2 {
				t.Fatalf("answer: got %+v", answer)
			}
			if diff := cmp.Diff([]string{"s3://b/refunds.md", "file:///a.txt"}, answer.Sources()); diff != "" {
				t.Errorf("sources (-want +got):\n%s", diff)
			}
			references := answer.Citations[1].References
			if page, ok := references[0].Page(); page != 3 || !ok {
				t.Errorf("page: got %d, %v, want 3", page, ok)
			}
			if page, ok := references[1].Page(); ok {
				t.Errorf("page of a passage without one: got %d", page)
			}
		})
	}
}
