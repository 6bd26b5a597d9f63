// Package huggingface finds GGUF files in the repositories of Hugging Face, or
// of a hub that speaks its API.
//
// A reference is org/repo, with @revision and :quantization behind it as
// needed, or a file of the repository: org/repo/file.gguf. Package library
// calls it.
package huggingface

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/library/source"
)

const (
	defaultEndpoint = "https://huggingface.co"
	listingLimit    = 16 << 20
	maxPages        = 50
)

// Hub is a Hugging Face hub.
type Hub struct {
	client   *fetch.Client
	endpoint string
	token    string
}

// New returns the hub at an endpoint ("": huggingface.co) with an access token
// ("": none), as the variables HF_ENDPOINT and HF_TOKEN give them.
func New(client *fetch.Client, endpoint, token string) *Hub {
	if endpoint == "" {
		endpoint = defaultEndpoint
	}
	return &Hub{client: client, endpoint: strings.TrimRight(endpoint, "/"), token: token}
}

// Endpoint returns the hub's address.
func (h *Hub) Endpoint() string { return h.endpoint }

// Ref is a reference that has been taken apart.
type Ref struct {
	Repo     string // org/repo
	Revision string // "main" when not given
	Quant    string // "" when not given
	File     string // path in the repository, "" when not given
}

