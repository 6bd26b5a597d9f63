package app

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// signed makes one request as root.
func signed(t *testing.T, a *App, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Signer{AccessKeyID: a.root.AccessKeyID, Secret: a.root.Secret, Region: "us-east-1", Service: "bedrock"}.
		Sign(r, sigv4.BodyHash([]byte(body)), time.Now())
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

// TestModelAccess takes the way of an account that wants a model: denied, form,
// offer, document, agreement, approval, answer.
func TestModelAccess(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, func(cfg *config.Config) { cfg.Access = "approval" })
	url := start(t, a)
	const model = "anthropic.claude-3-haiku-20240307-v1:0"
	want := func(method, path, body string, status int, text string) string {
		t.Helper()
		got, answer := signed(t, a, method, url+path, body)
		if got != status || !strings.Contains(answer, text) {
			t.Errorf("%s %s: got %d %s, want %d %s", method, path, got, answer, status, text)
		}
		return answer
	}
	availability := "/foundation-model-availability/" + strings.ReplaceAll(model, ":", "%3A")
	want("POST", converse, hello, 404, "Model use case details have not been submitted for this account.")
	want("GET", availability, "", 200, `"agreementAvailability":{"status":"NOT_AVAILABLE"}`)
	offers := want("GET", "/list-foundation-model-agreement-offers/"+strings.ReplaceAll(model, ":", "%3A"), "", 200, `"legalTerm":{"url":"`+url+`/model-terms/`)
	var list struct {
		Offers []struct {
			OfferToken  string
			TermDetails struct{ LegalTerm struct{ URL string } }
		}
	}
	if err := json.Unmarshal([]byte(offers), &list); err != nil || len(list.Offers) != 1 {
		t.Fatalf("offers: %v in %s", err, offers)
	}
	response, err := http.Get(list.Offers[0].TermDetails.LegalTerm.URL)
	if err != nil {
		t.Fatal(err)
	}
	document, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if response.StatusCode != http.StatusOK || !strings.Contains(string(document), "Terms for the model "+model) || !strings.Contains(string(document), "stands in for it") {
		t.Errorf("the document: got %s %s", response.Status, document)
	}
	accept := `{"modelId":"` + model + `","offerToken":"` + list.Offers[0].OfferToken + `"}`
	want("POST", "/create-foundation-model-agreement", accept, 400, "Submit them with PutUseCaseForModelAccess")
	want("GET", "/use-case-for-model-access", "", 404, "have not been submitted")
	want("POST", "/use-case-for-model-access", `{"formData":"eyJjb21wYW55TmFtZSI6IkV4YW1wbGUifQ=="}`, 201, "")
	want("GET", "/use-case-for-model-access", "", 200, "eyJjb21wYW55TmFtZSI6IkV4YW1wbGUifQ==")
	want("POST", converse, hello, 403, `{"message":"You don't have access to the model with the specified model ID."}`)
	want("POST", "/create-foundation-model-agreement", `{"modelId":"`+model+`","offerToken":"guessed"}`, 400, "offer token is not valid")
	want("POST", "/create-foundation-model-agreement", accept, 202, model)
	want("GET", availability, "", 200, `"agreementAvailability":{"status":"PENDING"}`)
	want("POST", converse, hello, 403, "You don't have access")
	if _, err := a.access.Grant(t.Context(), "000000000000", "us-east-1", model); err != nil {
		t.Fatal(err)
	}
	want("GET", availability, "", 200, `"agreementAvailability":{"status":"AVAILABLE"}`)
	want("POST", converse, hello, 200, `{"text":"hello"}`)
	want("POST", "/delete-foundation-model-agreement", `{"modelId":"`+model+`"}`, 202, "")
	want("POST", "/delete-foundation-model-agreement", `{"modelId":"`+model+`"}`, 404, "There is no agreement")
	want("POST", converse, hello, 403, "You don't have access")
	if _, err := a.access.Deny(t.Context(), "000000000000", "us-east-1", model, "Ask the platform team."); err != nil {
		t.Fatal(err)
	}
	want("GET", availability, "", 200, `"errorMessage":"The request for access to this model was denied. Ask the platform team."`)
	if response, err := http.Get(url + "/model-terms/nothing"); err != nil || response.StatusCode != http.StatusNotFound {
		t.Errorf("terms of a model that there is not: got %v, %v", response, err)
	}
}
