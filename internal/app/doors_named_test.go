package app

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/appprofile"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/promptrouter"
)

// naming asks for something else than haiku.
func (g *visitor) naming(model string) *http.Request {
	g.Helper()
	door := g.door
	defer func() { g.door = door }()
	g.door.body = strings.ReplaceAll(door.body, haiku, model)
	r := g.request()
	if strings.HasPrefix(door.path, "/model/") {
		var err error
		if r.URL, err = url.Parse("/model/" + url.PathEscape(model) + "/converse"); err != nil {
			g.Fatal(err)
		}
		r.RequestURI = r.URL.RequestURI()
	}
	return r
}

// What calls name by ARN leads to its model at every door, and policies see it.
func TestNamedResourcesAtEveryDoor(t *testing.T) {
	t.Parallel()
	const source = "arn:aws:bedrock:us-east-1::foundation-model/" + haiku
	atEveryDoor(t, nil, func(g *visitor) {
		account, region := g.p.Config.Account, g.p.Config.Region
		profile, err := g.named.profiles.Create(g.Context(), appprofile.New{
			Account: account, Region: region, Name: "team", Body: appprofile.Lead{Source: haiku, Models: []string{source}},
		})
		if err != nil {
			g.Fatal(err)
		}
		router, err := g.named.routers.Create(g.Context(), promptrouter.New{
			Account: account, Region: region, Name: "cheap", Body: promptrouter.Setting{Models: []string{source}, Fallback: source},
		})
		if err != nil {
			g.Fatal(err)
		}
		for _, arn := range []string{profile.ARN, router.ARN} {
			w := httptest.NewRecorder()
			g.edge.ServeHTTP(w, g.naming(arn))
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "hello") || w.Header().Get("X-Outcrop-Served-By") == "" {
				g.Errorf("%s: got %d %s, want an answer", arn, w.Code, w.Body)
			}
		}
		for _, arn := range []string{profile.ARN[:len(profile.ARN)-4] + "aaaa", router.ARN[:len(router.ARN)-4] + "aaaa"} {
			w := httptest.NewRecorder()
			g.edge.ServeHTTP(w, g.naming(arn))
			if w.Code < 400 || w.Code >= 500 || !strings.Contains(w.Body.String(), g.door.code) {
				g.Errorf("%s, which there is not: got %d %s", arn, w.Code, w.Body)
			}
		}
	})
}

// Guardrails and prompts, which there are none of, are never passed over.
func TestGuardrailsAndPromptsAtEveryDoor(t *testing.T) {
	t.Parallel()
	const none = "The guardrail identifier or version provided in the request does not exist."
	doors := doorways()
	doors["InvokeModel"] = doorway{
		path: "/model/" + url.PathEscape(haiku) + "/invoke", code: `essage":"`,
		body: `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`,
	}
	doors["InvokeModelWithResponseStream"] = doorway{path: "/model/" + url.PathEscape(haiku) + "/invoke-with-response-stream", code: `essage":"`, body: doors["InvokeModel"].body}
	doors["embeddings"] = doorway{path: "/openai/v1/embeddings", code: `"error":{`, body: `{"model":"amazon.titan-embed-text-v2:0","input":"hello"}`}
	for name, door := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newVisitor(t, door, nil)
			for _, header := range []string{"X-Amzn-Bedrock-GuardrailIdentifier", "X-Amzn-Bedrock-GuardrailVersion"} {
				if name == "Converse" {
					continue // it has a member
				}
				r := g.request()
				r.Header.Set(header, "1")
				g.denied(r, http.StatusBadRequest, none)
			}
			if name == "Converse" {
				g.door.body = strings.Replace(hello, "{", `{"guardrailConfig":{"guardrailIdentifier":"abc123","guardrailVersion":"DRAFT"},`, 1)
				g.denied(g.request(), http.StatusBadRequest, none)
				g.door.body = strings.Replace(hello, "{", `{"promptVariables":{"a":{"text":"b"}},`, 1)
				g.denied(g.request(), http.StatusBadRequest, "promptVariables")
			}
			if strings.HasPrefix(name, "Invoke") {
				g.door.body = strings.Replace(door.body, "{", `{"amazon-bedrock-guardrailConfig":{"tagSuffix":"x"},`, 1)
				g.denied(g.request(), http.StatusBadRequest, "#: extraneous key [amazon-bedrock-guardrailConfig] is not permitted")
				g.door.body = door.body
			}
			if prompt := "arn:aws:bedrock:us-east-1:000000000000:prompt/ABCDEFGHIJ:1"; !strings.HasPrefix(name, "Invoke") && name != "embeddings" {
				g.denied(g.naming(prompt), http.StatusBadRequest, "does not resolve prompt ARNs")
			}
		})
	}
}

