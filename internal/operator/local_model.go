package operator

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/library"
	"github.com/outcrop/outcrop/internal/machine"
)

// Local is the engine inside with its models. It is safe for concurrent use.
type Local interface {
	// Backend is the name of the engine inside among the backends.
	Backend() string
	// Engine says what the engine is; whether it is ready is not said here.
	Engine() Engine
	// Library is the models of this machine.
	Library() *library.Library
	// Pull gets a model that comes with the server and is not there yet. It is
	// fault.NotFound for others.
	Fetch(ctx context.Context, name string, progress *Pulling) error
	// States tells of the models that the engine was asked for.
	States() []ModelState
	// Load loads a model, and returns when it is loaded. Unsupported: no engine
	// runs.
	Load(ctx context.Context, name string) error
	// Unload ends a model once nobody uses it. Unavailable: the last requests did
	// not end before ctx did.
	Unload(ctx context.Context, name string) error
	// Need is the memory that the model of a file takes, and Estimate that of a
	// file of a size; 0 where it is not known.
	Need(path string) int64
	Estimate(size int64) int64
	// MemoryLimit is what all models together may take; 0: there is no limit.
	MemoryLimit() int64
}

// ModelState is what the engine knows of a model.
type ModelState struct {
	Name        string
	State       string // see LocalModel
	MemoryBytes int64
	Context     int
	Users       int
	Loaded      time.Time // zero: it is not
	Used        time.Time // zero: nobody has used it
	Why         string
}

// LoadedModel is a model that the engine inside was asked for.
type LoadedModel struct {
	Name        string     `json:"name"`
	State       string     `json:"state"`       // see LocalModel
	MemoryBytes int64      `json:"memoryBytes"` // that it takes
	Context     int        `json:"context"`     // tokens of one request; 0: it is not loaded
	Users       int        `json:"users"`       // requests that use it now
	LoadedAt    *time.Time `json:"loadedAt"`
	UsedAt      *time.Time `json:"usedAt"` // when the last request left
	Why         string     `json:"why"`    // it could not be loaded
	// TokensPerSecond is of the answers that are remembered; null: not known.
	TokensPerSecond *float64 `json:"tokensPerSecond"`
}

// LocalModels are the models of this machine.
type LocalModels struct {
	Models    []LocalModel `json:"models"`
	Memory    Memory       `json:"memory"`
	DiskFree  *int64       `json:"diskFreeBytes"` // of the models directory; null: not known
	Offline   bool         `json:"offline"`       // nothing can be pulled
	Pulls     []Pull       `json:"pulls"`         // those that run, and the last ones that are over
	Sources   []PullSource `json:"sources"`       // what can be pulled
	Directory string       `json:"directory"`
}

// LocalModel is a model that the engine inside can run.
type LocalModel struct {
	Name            string     `json:"name"`
	File            string     `json:"file"`
	SizeBytes       int64      `json:"sizeBytes"`
	Digest          string     `json:"sha256"`
	Parameters      uint64     `json:"parameters"`
	Quantization    string     `json:"quantization"`
	Architecture    string     `json:"architecture"`
	ContextLength   int64      `json:"contextLength"`   // tokens; 0: not known
	EmbeddingLength int64      `json:"embeddingLength"` // 0: not known
	ChatTemplate    bool       `json:"chatTemplate"`
	License         string     `json:"license"`
	Source          string     `json:"source"`
	BuiltIn         bool       `json:"builtIn"`   // comes with the server
	Installed       bool       `json:"installed"` // its files are there and whole
	Problem         string     `json:"problem"`   // it cannot be used
	AddedAt         *time.Time `json:"addedAt"`
	UsedFor         []string   `json:"usedFor"` // the routes and defaults that lead to it
	// State is "absent", "unloaded", "loading", "loaded", "unloading" (waits for the
	// requests that use it) or "failed" (the last try to load it failed).
	State           string     `json:"state"`
	Why             string     `json:"why"` // it could not be loaded
	MemoryBytes     int64      `json:"memoryBytes"`
	Users           int        `json:"users"` // requests that use it now
	LoadedAt        *time.Time `json:"loadedAt"`
	TokensPerSecond *float64   `json:"tokensPerSecond"` // of the answers that are remembered; null: not known
	Fit             Fit        `json:"fit"`
}

