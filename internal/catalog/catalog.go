// Package catalog is what is known of Bedrock's models without asking anybody:
// every model ID with its provider, modalities, limits, lifecycle and price,
// the inference profiles that lead to it, and the regions that have Bedrock.
//
// It is data with look-ups. It does not know which model really answers (package
// router does), it reads no configuration and it opens no connection. The router
// and the bedrock service call it. A Catalog never changes after it was made and
// is safe for concurrent use; what it returns must not be changed either.
package catalog

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

//go:embed catalog.json
var catalogJSON []byte

// Kind is what a model makes, as far as it decides which backend can serve it.
type Kind string

// The kinds of models.
const (
	Text      Kind = "text"
	Embedding Kind = "embedding"
	Image     Kind = "image"
	Video     Kind = "video"  // makes videos or watches them
	Speech    Kind = "speech" // speaks and listens
	Rerank    Kind = "rerank"
)

// Lifecycle is a model's state. EOL is ours: the service no longer lists such a
// model, but clients still name it.
type Lifecycle string

// The states.
const (
	Active Lifecycle = "ACTIVE"
	Legacy Lifecycle = "LEGACY"
	EOL    Lifecycle = "EOL"
)

// Inference types beyond those of the service model's enum appear in real
// listings, so the values are strings here.
const (
	OnDemand         = "ON_DEMAND"
	Provisioned      = "PROVISIONED"
	InferenceProfile = "INFERENCE_PROFILE"
)

// Model is one record of catalog.json. A field is its zero value where nothing
// is known.
type Model struct {
	ID               string    `json:"modelId"` // base model ID
	Provider         string    `json:"provider"`
	Family           string    `json:"family"`
	Name             string    `json:"modelName"`
	NativeFormat     string    `json:"nativeFormat"` // body of InvokeModel: "anthropic-messages"
	InputModalities  []string  `json:"inputModalities"`
	OutputModalities []string  `json:"outputModalities"`
	Streaming        bool      `json:"streaming"`
	InferenceTypes   []string  `json:"inferenceTypes"`
	Customizations   []string  `json:"customizations"`
	Lifecycle        Lifecycle `json:"lifecycle"`
	EOLDate          Date      `json:"eolDate"`
	ContextWindow    int       `json:"contextWindow"`   // tokens
	MaxOutput        int       `json:"maxOutputTokens"` // tokens
	Supports         Supports  `json:"supports"`
	Dimensions       []int     `json:"embeddingDimensions"` // the default first
	Profiles         []string  `json:"inferenceProfiles"`   // IDs
	ProvisionedIDs   []string  `json:"provisionedIds"`      // IDs with a context suffix
	MantleID         string    `json:"mantleModelId"`
	Endpoints        []string  `json:"endpoints"` // set for models that bedrock-runtime does not have

	PromptCacheMinTokens int    `json:"promptCacheMinTokens"`
	OutputBurndown       int    `json:"outputBurndown"` // quota tokens for one output token; 0 is 1
	Quotas               Quotas `json:"quotas"`
	Price
}

// OwnProvider is the provider of IDs of the operator's own.
const OwnProvider = "Outcrop"

// Supports are a model's Converse features. Most of them are only told of models
// that have them; of system prompts, tools in streams and documents it is also
// known which models refuse them.
type Supports struct {
	System           *bool `json:"system"` // nil: not known
	Tools            bool  `json:"tools"`
	ToolStreaming    *bool `json:"toolStreaming"` // nil: not known
	Vision           bool  `json:"vision"`
	Documents        *bool `json:"documents"` // nil: not known
	Reasoning        bool  `json:"reasoning"`
	PromptCaching    bool  `json:"promptCaching"`
	StructuredOutput bool  `json:"structuredOutput"`
	Guardrails       bool  `json:"guardrails"`
}

// Quotas are the default limits of us-east-1; 0 where there is none.
type Quotas struct {
	OnDemandRPM    int64 `json:"onDemandRpm"`
	OnDemandTPM    int64 `json:"onDemandTpm"`
	CrossRegionRPM int64 `json:"crossRegionRpm"`
	CrossRegionTPM int64 `json:"crossRegionTpm"`
	GlobalRPM      int64 `json:"globalRpm"`
	GlobalTPM      int64 `json:"globalTpm"`
	TokensPerDay   int64 `json:"tokensPerDay"`
}