// A body that no model could read is refused in the vendor's words, and no model
// is asked.
func TestBodiesThatNoModelReads(t *testing.T) {
	t.Parallel()
	const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
	const cut, text = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptV", "aGVsbG8="
	chat := func(data string) string {
		return `"messages":[{"role":"user","content":[{"type":"text","text":"hello"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + data + `"}}]}]`
	}
	items := func(data string) string {
		return `"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,` + data + `"},{"type":"input_text","text":"hello"}]}]`
	}
	blocks := func(data string) string {
		return `"max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + data + `"}},{"type":"text","text":"hello"}]}]`
	}
	const calls = `{"role":"user","content":"hello"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	for _, tc := range []struct{ name, door, body, want string }{
		{"a picture", "chat completions", chat(png), ""},
		{"half a picture", "chat completions", chat(cut), `"You uploaded an unsupported image. Please make sure your image is valid.","type":"invalid_request_error","param":null,"code":"image_parse_error"`},
		{"no picture", "chat completions", chat(text), `['png', 'jpeg', 'gif', 'webp']."`},
		{"no UTF-8", "chat completions", "\"messages\":[{\"role\":\"user\",\"content\":\"hello\xff\"}]", "We could not parse the JSON body of your request."},
		{"an answer of a tool that nobody called", "chat completions", `"messages":[{"role":"user","content":"hello"},{"role":"tool","tool_call_id":"c1","content":"x"}]`,
			`message with 'tool_calls'.","type":"invalid_request_error","param":"messages[1].role"`},
		{"an answer of another call", "chat completions", `"messages":[` + calls + `,{"role":"tool","tool_call_id":"c2","content":"x"}]`, `"param":"messages[2].role"`},
		{"the same answer twice", "chat completions", `"messages":[` + calls + `,{"role":"tool","tool_call_id":"c1","content":"x"},{"role":"tool","tool_call_id":"c1","content":"x"}]`, `"param":"messages[3].role"`},
		{"a call without an answer", "chat completions", `"messages":[` + calls + `,{"role":"user","content":"well?"}]`, "The following tool_call_ids did not have response messages: c1"},
		{"a call at the end", "chat completions", `"messages":[` + calls + `]`, `"param":"messages[1]"`},
		{"a call with its answer", "chat completions", `"messages":[` + calls + `,{"role":"tool","tool_call_id":"c1","content":"x"},{"role":"user","content":"hello"}]`, ""},
		{"a picture", "responses", items(png), ""},
		{"half a picture", "responses", items(cut), `"code":"image_parse_error"`},
		{"no picture", "responses", items(text), `"code":"invalid_image_format"`},
		{"no UTF-8", "responses", "\"input\":\"hello\xff\"", "We could not parse the JSON body of your request."},
		{"an output of nothing", "responses", `"input":[{"type":"function_call_output","call_id":"c1","output":"x"}]`, "No tool call found for function call output with call_id c1."},
		{"a picture", "messages", blocks(png), ""},
		{"half a picture", "messages", blocks(cut), "messages.0.content.0.image: Could not process image"},
		{"no picture", "messages", blocks(text), "messages.0.content.0.image: Could not process image"},
		{"no UTF-8", "messages", "\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hello\xff\"}]", "The request body is not valid JSON: it is not valid UTF-8."},
		{"a result of nothing", "messages", `"max_tokens":9,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"x"}]}]`, "unexpected `tool_use_id` found in `tool_result` blocks: c1."},
	} {
		t.Run(tc.door+"/"+tc.name, func(t *testing.T) {
			t.Parallel()
			door := doorways()[tc.door]
			door.body = `{"model":"` + haiku + `",` + tc.body + `}`
			g := newVisitor(t, door, nil)
			if tc.want == "" {
				g.answers(tc.name)
			} else {
				g.denied(g.request(), http.StatusBadRequest, tc.want)
			}
		})
	}
}

// Models that Bedrock has behind the Responses API alone answer there where the
// operator leads them to a backend, and are refused by name elsewhere.
func TestModelsOfTheResponsesAPI(t *testing.T) {
	t.Parallel()
	const model = "openai.gpt-5.6-cyber"
	want := map[string]string{
		"chat completions": "The model '" + model + "' does not support the '/v1/chat/completions' API",
		"messages":         "Use the Responses API of the OpenAI-compatible endpoint instead.",
		"Converse":         "Use the Responses API of the OpenAI-compatible endpoint instead.",
	}
	atEveryDoor(t, func(cfg *config.Config) {
		cfg.Routes = append(cfg.Routes, config.Route{Match: model, Model: "llamacpp/any"})
	}, func(g *visitor) {
		for name, text := range want {
			if g.door.path == doorways()[name].path {
				g.denied(g.naming(model), http.StatusBadRequest, text)
				return
			}
		}
		w := httptest.NewRecorder()
		g.edge.ServeHTTP(w, g.naming(model))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "hello") {
			g.Errorf("got %d %s, want an answer", w.Code, w.Body)
		}
	})
}

// denied asks and holds the answer to be an error.
func (g *visitor) denied(r *http.Request, status int, text string) {
	g.Helper()
	w := httptest.NewRecorder()
	g.edge.ServeHTTP(w, r)
	if w.Code != status || !strings.Contains(w.Body.String(), g.door.code) || !strings.Contains(w.Body.String(), text) {
		g.Errorf("%s with %v: got %d %s, want %d %s", r.URL, r.Header, w.Code, w.Body, status, text)
	}
}
