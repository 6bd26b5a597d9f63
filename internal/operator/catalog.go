package operator

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/price"
	"github.com/outcrop/outcrop/internal/router"
)

// Catalog is what a region offers.
type Catalog struct {
	Region string         `json:"region"`
	Models []CatalogModel `json:"models"`
}

// CatalogModel is a model that can be asked for.
type CatalogModel struct {
	ID               string     `json:"id"`
	ARN              string     `json:"arn"`
	Name             string     `json:"name"`
	Provider         string     `json:"provider"`
	Family           string     `json:"family"`
	Kind             string     `json:"kind"` // "text", "embedding", "image", "video", "speech" or "rerank"
	InputModalities  []string   `json:"inputModalities"`
	OutputModalities []string   `json:"outputModalities"`
	Lifecycle        string     `json:"lifecycle"` // "ACTIVE", "LEGACY", or "EOL" while its end is ignored
	EndOfLife        *time.Time `json:"endOfLife"`
	ContextWindow    int        `json:"contextWindow"`   // tokens; 0: not known
	MaxOutputTokens  int        `json:"maxOutputTokens"` // 0: not known
	NativeFormat     string     `json:"nativeFormat"`    // of the body of InvokeModel; empty: it has none
	Streaming        bool       `json:"streaming"`
	InferenceTypes   []string   `json:"inferenceTypes"`
	Customizations   []string   `json:"customizations"`
	Profiles         []string   `json:"inferenceProfiles"` // IDs of those that the region has
	Regions          []string   `json:"regions"`           // that offer it
	ServedBy         *ServedBy  `json:"servedBy"`          // null: nobody here can answer
	Unserved         string     `json:"unserved"`          // why nobody can; empty: somebody does
	Prices           []Price    `json:"prices"`
	// ProfilePrices are those of calls by an inference profile, by its ID, where
	// they differ: geographies may cost more, and the operator may have set others.
	ProfilePrices map[string][]Price `json:"profilePrices"`
}

// ServedBy is who answers for a model.
type ServedBy struct {
	Backend   string `json:"backend"`
	Model     string `json:"model"` // the backend's name of it
	StandIn   bool   `json:"standIn"`
	Local     bool   `json:"local"`     // by the engine inside
	Available bool   `json:"available"` // it would be asked now
	Why       string `json:"why"`       // it is not available; empty when it is
	Others    int    `json:"others"`    // how many more may answer
}

// Price is one price of a model.
type Price struct {
	What string `json:"what"` // "input", "output", "cacheRead", "cacheWrite", …
	// USD is a decimal number of dollars.
	USD  string `json:"usd"`
	Unit string `json:"unit"` // "1M tokens", "query", "image", "second"
	// Above is the number of input tokens from which it holds; 0: always.
	Above int  `json:"aboveTokens"`
	Own   bool `json:"own"` // set in the configuration
}

// CatalogDetail is everything that is known of a model.
type CatalogDetail struct {
	CatalogModel

	Supports             Supports         `json:"supports"`
	Dimensions           []int            `json:"embeddingDimensions"` // the default first
	ProvisionedIDs       []string         `json:"provisionedIds"`
	MantleID             string           `json:"mantleModelId"`
	InferenceProfiles    []CatalogProfile `json:"profiles"`
	PromptCacheMinTokens int              `json:"promptCacheMinTokens"` // 0: not known
	OutputBurndown       int              `json:"outputBurndown"`       // quota tokens for one output token
	Route                string           `json:"route"`                // the pattern that leads to who answers; empty: the defaults hold
	Candidates           []Candidate      `json:"candidates"`           // all who may answer, in the order in which they are asked
	Fallback             []string         `json:"fallback"`             // what makes the next one be asked
}

// Supports are the features that a model is known to have; null: not known.
type Supports struct {
	System           *bool `json:"system"`
	Tools            bool  `json:"tools"`
	ToolStreaming    *bool `json:"toolStreaming"`
	Vision           bool  `json:"vision"`
	Documents        *bool `json:"documents"`
	Reasoning        bool  `json:"reasoning"`
	PromptCaching    bool  `json:"promptCaching"`
	StructuredOutput bool  `json:"structuredOutput"`
	Guardrails       bool  `json:"guardrails"`
}

// CatalogProfile is a system-defined inference profile.
type CatalogProfile struct {
	ID      string   `json:"id"`
	ARN     string   `json:"arn"`
	Name    string   `json:"name"`
	Regions []string `json:"regions"` // where requests may go
}

// Candidate is one who may answer.
type Candidate struct {
	Model     string  `json:"model"` // "backend/model"
	Tier      int     `json:"tier"`
	Share     float64 `json:"share"`     // of the requests that come to its tier, between 0 and 1
	Available bool    `json:"available"` // it would be asked now
	Breaker   string  `json:"breaker"`
	LastError string  `json:"lastError"`
}

