// Package anthropic is the adapter for servers that speak Anthropic's Messages
// API: Anthropic's own, and vLLM, llama-server, LiteLLM and others that have it
// beside their own.
//
// It translates with package messages and asks with package remote; it retries
// nothing and knows no other adapter. Answers are always streamed from the
// server, so that cancellation and times hold for each piece. Native bodies of
// Claude go to the server as they are.
package anthropic

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/messages"
)

// Params describe a server.
type Params struct {
	// Client asks the server, with its key. The Backend closes it.
	Client *remote.Client
	// Name is the backend's, for messages.
	Name string
	// URL is the client's. Where its path does not end with a version of the API,
	// the paths of the requests begin with /v1.
	URL string
	// Models are names for the server's models.
	Models map[string]string
	// Links lets the server fetch media from the addresses that callers name, also
	// where it is not a vendor's own.
	Links bool
	Now   func() time.Time // time.Now when nil
}

// Backend asks one server. It is safe for concurrent use.
type Backend struct {
	p      Params
	prefix string
	closed atomic.Bool
	// vendor: the server is in nobody's own network, and may fetch what a request
	// names. Others would do so from within, unless the operator lets them.
	vendor bool
}

var (
	_ inference.Backend      = (*Backend)(nil)
	_ inference.TokenCounter = (*Backend)(nil)
	_ inference.Describer    = (*Backend)(nil)
	_ inference.Prober       = (*Backend)(nil)
	_ inference.Invoker      = (*Backend)(nil)
)

// version is that of the API, which is a header.
const version = "2023-06-01"

// vendors are the hosts that offer Claude to everybody.
var vendors = regexp.MustCompile(`(?i)(^|\.)(anthropic\.com|services\.ai\.azure\.com)$`)

// ask sends a request for an answer, or for its tokens.
func (b *Backend) ask(ctx context.Context, path string, betas []string, body []byte) (*remote.Response, error) {
	if !b.vendor && messages.Links(body) {
		return nil, fault.New(fault.Unsupported, "The model that serves this request does not fetch media: put them into the request.")
	}
	return b.do(ctx, http.MethodPost, path, betas, body)
}

// versioned ends the path of a URL that names the API's version.
var versioned = regexp.MustCompile(`/v\d+$`)

// New returns a Backend. It asks nothing.
func New(p Params) (*Backend, error) {
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil, errors.New("the URL is not one") // it may hold a secret
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	b := &Backend{p: p, vendor: p.Links || vendors.MatchString(u.Hostname())}
	if !versioned.MatchString(strings.TrimSuffix(u.Path, "/")) {
		b.prefix = "/v1"
	}
	return b, nil
}

// do asks for a path below the API's version. The answer is closed by the caller.
func (b *Backend) do(ctx context.Context, method, path string, betas []string, body []byte) (*remote.Response, error) {
	return b.p.Client.Do(ctx, method, b.prefix+path, header(betas), body)
}

// Close implements inference.Backend.
func (b *Backend) Close() error {
	b.closed.Store(true)
	return b.p.Client.Close()
}

// goesOn returns why an answer must not go on, though more of it may be here
// already.
func (b *Backend) goesOn(ctx context.Context) error {
	if b.closed.Load() {
		return fault.New(fault.Unavailable, "The backend %s is being stopped.", b.p.Name)
	}
	return ctx.Err()
}