// Fit says whether a model fits into memory now.
type Fit struct {
	NeedBytes int64 `json:"needBytes"` // weights and cache; 0: not known
	// FreeBytes is what there is for it: what is free, and what models take that
	// nobody uses. Null: not known.
	FreeBytes *int64 `json:"freeBytes"`
	Fits      bool   `json:"fits"`
	Why       string `json:"why"` // it does not fit
}

// PullSource is a form of what can be pulled.
type PullSource struct {
	Form    string `json:"form"`
	Example string `json:"example"`
	What    string `json:"what"`
}

// PullPlan is what a pull would add.
type PullPlan struct {
	Name      string `json:"name"`
	Source    string `json:"source"`
	SizeBytes int64  `json:"sizeBytes"` // 0: the source does not tell
	License   string `json:"license"`
	Here      bool   `json:"here"` // it is there already
	Fit       Fit    `json:"fit"`
	DiskFree  *int64 `json:"diskFreeBytes"` // null: not known
}

const stateAbsent, stateUnloaded, stateLoaded, stateLoading, stateUnloading = "absent", "unloaded", "loaded", "loading", "unloading"

// sources are the forms of what can be pulled, as outcrop models pull has them.
func sources() []PullSource {
	return []PullSource{
		{"hf.co/ORG/REPO:QUANT", "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M", "a GGUF file of a repository at Hugging Face"},
		{"ollama.com/library/MODEL:TAG", "ollama.com/library/qwen3:0.6b", "a model of an Ollama registry"},
		{"https://…/MODEL.gguf", "https://example.org/model.gguf#sha256=…", "a GGUF file at an address, with its digest where it is known"},
	}
}

// loadedModels tells of the models that the engine was asked for.
func (a *API) loadedModels() []LoadedModel {
	speeds := a.p.Ring.speeds()
	out := []LoadedModel{}
	for _, s := range a.p.Local.States() {
		m := LoadedModel{Name: s.Name, State: s.State, MemoryBytes: s.MemoryBytes, Context: s.Context, Users: s.Users, LoadedAt: moment(s.Loaded), UsedAt: moment(s.Used), Why: s.Why}
		m.TokensPerSecond = a.speed(speeds, s.Name)
		out = append(out, m)
	}
	return out
}

func (a *API) speed(speeds map[string]float64, name string) *float64 {
	if v, ok := speeds[a.p.Local.Backend()+"/"+name]; ok {
		return &v
	}
	return nil
}

// moment is a time that may not be there.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// usedFor are the routes that lead to each local model.
func (a *API) usedFor() map[string][]string {
	by := map[string][]string{}
	for _, r := range a.p.Router.Status().Routes {
		for _, c := range r.Candidates {
			if model, ok := strings.CutPrefix(c.Model, a.p.Local.Backend()+"/"); ok && !slices.Contains(by[model], r.Match) {
				by[model] = append(by[model], r.Match)
			}
		}
	}
	return by
}

// localModels answers GET /outcrop/local-models.
func (a *API) localModels(*request) (any, error) {
	models, err := a.p.Local.Library().List()
	if err != nil {
		return nil, err
	}
	out := &LocalModels{
		Models: []LocalModel{}, Memory: a.memory(), DiskFree: diskFree(a.p.About.Models), Offline: a.p.About.Offline, Pulls: a.pulls.list(), Sources: sources(),
		Directory: a.p.About.Models,
	}
	view := a.localView()
	for _, m := range models {
		out.Models = append(out.Models, view.model(m))
	}
	return out, nil
}

