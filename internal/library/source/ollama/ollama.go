// Package ollama finds models in an Ollama registry: a container registry whose
// image layers are a GGUF file and what belongs to it.
//
// Package library calls it. Registries that want credentials are not supported;
// the public one wants none.
package ollama

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/library/source"
)

const (
	defaultHost   = "registry.ollama.ai"
	manifestLimit = 1 << 20
	layerLimit    = 4 << 20 // of the small layers: template, parameters, licence
)

// Media types of the layers.
const (
	layerModel    = "application/vnd.ollama.image.model"
	layerTemplate = "application/vnd.ollama.image.template"
	layerSystem   = "application/vnd.ollama.image.system"
	layerParams   = "application/vnd.ollama.image.params"
	layerAdapter  = "application/vnd.ollama.image.adapter"
)

// Registry resolves references of Ollama registries.
type Registry struct {
	client *fetch.Client
	base   string
}

// New returns a resolver. base replaces the address of every registry; it is
// for mirrors and tests, and normally empty.
func New(client *fetch.Client, base string) *Registry {
	return &Registry{client: client, base: strings.TrimRight(base, "/")}
}

// Ref is a reference that has been taken apart.
type Ref struct {
	Host  string // registry
	Model string // namespace/model
	Tag   string
}

var (
	modelPattern = regexp.MustCompile(`^[a-zA-Z0-9][\w.-]*/[a-zA-Z0-9][\w.-]*$`)
	tagPattern   = regexp.MustCompile(`^[\w][\w.-]*$`)
	hostPattern  = regexp.MustCompile(`^[a-zA-Z0-9.-]+(:\d+)?$`)
)

// Parse reads host/namespace/model:tag; the namespace is "library" and the tag
// "latest" when not given, and ollama.com stands for the public registry.
// Fault: Invalid.
func Parse(s string) (Ref, error) {
	host, rest, _ := strings.Cut(s, "/")
	ref := Ref{Host: host, Tag: "latest"}
	if host == "ollama.com" || host == "www.ollama.com" {
		ref.Host = defaultHost
	}
	ref.Model = rest
	if model, tag, ok := strings.Cut(rest, ":"); ok {
		ref.Model, ref.Tag = model, tag
	}
	if !strings.Contains(ref.Model, "/") {
		ref.Model = "library/" + ref.Model
	}
	if !hostPattern.MatchString(ref.Host) || !modelPattern.MatchString(ref.Model) || !tagPattern.MatchString(ref.Tag) {
		return Ref{}, fault.New(fault.Invalid, "%.200q is no model of an Ollama registry; write ollama.com/library/model:tag", s)
	}
	return ref, nil
}

// String returns the canonical reference.
func (r Ref) String() string {
	host := r.Host
	if host == defaultHost {
		host = "ollama.com"
	}
	return host + "/" + r.Model + ":" + r.Tag
}

type layer struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

// Resolve finds the layers of a reference. Faults: NotFound, Denied,
// Unavailable, Unsupported (an adapter, which needs its base model).
func (r *Registry) Resolve(ctx context.Context, ref Ref) (*source.Plan, error) {
	base := r.base
	if base == "" {
		base = "https://" + ref.Host
	}
	base += "/v2/" + ref.Model
	doc, err := r.client.Document(ctx, base+"/manifests/"+ref.Tag, http.Header{"Accept": {"application/vnd.docker.distribution.manifest.v2+json"}}, manifestLimit)
	switch fetch.Status(err) {
	case http.StatusNotFound:
		return nil, fault.Wrap(fault.NotFound, err, "%s does not exist", ref)
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, fault.Wrap(fault.Denied, err, "%s does not exist, or its registry wants credentials, which are not supported", ref)
	}
	if err != nil {
		return nil, err
	}
	var manifest struct {
		Layers []layer `json:"layers"`
	}
	if err := json.Unmarshal(doc.Body, &manifest); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s does not answer as an Ollama registry", fetch.Redact(base))
	}
	name := ref.Model[strings.IndexByte(ref.Model, '/')+1:]
	plan := &source.Plan{Source: ref.String()}
	if ref.Tag != "latest" {
		name += "-" + ref.Tag
	}
	plan.Name = source.CleanName(name)
	for _, l := range manifest.Layers {
		if err := r.layer(ctx, base, l, plan); err != nil {
			return nil, err
		}
	}
	switch {
	case len(plan.Files) == 0:
		return nil, fault.New(fault.Unsupported, "%s has no model file of its own; it may run in the cloud only", ref)
	case len(plan.Files) > 1:
		return nil, fault.New(fault.Unsupported, "%s consists of %d model files, which is not supported", ref, len(plan.Files))
	}
	return plan, nil
}

func (r *Registry) layer(ctx context.Context, base string, l layer, plan *source.Plan) error {
	switch l.MediaType {
	case layerModel:
		digest, err := fetch.SHA256(l.Digest)
		if err != nil {
			return err
		}
		plan.Files = append(plan.Files, source.Remote{Name: plan.Name + ".gguf", URL: base + "/blobs/" + digest.String(), Size: l.Size, Digest: digest})
	case layerAdapter:
		return fault.New(fault.Unsupported, "%s is an adapter on top of another model, which is not supported", plan.Source)
	case layerTemplate, layerSystem, layerParams:
		text, err := r.small(ctx, base, l)
		if err != nil {
			return err
		}
		switch l.MediaType {
		case layerTemplate:
			plan.Template = string(text)
		case layerSystem:
			plan.System = string(text)
		case layerParams:
			if !json.Valid(text) {
				return fault.New(fault.Invalid, "the parameters of %s are no JSON", plan.Source)
			}
			plan.Defaults = text
		}
	}
	// Further layers, such as a vision projector, are of no use here.
	return nil
}

// small downloads a layer that is only a text.
func (r *Registry) small(ctx context.Context, base string, l layer) ([]byte, error) {
	digest, err := fetch.SHA256(l.Digest)
	if err != nil {
		return nil, err
	}
	doc, err := r.client.Document(ctx, base+"/blobs/"+digest.String(), nil, layerLimit)
	if err != nil {
		return nil, err
	}
	if got := fetch.Sum(doc.Body); got != digest {
		return nil, fault.New(fault.Invalid, "a layer from %s has the digest %s, expected %s", fetch.Redact(base), got, digest)
	}
	return doc.Body, nil
}