// catalog answers GET /outcrop/catalog. Who may list foundation models may see it.
func (a *API) catalog(q *request) (any, error) {
	region, err := a.knownRegion(q)
	if err != nil {
		return nil, err
	}
	out := &Catalog{Region: region, Models: []CatalogModel{}}
	up := a.health()
	for _, m := range a.p.Listed(region) {
		out.Models = append(out.Models, a.model(m, region, q.call.Account, up))
	}
	return out, nil
}

func (a *API) knownRegion(q *request) (string, error) {
	region := q.region()
	if !a.p.Catalog.HasRegion(region) {
		return "", fault.New(fault.Invalid, "There is no region %.100q with Amazon Bedrock.", region)
	}
	return region, nil
}

// catalogModel answers GET /outcrop/catalog/{model}.
func (a *API) catalogModel(q *request) (any, error) {
	region, err := a.knownRegion(q)
	if err != nil {
		return nil, err
	}
	name := q.PathValue("model")
	if id := catalog.Parse(name); id.Kind == catalog.FoundationModel {
		name = id.Name
	}
	for _, m := range a.p.Listed(region) {
		if m.ID == name || slices.Contains(m.ProvisionedIDs, name) {
			return a.detail(m, region, q.call.Account), nil
		}
	}
	return nil, fault.New(fault.NotFound, "There is no model %.200s in %s.", name, region)
}

// health is what is asked once for a whole list: how the backends do, and what is
// wrong with local models, whose files are looked at for it.
type health struct {
	backends map[string]router.BackendStatus
	problems map[string]string // by the name of the local model
}

func (a *API) health() *health {
	h := &health{backends: map[string]router.BackendStatus{}, problems: map[string]string{}}
	for _, b := range a.p.Router.Status().Backends {
		h.backends[b.Name] = b
	}
	return h
}

// problem says why a local model cannot answer; empty: it can.
func (h *health) problem(a *API, name string) string {
	why, ok := h.problems[name]
	if !ok {
		if _, err := a.p.Local.Library().Find(name); err != nil {
			why = fault.As(err).Message
		}
		h.problems[name] = why
	}
	return why
}

func (a *API) model(m *catalog.Model, region, account string, up *health) CatalogModel {
	out := CatalogModel{
		ID: m.ID, ARN: a.p.Catalog.FoundationModelARN(region, m.ID), Name: m.Name, Provider: m.Provider, Family: m.Family, Kind: string(m.Kind()),
		InputModalities: list(m.InputModalities), OutputModalities: list(m.OutputModalities),
		Lifecycle: string(m.LifecycleAt(a.p.Now())), ContextWindow: m.ContextWindow, MaxOutputTokens: m.MaxOutput, NativeFormat: m.NativeFormat,
		Streaming: m.Streaming, InferenceTypes: list(m.Inference()), Customizations: list(m.Customizations), Profiles: []string{}, Regions: []string{}, ProfilePrices: map[string][]Price{},
	}
	if !m.EOLDate.IsZero() {
		out.EndOfLife = &m.EOLDate.Time
	}
	for _, id := range m.Profiles {
		if p, ok := a.p.Catalog.Profile(id); ok && a.p.Catalog.ProfileOffered(p, region) {
			out.Profiles = append(out.Profiles, id)
		}
	}
	for _, r := range a.p.Catalog.Regions() {
		if a.p.Catalog.Offered(m, r.Name) {
			out.Regions = append(out.Regions, r.Name)
		}
	}
	out.ServedBy, out.Unserved = a.servedBy(m.ID, region, account, up)
	use := price.Use{Model: m.ID, ModelID: m.ID}
	if out.ServedBy != nil {
		use.ServedBy = out.ServedBy.Backend + "/" + out.ServedBy.Model
	}
	out.Prices = a.prices(m, use)
	for _, id := range out.Profiles {
		use.Model = id
		if prices := a.prices(m, use); !slices.Equal(prices, out.Prices) {
			out.ProfilePrices[id] = prices
		}
	}
	return out
}

// servedBy tells who answers for a model now.
func (a *API) servedBy(id, region, account string, up *health) (*ServedBy, string) {
	x, err := a.p.Router.Explain(id, region, account)
	if err != nil {
		return nil, fault.As(err).Message
	}
	if len(x.Candidates) == 0 {
		return nil, "No backend of the route is there."
	}
	first := &x.Candidates[0]
	for i := range x.Candidates {
		if x.Candidates[i].Available {
			first = &x.Candidates[i]
			break
		}
	}
	backend, model, _ := strings.Cut(first.Model, "/")
	s := &ServedBy{
		Backend: backend, Model: model, StandIn: x.StandIn, Local: backend == a.p.Local.Backend(), Available: first.Available, Others: len(x.Candidates) - 1,
	}
	switch b := up.backends[backend]; {
	case !first.Available && b.Health == "down":
		s.Why = "The backend does not answer: " + b.LastError
	case !first.Available && first.LastError != "":
		s.Why = "It is passed over, for it failed again and again: " + first.LastError
	case !first.Available:
		s.Why = "It is passed over: its breaker is " + first.Breaker + "."
	case s.Local:
		if why := up.problem(a, model); why != "" {
			s.Available, s.Why = false, why
		}
	}
	return s, ""
}