// memory is the machine's.
func (a *API) memory() Memory {
	m := Memory{Total: known(machine.Memory(), 1), Free: known(machine.Free(), 0), Limit: known(a.p.Local.MemoryLimit(), 1)}
	for _, s := range a.p.Local.States() {
		m.Models += s.MemoryBytes
	}
	return m
}

// localView is what is asked once for a list of models.
type localView struct {
	a      *API
	states map[string]ModelState
	used   map[string][]string
	speeds map[string]float64
	free   *int64
	inUse  int64 // bytes of models that somebody uses
	unused int64 // bytes of models that nobody uses
}

func (a *API) localView() *localView {
	v := &localView{a: a, states: map[string]ModelState{}, used: a.usedFor(), speeds: a.p.Ring.speeds(), free: known(machine.Free(), 0)}
	for _, s := range a.p.Local.States() {
		v.states[s.Name] = s
		if s.Users > 0 {
			v.inUse += s.MemoryBytes
		} else {
			v.unused += s.MemoryBytes
		}
	}
	return v
}

func (v *localView) model(m *library.Model) LocalModel {
	s := v.states[m.Name]
	out := LocalModel{
		Name: m.Name, SizeBytes: m.Size(), Parameters: m.Parameters, Quantization: m.Quantization, Architecture: m.Architecture,
		ContextLength: m.ContextLength, EmbeddingLength: m.EmbeddingLength, ChatTemplate: m.ChatTemplate, License: m.License, Source: m.Source, BuiltIn: m.BuiltIn,
		Installed: m.Problem == "", Problem: m.Problem, AddedAt: moment(m.Imported), UsedFor: list(v.used[m.Name]),
		State: stateUnloaded, Why: s.Why, MemoryBytes: s.MemoryBytes, Users: s.Users, LoadedAt: moment(s.Loaded), TokensPerSecond: v.a.speed(v.speeds, m.Name),
	}
	if len(m.Files) > 0 {
		out.File, out.Digest = m.Files[0].Name, m.Digest()
	}
	switch {
	case m.Problem != "" && m.Path == "":
		out.State = stateAbsent
	case s.State != "":
		out.State = s.State
	}
	need := int64(0)
	if m.Problem == "" {
		need = v.a.p.Local.Need(m.Path)
	} else if m.BuiltIn {
		need = v.a.p.Local.Estimate(out.SizeBytes)
	}
	out.Fit = v.fit(need)
	if out.State == stateLoaded || out.State == stateUnloading {
		out.Fit.Fits, out.Fit.Why = true, ""
	}
	return out
}

// fit compares what a model needs with what there is for it: models that nobody
// uses make room.
func (v *localView) fit(need int64) Fit {
	f := Fit{NeedBytes: need, Fits: true}
	if v.free != nil {
		free := *v.free + v.unused
		f.FreeBytes = &free
	}
	limit := v.a.p.Local.MemoryLimit()
	switch {
	case need == 0:
	case limit > 0 && need > limit:
		f.Fits, f.Why = false, "It is larger than all that models may take here."
	case limit > 0 && need > limit-v.inUse:
		f.Fits, f.Why = false, "It does not fit beside the models that are in use now."
	case f.FreeBytes != nil && need > *f.FreeBytes:
		f.Fits, f.Why = false, "There is not enough free memory on this machine now."
	}
	return f
}

// localModel answers GET /outcrop/local-models/{model}.
func (a *API) localModel(q *request) (any, error) {
	m, err := a.p.Local.Library().Show(q.PathValue("model"))
	if err != nil {
		return nil, err
	}
	return a.localView().model(m), nil
}

// unloadPatience is how long a model that is to be unloaded waits for those who
// use it.
const unloadPatience = 10 * time.Minute

// loadModel answers POST /outcrop/local-models/{model}/load: it begins, and what
// became of it is in the model's state.
func (a *API) loadModel(q *request) (any, error) {
	return a.change(q, stateLoading, func(ctx context.Context, name string) error { return a.p.Local.Load(ctx, name) })
}