// Price is in US dollars; "per 1M" is per million tokens.
type Price struct {
	Basis                string  `json:"priceBasis"` // what the price is of, where it is not the base model ID
	GeoProfileRatio      float64 `json:"geoProfilePriceRatio"`
	InputPer1M           float64 `json:"priceInputPer1M"`
	OutputPer1M          float64 `json:"priceOutputPer1M"`
	InputPer1MAbove100k  float64 `json:"priceInputPer1MAbove100k"`
	OutputPer1MAbove100k float64 `json:"priceOutputPer1MAbove100k"`
	InputPer1MAbove200k  float64 `json:"priceInputPer1MAbove200k"`
	OutputPer1MAbove200k float64 `json:"priceOutputPer1MAbove200k"`
	InputPer1MAbove272k  float64 `json:"priceInputPer1MAbove272k"`
	OutputPer1MAbove272k float64 `json:"priceOutputPer1MAbove272k"`
	CacheReadPer1M       float64 `json:"cacheReadPer1M"`
	CacheWritePer1M      float64 `json:"cacheWritePer1M"`
	CacheWrite1hPer1M    float64 `json:"cacheWrite1hPer1M"`
	BatchInputPer1M      float64 `json:"batchInputPer1M"`
	BatchOutputPer1M     float64 `json:"batchOutputPer1M"`
	AudioInputPer1M      float64 `json:"priceAudioInputPer1M"`
	AudioOutputPer1M     float64 `json:"priceAudioOutputPer1M"`
	OutputPerImage       float64 `json:"priceOutputPerImage"`
	InputPerImage        float64 `json:"priceInputPerImage"`
	InputPerVideoSecond  float64 `json:"priceInputPerVideoSecond"`
	InputPerAudioSecond  float64 `json:"priceInputPerAudioSecond"`
	PerQuery             float64 `json:"pricePerQuery"`
}

// Date is a day, written 2006-01-02, at midnight UTC.
type Date struct{ time.Time }

// UnmarshalJSON reads the day.
func (d *Date) UnmarshalJSON(b []byte) error {
	t, err := time.Parse(`"`+time.DateOnly+`"`, string(b))
	d.Time = t
	return err
}

// Kind tells what the model makes.
func (m *Model) Kind() Kind {
	switch {
	case m.NativeFormat == "rerank":
		return Rerank
	case slices.Contains(m.OutputModalities, "SPEECH"):
		return Speech
	case slices.Contains(m.OutputModalities, "EMBEDDING"):
		return Embedding
	case slices.Contains(m.OutputModalities, "IMAGE"):
		return Image
	case slices.Contains(m.OutputModalities, "VIDEO"), m.NativeFormat == "twelvelabs-pegasus":
		return Video
	}
	return Text
}

// Inference returns the ways a model can be called. Of some models the record
// does not say; then a model with profiles is called through them, as all newer
// models are, and another one on demand.
func (m *Model) Inference() []string {
	switch {
	case len(m.InferenceTypes) > 0:
		return m.InferenceTypes
	case len(m.Profiles) > 0:
		return []string{InferenceProfile}
	}
	return []string{OnDemand}
}

// OnRuntime reports whether the bedrock-runtime endpoint has the model; some
// models exist only on the OpenAI-compatible endpoint.
func (m *Model) OnRuntime() bool { return len(m.Endpoints) == 0 }

// RefusesSystem reports whether the model is known to take no system prompt.
func (m *Model) RefusesSystem() bool { return m.Supports.System != nil && !*m.Supports.System }

// RefusesToolStreaming reports whether the model is known to call no tools in a
// streamed answer.
func (m *Model) RefusesToolStreaming() bool {
	return m.Supports.ToolStreaming != nil && !*m.Supports.ToolStreaming
}

