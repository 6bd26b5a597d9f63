package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// A policy of a resource lets in who has no policies of their own, and keeps out
// who has.
func TestResourcePolicies(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, nil)
	server := start(t, a)
	user := func(name string, policies ...string) sigv4.Signer {
		t.Helper()
		if _, err := a.directory.CreateUser(t.Context(), directory.NewUser{Name: name}); err != nil {
			t.Fatal(err)
		}
		for _, p := range policies {
			if err := a.directory.AttachUserPolicy(t.Context(), name, p); err != nil {
				t.Fatal(err)
			}
		}
		key, secret, err := a.credentials.CreateAccessKey(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return sigv4.Signer{AccessKeyID: key.ID, Secret: secret, Region: "us-east-1", Service: "bedrock"}
	}
	admin := user("admin", "arn:aws:iam::aws:policy/AdministratorAccess")
	bob := user("bob")
	send := func(s sigv4.Signer, method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		s.Sign(r, sigv4.BodyHash([]byte(body)), time.Now())
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(answer)
	}
	want := func(s sigv4.Signer, method, path, body string, status int, text string) string {
		t.Helper()
		got, answer := send(s, method, path, body)
		if got != status || !strings.Contains(answer, text) {
			t.Errorf("%s %s: got %d %s, want %d %s", method, path, got, answer, status, text)
		}
		return answer
	}
	var made struct{ ProvisionedModelArn string }
	answer := want(admin, "POST", "/provisioned-model-throughput", `{"provisionedModelName":"p","modelId":"amazon.nova-micro-v1:0","modelUnits":1}`, 201, "provisionedModelArn")
	if err := json.Unmarshal([]byte(answer), &made); err != nil {
		t.Fatal(err)
	}
	arn := made.ProvisionedModelArn
	model := "/model/" + url.PathEscape(arn) + "/converse"
	policyOf := "/resource-policy/" + url.PathEscape(arn)
	put := func(policy string) string {
		body, err := json.Marshal(map[string]string{"resourceArn": arn, "resourcePolicy": policy})
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	const (
		allowBob  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/bob"},"Action":"bedrock:InvokeModel","Resource":"*"}}`
		denyAdmin = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::000000000000:user/admin"},"Action":"bedrock:InvokeModel","Resource":"*"}}`
	)
	want(bob, "POST", model, hello, 403, "because no identity-based policy allows the bedrock:InvokeModel action")
	want(admin, "POST", model, hello, 200, "hello")
	want(bob, "POST", "/resource-policy", put(allowBob), 403, "bedrock:PutResourcePolicy")
	want(admin, "GET", policyOf, "", 404, "has no resource policy")
	want(admin, "POST", "/resource-policy", put(allowBob), 201, arn)
	want(admin, "GET", policyOf, "", 200, "user/bob")
	want(bob, "POST", model, hello, 200, "hello")
	want(admin, "POST", "/resource-policy", put(denyAdmin), 201, arn)
	want(bob, "POST", model, hello, 403, "because no identity-based policy allows")
	want(admin, "POST", model, hello, 403, "with an explicit deny in a resource-based policy")
	want(admin, "POST", "/resource-policy", put("{"), 400, "The resource policy is malformed")
	want(admin, "POST", "/resource-policy", strings.ReplaceAll(put(allowBob), arn, arn[:len(arn)-3]+"xxx"), 400, "does not exist")
	want(admin, "DELETE", policyOf, "", 200, "")
	want(admin, "DELETE", policyOf, "", 404, "has no resource policy")
	want(admin, "POST", model, hello, 200, "hello")
	want(admin, "DELETE", "/provisioned-model-throughput/"+url.PathEscape(arn), "", 200, "")
	want(admin, "GET", policyOf, "", 404, "does not exist")
}