// Generate implements inference.Backend.
func (b *Backend) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	start := b.p.Now()
	if err := check(req); err != nil {
		return err
	}
	model := b.model(req.Model)
	body, err := messages.EncodeRequest(fitted(req), messages.EncodeOptions{
		Model: model, Stream: true, MaxTokens: mostTokens(model), NoEffort: !knowsEffort(model), BetasApart: true,
	})
	if err != nil {
		return err
	}
	response, err := b.ask(ctx, "/messages", betas(req), body)
	if err != nil {
		return err
	}
	defer func() { _ = response.Close() }()
	send := func(ev inference.Event) error {
		if err := b.goesOn(ctx); err != nil {
			return err
		}
		if done, ok := ev.(inference.Finished); ok {
			done.Elapsed = max(b.p.Now().Sub(start), 0)
			ev = done
		}
		return emit(ev)
	}
	if response.Is("application/json") { // a server that does not stream
		answer, err := response.JSON()
		if err != nil {
			return err
		}
		return messages.DecodeAnswer(answer, send)
	}
	d := messages.NewDecoder(send)
	err = response.Events(func(event string, data []byte) error {
		if err := b.failure(event, data); err != nil {
			return err
		}
		if err := d.Chunk(data); err != nil {
			return err
		}
		if d.Over() {
			return remote.Stop
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.End()
}

// check refuses what no server of this API takes; the rest is the server's own
// business.
func check(req *inference.Request) error {
	switch {
	case req.MaxTokens < 0:
		return fault.New(fault.Invalid, "max_tokens: must be greater than or equal to 1")
	case req.Temperature != nil && *req.Temperature < 0:
		return fault.New(fault.Invalid, "temperature: Input should be greater than or equal to 0")
	case req.TopP != nil && (*req.TopP < 0 || *req.TopP > 1):
		return fault.New(fault.Invalid, "top_p: Input should be between 0 and 1")
	case req.TopK != nil && *req.TopK < 0:
		return fault.New(fault.Invalid, "top_k: Input should be greater than or equal to 0")
	}
	return nil
}

// fitted is a request as servers of this API take it, where callers of other APIs
// cannot know: an answer that the model goes on with does not end with space, and
// the ids of calls are of letters, digits, _ and -.
func fitted(req *inference.Request) *inference.Request {
	copied := *req
	copied.Messages = slices.Clone(req.Messages)
	for i, m := range copied.Messages {
		if slices.ContainsFunc(m.Parts, badID) {
			copied.Messages[i].Parts = withIDs(m.Parts)
		}
	}
	n := len(copied.Messages)
	if n == 0 || copied.Messages[n-1].Role != inference.RoleAssistant || len(copied.Messages[n-1].Parts) == 0 {
		return &copied
	}
	parts := slices.Clone(copied.Messages[n-1].Parts)
	if text, ok := parts[len(parts)-1].(inference.Text); ok {
		parts[len(parts)-1] = inference.Text{Text: strings.TrimRight(text.Text, " \t\r\n")}
	}
	copied.Messages[n-1].Parts = parts
	return &copied
}

// others are the characters that ids do not have.
var others = regexp.MustCompile(`[^a-zA-Z0-9_-]`)

func badID(p inference.Part) bool {
	switch p := p.(type) {
	case inference.ToolUse:
		return others.MatchString(p.ID)
	case inference.ToolResult:
		return others.MatchString(p.ID)
	}
	return false
}

func withIDs(parts []inference.Part) []inference.Part {
	parts = slices.Clone(parts)
	for i, p := range parts {
		switch p := p.(type) {
		case inference.ToolUse:
			p.ID = others.ReplaceAllLiteralString(p.ID, "_")
			parts[i] = p
		case inference.ToolResult:
			p.ID = others.ReplaceAllLiteralString(p.ID, "_")
			parts[i] = p
		}
	}
	return parts
}

// model is the server's name for one.
func (b *Backend) model(name string) string { return cmp.Or(b.p.Models[name], name) }

// statuses are those of the errors that come in the middle of a stream, where
// there is no status any more.
var statuses = map[string]int{ //nolint:gochecknoglobals // a constant table
	messages.ErrorInvalid: http.StatusBadRequest, messages.ErrorAuthentication: http.StatusUnauthorized, messages.ErrorBilling: http.StatusForbidden,
	messages.ErrorPermission: http.StatusForbidden, messages.ErrorNotFound: http.StatusNotFound, messages.ErrorTooLarge: http.StatusRequestEntityTooLarge,
	messages.ErrorRateLimit: http.StatusTooManyRequests, messages.ErrorTimeout: http.StatusGatewayTimeout, messages.ErrorOverloaded: statusOverloaded,
}

// statusOverloaded is Anthropic's own.
const statusOverloaded = 529

// failure is the fault of an error event, nil for any other event.
func (b *Backend) failure(event string, data []byte) error {
	if event != "error" && messages.EventName(data) != "error" {
		return nil
	}
	said := remote.Read(data)
	status, ok := statuses[said.Type]
	if !ok {
		status = http.StatusInternalServerError
	}
	return b.p.Client.Refused(status, nil, said)
}

// header is that of one request.
func header(betas []string) http.Header {
	h := http.Header{"Anthropic-Version": {version}}
	if len(betas) > 0 {
		h["Anthropic-Beta"] = []string{strings.Join(betas, ",")}
	}
	return h
}

func betas(req *inference.Request) []string {
	if req.Dialect != messages.Dialect {
		return nil
	}
	var list []string
	_ = json.Unmarshal(req.Extra["anthropic_beta"], &list) // what is no list is none
	return list
}

// The generations of Claude, by the names of their models, which are Anthropic's
// or a proxy's with something in front.
var (
	claude    = regexp.MustCompile(`claude-`)
	claude3   = regexp.MustCompile(`claude-3-(opus|sonnet|haiku)`)
	claude35  = regexp.MustCompile(`claude-3-5-`)
	effortful = regexp.MustCompile(`claude-(opus-4-[5-9]|[a-z]+-4-[6-9]|[a-z]+-([5-9]|\d\d))`)
)

// knowsEffort tells whether a model takes output_config.effort.
func knowsEffort(model string) bool { return effortful.MatchString(model) }

// mostTokens is what max_tokens is when the caller says nothing: as many as any
// model of the generation makes.
func mostTokens(model string) int {
	const k = 1024
	switch {
	case claude3.MatchString(model):
		return 4 * k
	case claude35.MatchString(model):
		return 8 * k
	case claude.MatchString(model):
		return 32 * k
	}
	return 4 * k
}

// CountTokens implements inference.TokenCounter.
func (b *Backend) CountTokens(ctx context.Context, req *inference.Request) (int, error) {
	body, err := messages.EncodeRequest(fitted(req), messages.EncodeOptions{
		Model: b.model(req.Model), Count: true, NoEffort: !knowsEffort(b.model(req.Model)), BetasApart: true,
	})
	if err != nil {
		return 0, err
	}
	response, err := b.ask(ctx, "/messages/count_tokens", betas(req), body)
	if err != nil {
		if noPath(err) {
			return 0, fault.Wrap(fault.Unsupported, err, "The backend %s does not count tokens.", b.p.Name)
		}
		return 0, err
	}
	defer func() { _ = response.Close() }()
	answer, err := response.JSON()
	if err != nil {
		return 0, err
	}
	n, ok := messages.DecodeCount(answer)
	if !ok {
		return 0, fault.New(fault.Upstream, "The backend %s answered in a form that is not Anthropic's.", b.p.Name)
	}
	return n, nil
}

// noPath tells whether a server does not have an operation at all.
func noPath(err error) bool {
	r, ok := errors.AsType[*remote.Refusal](err)
	return ok && (r.Status == http.StatusNotFound && !r.Known || r.Status == http.StatusMethodNotAllowed || r.Status == http.StatusNotImplemented)
}

// claudeWindow is the context window of every Claude since the third.
const claudeWindow = 200_000

// Describe implements inference.Describer. Where the server says nothing of the
// model, its name alone speaks.
func (b *Backend) Describe(ctx context.Context, model string) (*inference.ModelInfo, error) {
	name := b.model(model)
	info := &inference.ModelInfo{Name: model, Family: family(name)}
	if claude.MatchString(name) {
		info.ContextWindow = claudeWindow
	}
	said, err := b.described(ctx, name)
	if err != nil {
		return nil, err
	}
	info.ContextWindow = cmp.Or(said.MaxInputTokens, said.MaxModelLen, said.Meta.Context, info.ContextWindow)
	info.Parameters = said.Meta.Parameters
	return info, nil
}

// described is what a server says of a model.
type described struct {
	ID             string `json:"id"`
	MaxInputTokens int    `json:"max_input_tokens"` // Anthropic's
	MaxModelLen    int    `json:"max_model_len"`    // vLLM's
	Meta           struct {
		Context    int   `json:"n_ctx_train"` // llama-server's
		Parameters int64 `json:"n_params"`
	} `json:"meta"`
}

// described asks for a model, and for the list when the server does not have it:
// servers without single models, or without any list, say of each model that it
// is not there.
func (b *Backend) described(ctx context.Context, name string) (*described, error) {
	one := new(described)
	err := b.get(ctx, "/models/"+url.PathEscape(name), one)
	if err == nil || !missing(err) {
		return one, err
	}
	var list struct {
		Data []described `json:"data"`
	}
	switch listed := b.get(ctx, "/models", &list); {
	case missing(listed):
		return new(described), nil
	case listed != nil:
		return nil, listed
	}
	for i := range list.Data {
		if list.Data[i].ID == name {
			return &list.Data[i], nil
		}
	}
	if len(list.Data) == 0 || b.get(ctx, "/models/"+url.PathEscape(list.Data[0].ID), new(described)) == nil {
		return nil, err
	}
	if len(list.Data) == 1 { // it answers whatever name it is called by
		return &list.Data[0], nil
	}
	return new(described), nil
}

// missing tells whether a server does not have a path.
func missing(err error) bool { return noPath(err) || remote.StatusOf(err) == http.StatusNotFound }

// get asks for JSON.
func (b *Backend) get(ctx context.Context, path string, into any) error {
	response, err := b.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Close() }()
	body, err := response.JSON()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fault.Wrap(fault.Upstream, err, "The backend %s answered in a form that is not Anthropic's.", b.p.Name)
	}
	return nil
}

// family is the beginning of a model's name: "claude", "qwen3".
func family(name string) string {
	name = strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
	if claude.MatchString(name) {
		return "claude"
	}
	name, _, _ = strings.Cut(name, "-")
	return name
}

// Probe implements inference.Prober. A server that has no list of models, but
// answers, is there.
func (b *Backend) Probe(ctx context.Context) error {
	response, err := b.do(ctx, http.MethodGet, "/models", nil, nil)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return response.Close()
}