// RefusesDocuments reports whether the model is known to read no documents.
func (m *Model) RefusesDocuments() bool {
	return m.Supports.Documents != nil && !*m.Supports.Documents
}

// LifecycleAt is the model's state at a time: a model whose last day has passed
// is EOL, whatever the record said when it was written.
func (m *Model) LifecycleAt(now time.Time) Lifecycle {
	switch {
	case m.Lifecycle == EOL, !m.EOLDate.IsZero() && !now.Before(m.EOLDate.Time):
		return EOL
	case m.Lifecycle == "":
		return Active
	}
	return m.Lifecycle
}

// Restriction limits the models whose base ID matches a pattern (* and ?) to
// regions.
type Restriction struct {
	Match   string
	Regions []string
}

// Catalog is the look-up over all records.
type Catalog struct {
	models       []*Model // in the order of the data file
	byID         map[string]*Model
	profiles     []*Profile // sorted by ID
	byProfile    map[string]*Profile
	regions      []Region
	byRegion     map[string]Region
	restrictions []Restriction
}

// New reads the records that come with Outcrop. The first restriction whose
// pattern matches a model decides; a model that none matches is offered in
// every region. The error says which restriction is wrong.
func New(restrictions ...Restriction) (*Catalog, error) {
	for _, r := range restrictions {
		if _, err := path.Match(r.Match, ""); err != nil {
			return nil, fmt.Errorf("catalog: %q is not a pattern", r.Match)
		}
	}
	c := &Catalog{byID: make(map[string]*Model), byProfile: make(map[string]*Profile), restrictions: slices.Clone(restrictions)}
	dec := json.NewDecoder(bytes.NewReader(catalogJSON))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c.models); err != nil {
		return nil, fmt.Errorf("catalog: catalog.json: %w", err)
	}
	if err := c.readRegions(); err != nil {
		return nil, err
	}
	for _, m := range c.models {
		for _, id := range append([]string{m.ID}, m.ProvisionedIDs...) {
			if other, ok := c.byID[id]; ok && other != m {
				return nil, fmt.Errorf("catalog: catalog.json: %s belongs to two models", id)
			}
			c.byID[id] = m
		}
		for _, id := range m.Profiles {
			p, err := newProfile(id, m)
			if err != nil {
				return nil, err
			}
			c.profiles = append(c.profiles, p)
			c.byProfile[id] = p
		}
	}
	slices.SortFunc(c.profiles, func(a, b *Profile) int { return strings.Compare(a.ID, b.ID) })
	return c, nil
}

// Lookup finds a model by its base ID or by one of its provisioned IDs.
func (c *Catalog) Lookup(id string) (*Model, bool) {
	m, ok := c.byID[id]
	return m, ok
}

// Mantle finds a model by the name that the OpenAI-compatible endpoint
// (bedrock-mantle) has for it. Where several have it, the first one is meant.
func (c *Catalog) Mantle(name string) (*Model, bool) {
	if name == "" {
		return nil, false
	}
	if m, ok := c.byID[name]; ok {
		return m, ok
	}
	i := slices.IndexFunc(c.models, func(m *Model) bool { return m.MantleID == name })
	if i < 0 {
		return nil, false
	}
	return c.models[i], true
}

// Profile finds a system-defined inference profile by its ID.
func (c *Catalog) Profile(id string) (*Profile, bool) {
	p, ok := c.byProfile[id]
	return p, ok
}

// Offered reports whether a region offers the model. An empty region stands for
// a call that names none, and offers everything.
func (c *Catalog) Offered(m *Model, region string) bool {
	if region == "" {
		return true
	}
	if _, ok := c.byRegion[region]; !ok {
		return false
	}
	for _, r := range c.restrictions {
		if ok, _ := path.Match(r.Match, m.ID); ok {
			return slices.Contains(r.Regions, region)
		}
	}
	return true
}

// All returns the models that a region offers on bedrock-runtime, in the
// catalog's order: by provider, newest first.
func (c *Catalog) All(region string) []*Model {
	var models []*Model
	for _, m := range c.models {
		if m.OnRuntime() && c.Offered(m, region) {
			models = append(models, m)
		}
	}
	return models
}