var (
	repoPattern     = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$`)
	revisionPattern = regexp.MustCompile(`^[\w.-]+$`)
	quantPattern    = regexp.MustCompile(`(?i)(?:^|[-._])((?:UD-)?(?:I?Q\d+(?:_[0-9A-Z]+)*|TQ\d_\d|MXFP4(?:_MOE)?|NVFP4|BF16|FP?16|FP?32))$`)
)

// Parse reads a reference without "hf.co/" in front. Fault: Invalid.
func Parse(s string) (Ref, error) {
	bad := fault.New(fault.Invalid, "%.200q is no model of Hugging Face; write org/repo, org/repo:Q4_K_M or org/repo/file.gguf", s)
	parts := strings.SplitN(s, "/", 3)
	if len(parts) < 2 {
		return Ref{}, bad
	}
	ref := Ref{Repo: parts[0] + "/" + parts[1], Revision: "main"}
	if len(parts) == 3 {
		ref.File = parts[2]
		for _, prefix := range []string{"resolve/", "blob/"} {
			if rest, ok := strings.CutPrefix(ref.File, prefix); ok {
				ref.Revision, ref.File, _ = strings.Cut(rest, "/")
			}
		}
	}
	if repo, quant, ok := strings.Cut(ref.Repo, ":"); ok && ref.File == "" {
		ref.Repo, ref.Quant = repo, quant
		if strings.HasSuffix(quant, ".gguf") {
			ref.Quant, ref.File = "", quant
		} else if quant == "" || strings.EqualFold(quant, "latest") {
			ref.Quant = ""
		}
	}
	if repo, revision, ok := strings.Cut(ref.Repo, "@"); ok {
		ref.Repo, ref.Revision = repo, revision
	}
	if !repoPattern.MatchString(ref.Repo) || !revisionPattern.MatchString(ref.Revision) || (ref.File != "" && (!strings.HasSuffix(ref.File, ".gguf") || !fs.ValidPath(ref.File))) {
		return Ref{}, bad
	}
	return ref, nil
}

// file is an entry of a repository's listing.
type file struct {
	Type string `json:"type"`
	Path string `json:"path"`
	Size int64  `json:"size"`
	LFS  *struct {
		OID  string `json:"oid"`
		Size int64  `json:"size"`
	} `json:"lfs"`
}

// Resolve finds the files of a reference. Faults: NotFound (no such
// repository, quantization or file), Denied (private or gated), Unavailable.
func (h *Hub) Resolve(ctx context.Context, ref Ref) (*source.Plan, error) {
	files, err := h.list(ctx, ref)
	if err != nil {
		return nil, err
	}
	chosen, quant, err := choose(files, ref)
	if err != nil {
		return nil, err
	}
	repo := ref.Repo[strings.IndexByte(ref.Repo, '/')+1:]
	stem := strings.TrimSuffix(strings.TrimSuffix(repo, "-gguf"), "-GGUF")
	if quant != "" && !strings.HasSuffix(strings.ToLower(stem), strings.ToLower(quant)) {
		stem += "-" + quant
	} else if quant == "" {
		stem = strings.TrimSuffix(path.Base(chosen[0].Path), ".gguf")
	}
	plan := &source.Plan{Name: source.CleanName(stem), Source: "hf.co/" + ref.Repo}
	if ref.Revision != "main" {
		plan.Source += "@" + ref.Revision
	}
	if ref.File != "" {
		plan.Source += "/" + ref.File
	} else if quant != "" {
		plan.Source += ":" + quant
	}
	for _, f := range chosen {
		address := h.endpoint + "/" + ref.Repo + "/resolve/" + url.PathEscape(ref.Revision) + "/" + (&url.URL{Path: f.Path}).EscapedPath()
		remote := source.Remote{Name: path.Base(f.Path), URL: address, Header: source.Bearer(h.endpoint, h.token), Size: f.Size}
		if f.LFS != nil {
			if remote.Digest, err = fetch.SHA256(f.LFS.OID); err != nil {
				return nil, err
			}
			remote.Size = f.LFS.Size
		}
		if err := source.SafeFile(remote.Name); err != nil {
			return nil, err
		}
		plan.Files = append(plan.Files, remote)
	}
	return plan, nil
}

// list returns the GGUF files of a repository.
func (h *Hub) list(ctx context.Context, ref Ref) ([]file, error) {
	next := h.endpoint + "/api/models/" + ref.Repo + "/tree/" + url.PathEscape(ref.Revision) + "?recursive=true"
	var files []file
	for page := 0; next != "" && page < maxPages; page++ {
		doc, err := h.client.Document(ctx, next, source.Bearer(h.endpoint, h.token), listingLimit)
		if err != nil {
			return nil, h.explain(err, ref)
		}
		var part []file
		if err := json.Unmarshal(doc.Body, &part); err != nil {
			return nil, fault.Wrap(fault.Unavailable, err, "%s does not answer as a Hugging Face hub", fetch.Redact(h.endpoint))
		}
		for _, f := range part {
			if name := strings.ToLower(path.Base(f.Path)); f.Type == "file" && strings.HasSuffix(name, ".gguf") && !strings.HasPrefix(name, "mmproj") && !strings.Contains(name, "imatrix") {
				files = append(files, f)
			}
		}
		if next, err = nextPage(doc); err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, fault.New(fault.NotFound, "hf.co/%s has no GGUF file; look for a repository with -GGUF in its name", ref.Repo)
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	return files, nil
}

var linkPattern = regexp.MustCompile(`<([^>]*)>\s*;\s*rel="?next"?`)

// nextPage reads the Link header. A page on another host is refused, because
// the token would go there.
func nextPage(doc *fetch.Document) (string, error) {
	match := linkPattern.FindStringSubmatch(strings.Join(doc.Header.Values("Link"), ", "))
	if match == nil {
		return "", nil
	}
	next, err := doc.URL.Parse(match[1])
	if err != nil || next.Host != doc.URL.Host || next.Scheme != doc.URL.Scheme {
		return "", fault.New(fault.Unavailable, "the listing goes on at another host, which is not followed")
	}
	return next.String(), nil
}

func (h *Hub) explain(err error, ref Ref) error {
	switch fetch.Status(err) {
	case http.StatusUnauthorized:
		// The hub answers so for what does not exist, too.
		if h.token == "" {
			return fault.Wrap(fault.NotFound, err, "hf.co/%s does not exist or is private; set HF_TOKEN to a token that may read it", ref.Repo)
		}
		return fault.Wrap(fault.Denied, err, "hf.co/%s does not exist, or the token in HF_TOKEN may not read it", ref.Repo)
	case http.StatusForbidden:
		return fault.Wrap(fault.Denied, err, "hf.co/%s is gated; accept its terms on the hub and set HF_TOKEN to a token of that account", ref.Repo)
	case http.StatusNotFound:
		return fault.Wrap(fault.NotFound, err, "hf.co/%s has no revision %s, or does not exist", ref.Repo, ref.Revision)
	}
	return err
}

// quantOf returns the quantization that a file's name says, or "".
func quantOf(name string) string {
	stem := strings.TrimSuffix(path.Base(name), ".gguf")
	if whole, _, _, ok := source.Split(stem); ok {
		stem = whole
	}
	if match := quantPattern.FindStringSubmatch(stem); match != nil {
		return strings.ToUpper(match[1])
	}
	return ""
}

// choose picks the files of one model: the file that was named, the
// quantization that was asked for, or the best known default.
func choose(files []file, ref Ref) (chosen []file, quant string, err error) {
	if ref.File != "" {
		for i, f := range files {
			if f.Path == ref.File {
				parts, err := withParts(files, i, ref)
				return parts, quantOf(f.Path), err
			}
		}
		return nil, "", fault.New(fault.NotFound, "hf.co/%s has no file %s", ref.Repo, ref.File)
	}
	var quants []string
	for _, f := range files {
		if q := quantOf(f.Path); q != "" && !slices.Contains(quants, q) {
			quants = append(quants, q)
		}
	}
	quant = strings.ToUpper(ref.Quant)
	for _, q := range []string{"Q4_K_M", "Q4_0", "Q5_K_M", "Q8_0"} {
		if quant == "" && slices.Contains(quants, q) {
			quant = q
		}
	}
	if quant == "" && (len(files) == 1 || len(quants) == 1) {
		quant = quantOf(files[0].Path)
	}
	for i, f := range files {
		if q := quantOf(f.Path); q == quant && (quant != "" || len(files) == 1) {
			parts, err := withParts(files, i, ref)
			return parts, quant, err
		}
	}
	if ref.Quant == "" {
		if len(quants) == 0 {
			return nil, "", fault.New(fault.Invalid, "hf.co/%s has several models; name a file: hf.co/%s/%s", ref.Repo, ref.Repo, files[0].Path)
		}
		return nil, "", fault.New(fault.Invalid, "hf.co/%s has several models; name one behind a colon: %s", ref.Repo, strings.Join(quants, ", "))
	}
	return nil, "", fault.New(fault.NotFound, "hf.co/%s has no %s; it has %s", ref.Repo, ref.Quant, strings.Join(quants, ", "))
}

// withParts returns the file at i and, when it is a part, the others of its
// model in order.
func withParts(files []file, i int, ref Ref) ([]file, error) {
	stem, _, parts, ok := source.Split(files[i].Path)
	if !ok {
		return files[i : i+1], nil
	}
	var chosen []file
	for _, f := range files { // sorted by path, and so by part
		if s, _, n, ok := source.Split(f.Path); ok && s == stem && n == parts {
			chosen = append(chosen, f)
		}
	}
	if want := strings.TrimLeft(parts, "0"); want != strconv.Itoa(len(chosen)) {
		return nil, fault.New(fault.NotFound, "hf.co/%s has %d of the %s parts of %s", ref.Repo, len(chosen), want, path.Base(stem))
	}
	return chosen, nil
}