func (a *API) detail(m *catalog.Model, region, account string) *CatalogDetail {
	out := &CatalogDetail{
		CatalogModel: a.model(m, region, account, a.health()),
		Supports:     Supports(m.Supports), Dimensions: m.Dimensions, ProvisionedIDs: list(m.ProvisionedIDs), MantleID: m.MantleID,
		InferenceProfiles: []CatalogProfile{}, PromptCacheMinTokens: m.PromptCacheMinTokens, OutputBurndown: max(1, m.OutputBurndown),
		Candidates: []Candidate{}, Fallback: []string{},
	}
	if out.Dimensions == nil {
		out.Dimensions = []int{}
	}
	for _, id := range out.Profiles {
		p, _ := a.p.Catalog.Profile(id)
		out.InferenceProfiles = append(out.InferenceProfiles, CatalogProfile{
			ID: id, ARN: a.p.Catalog.ProfileARN(region, account, id), Name: p.Name(), Regions: p.DestinationRegions(),
		})
	}
	if x, err := a.p.Router.Explain(m.ID, region, account); err == nil {
		out.Route, out.Fallback = x.Route, list(x.Fallback)
		for _, c := range x.Candidates {
			out.Candidates = append(out.Candidates, Candidate{Model: c.Model, Tier: c.Tier, Share: c.Share, Available: c.Available, Breaker: c.Breaker, LastError: c.LastError})
		}
	}
	return out
}

// list is never null.
func list(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}

// prices are what the operator has set for the use of a model, or else what the
// catalog says that it costs.
func (a *API) prices(m *catalog.Model, use price.Use) []Price {
	const tokens = "1M tokens"
	all := []Price{}
	if own, ok := a.p.Prices.Own(use); ok {
		for _, p := range []struct {
			what string
			usd  price.Sum // of a million
		}{{"input", million(own.Input)}, {"output", million(own.Output)}, {"cacheRead", million(own.CacheRead)}, {"cacheWrite", million(own.CacheWrite)}} {
			all = append(all, Price{What: p.what, USD: p.usd.String(), Unit: tokens, Own: true})
		}
		if own.Query != 0 {
			all = append(all, Price{What: "query", USD: own.Query.String(), Unit: "query", Own: true})
		}
		return all
	}
	ratio := price.ProfileRatio(m, use.Model)
	for _, p := range []struct {
		what  string
		usd   float64
		unit  string
		above int
	}{
		{"input", m.InputPer1M, tokens, 0},
		{"output", m.OutputPer1M, tokens, 0},
		{"input", m.InputPer1MAbove100k, tokens, 100_000},
		{"output", m.OutputPer1MAbove100k, tokens, 100_000},
		{"input", m.InputPer1MAbove200k, tokens, 200_000},
		{"output", m.OutputPer1MAbove200k, tokens, 200_000},
		{"input", m.InputPer1MAbove272k, tokens, 272_000},
		{"output", m.OutputPer1MAbove272k, tokens, 272_000},
		{"cacheRead", m.CacheReadPer1M, tokens, 0},
		{"cacheWrite", m.CacheWritePer1M, tokens, 0},
		{"cacheWrite1h", m.CacheWrite1hPer1M, tokens, 0},
		{"batchInput", m.BatchInputPer1M, tokens, 0},
		{"batchOutput", m.BatchOutputPer1M, tokens, 0},
		{"audioInput", m.AudioInputPer1M, tokens, 0},
		{"audioOutput", m.AudioOutputPer1M, tokens, 0},
		{"imageOutput", m.OutputPerImage, "image", 0},
		{"imageInput", m.InputPerImage, "image", 0},
		{"videoInput", m.InputPerVideoSecond, "second", 0},
		{"audioInput", m.InputPerAudioSecond, "second", 0},
		{"query", m.PerQuery, "query", 0},
	} {
		if p.usd != 0 {
			usd := p.usd
			if ratio != 1 {
				usd = math.Round(usd*ratio*1e6) / 1e6 // as it is billed
			}
			// The shortest text that means the number, without an exponent.
			all = append(all, Price{What: p.what, USD: strconv.FormatFloat(usd, 'f', -1, 64), Unit: p.unit, Above: p.above})
		}
	}
	return all
}

// million is the price of a million of what has a price: a pico-dollar for one is
// a micro-dollar for a million.
func million(of price.Amount) price.Sum { return price.Sum{Micro: int64(of)} }