// unloadModel answers POST /outcrop/local-models/{model}/unload, as loadModel.
func (a *API) unloadModel(q *request) (any, error) {
	return a.change(q, stateUnloading, func(ctx context.Context, name string) error {
		ctx, cancel := context.WithTimeout(ctx, unloadPatience)
		defer cancel()
		return a.p.Local.Unload(ctx, name)
	})
}

// named is the name of the local model that a request is about, which the audit
// trail then knows.
func (a *API) named(q *request) string {
	name := q.PathValue("model")
	q.call.Resource = a.arn(q, "local-model/"+bounded(name))
	return name
}

// arn names what belongs to the server as a whole.
func (a *API) arn(q *request, what string) string {
	return "arn:" + a.p.Catalog.Partition(q.call.Region) + ":" + serviceID + ":" + q.call.Region + ":" + q.call.Account + ":" + what
}

// change begins what takes a while. An error that comes at once is the answer.
func (a *API) change(q *request, meanwhile string, do func(context.Context, string) error) (any, error) {
	name := a.named(q)
	m, err := a.p.Local.Library().Find(name)
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	a.pulls.group.Go(func() {
		err := do(a.over, name)
		if err != nil && a.over.Err() == nil {
			a.p.Logger.Warn("a model is not "+meanwhile+" any more", "model", name, "cause", err.Error())
		}
		done <- err
	})
	select {
	case err = <-done:
	case <-time.After(settling):
	}
	if err != nil {
		return nil, err
	}
	return a.localView().model(m), nil
}

// settling is how long a request waits for what is often done at once.
const settling = 150 * time.Millisecond

// deleteModel answers DELETE /outcrop/local-models/{model}.
func (a *API) deleteModel(q *request) (any, error) {
	name := a.named(q)
	m, err := a.p.Local.Library().Show(name)
	if err != nil {
		return nil, err
	}
	if routes := a.usedFor()[name]; len(routes) > 0 && !m.BuiltIn {
		return nil, fault.New(fault.Conflict, "The model %s is used: %s leads to it. Change the routes of the configuration and reload it first.", name, strings.Join(routes, ", "))
	}
	for _, s := range a.p.Local.States() {
		if s.Name == name && (s.State == stateLoaded || s.State == stateLoading || s.State == stateUnloading) {
			return nil, fault.New(fault.Conflict, "The model %s is %s. Unload it first.", name, s.State)
		}
	}
	if p := a.pulls.running(name); p != "" {
		return nil, fault.New(fault.Conflict, "The model %s is being pulled. Cancel the pull %s first.", name, p)
	}
	if err := a.p.Local.Library().Remove(q.Context(), name); err != nil {
		return nil, err
	}
	return Removed{Name: name}, nil
}

// Removed names what is gone.
type Removed struct {
	Name string `json:"name"`
}

// planPull answers GET /outcrop/local-models/plan: what a pull would add.
func (a *API) planPull(q *request) (any, error) {
	source, name := q.query.Get("source"), q.query.Get("name")
	if source == "" {
		return nil, fault.New(fault.Invalid, "The parameter source is needed, such as %s.", sources()[0].Example)
	}
	ctx, cancel := context.WithTimeout(q.Context(), planPatience)
	defer cancel()
	p, err := a.p.Local.Library().Plan(ctx, source, library.Options{Name: name})
	if err != nil {
		return nil, err
	}
	plan := &PullPlan{Name: p.Name, Source: p.Source, SizeBytes: p.Size, License: p.License, Here: p.Here, DiskFree: diskFree(a.p.About.Models)}
	need := int64(0)
	if p.Size > 0 {
		need = a.p.Local.Estimate(p.Size)
	}
	plan.Fit = a.localView().fit(need)
	return plan, nil
}

// planPatience is how long a hub may take to say what it has.
const planPatience = 30 * time.Second

var _ http.Handler = (*API)(nil)
