package registry

import (
	"context"
	"encoding/json"
	"html"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
)

const pypiDefault = "https://pypi.org/simple"

// pipConfig is what pip's settings say: values of "global" overridden by those
// of "install", the only two sections that hold for an installation.
type pipConfig struct {
	values map[string]string
}

// readPip reads the files that pip reads, the weaker ones first, then the
// environment.
func readPip(env Env) (pipConfig, error) {
	c := pipConfig{values: map[string]string{}}
	var files []string
	name := "pip.conf"
	switch env.GOOS {
	case "windows":
		name = "pip.ini"
		if dir := env.Getenv("ProgramData"); dir != "" {
			files = append(files, filepath.Join(dir, "pip", name))
		}
	case "darwin":
		files = append(files, env.Root+"/Library/Application Support/pip/pip.conf")
	default:
		dirs := env.Getenv("XDG_CONFIG_DIRS")
		if dirs == "" {
			dirs = env.Root + "/etc/xdg"
		}
		for dir := range strings.SplitSeq(dirs, ":") {
			files = append(files, filepath.Join(dir, "pip", name))
		}
		files = append(files, env.Root+"/etc/pip.conf")
	}
	if env.Home != "" {
		files = append(files, filepath.Join(env.Home, map[bool]string{true: "pip", false: ".pip"}[env.GOOS == "windows"], name))
		switch config := env.Getenv("XDG_CONFIG_HOME"); {
		case env.GOOS == "windows":
			if dir := env.Getenv("APPDATA"); dir != "" {
				files = append(files, filepath.Join(dir, "pip", name))
			}
		case config != "":
			files = append(files, filepath.Join(config, "pip", name))
		default:
			files = append(files, filepath.Join(env.Home, ".config", "pip", name))
		}
		if env.GOOS == "darwin" {
			files = append(files, filepath.Join(env.Home, "Library", "Application Support", "pip", name))
		}
	}
	if dir := env.Getenv("VIRTUAL_ENV"); dir != "" {
		files = append(files, filepath.Join(dir, name))
	}
	switch file := env.Getenv("PIP_CONFIG_FILE"); {
	case file == "/dev/null" || strings.EqualFold(file, "nul"):
		files = nil
	case file != "":
		files = append(files, file)
	}
	install := map[string]string{}
	for _, file := range files {
		err := ini(file, func(section, key, value string) {
			key = strings.ReplaceAll(strings.ToLower(key), "_", "-")
			switch section {
			case "global":
				c.values[key] = value
			case "install":
				install[key] = value
			}
		})
		if err != nil {
			return c, err
		}
	}
	maps.Copy(c.values, install)
	for _, key := range []string{"index-url", "extra-index-url", "cert", "proxy"} {
		if v := env.Getenv("PIP_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))); v != "" {
			c.values[key] = v
		}
	}
	return c, nil
}

// indexes returns the addresses to look in, the first one first.
func (c pipConfig) indexes() []string {
	index := c.values["index-url"]
	if index == "" {
		index = pypiDefault
	}
	return append([]string{index}, strings.Fields(c.values["extra-index-url"])...)
}

const (
	simpleAccept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
	simpleLimit  = 64 << 20
)

var (
	anchorPattern = regexp.MustCompile(`(?is)<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)')`)
	namePattern   = regexp.MustCompile(`[-_.]+`)
)

// PyPI finds a file of a project by its name. Every configured index is asked
// until one has it. Faults: NotFound when none has, and those of
// fetch.Document.
func (r *Registries) PyPI(ctx context.Context, project, file string) (Archive, error) {
	var failed error
	indexes := r.pip.indexes()
	for _, index := range indexes {
		address, header := basic(slash(index))
		archive, err := r.pypi(ctx, address, header, project, file)
		if err == nil {
			return archive, nil
		}
		if failed == nil || fault.Is(failed, fault.NotFound) {
			failed = err
		}
	}
	return Archive{}, failed
}

func (r *Registries) pypi(ctx context.Context, index string, header http.Header, project, file string) (Archive, error) {
	ask := header.Clone()
	if ask == nil {
		ask = http.Header{}
	}
	ask.Set("Accept", simpleAccept)
	page := index + strings.ToLower(namePattern.ReplaceAllString(project, "-")) + "/"
	doc, err := r.client.Document(ctx, page, ask, simpleLimit)
	if fetch.Status(err) == http.StatusNotFound {
		return Archive{}, fault.Wrap(fault.NotFound, err, "the Python package index %s has no project %s", fetch.Redact(index), project)
	}
	if err != nil {
		return Archive{}, err
	}
	links, err := simpleLinks(doc)
	if err != nil {
		return Archive{}, err
	}
	for _, link := range links {
		address, err := doc.URL.Parse(link)
		if err != nil || path.Base(address.Path) != file || (address.Scheme != "https" && address.Scheme != "http") {
			continue
		}
		address.Fragment = ""
		archive := Archive{URL: address.String()}
		if archive.URL, archive.Header = basic(archive.URL); archive.Header == nil && sameHost(index, archive.URL) {
			archive.Header = header
		}
		return archive, nil
	}
	return Archive{}, fault.New(fault.NotFound, "the Python package index %s has no file %s of %s", fetch.Redact(index), file, project)
}

// simpleLinks reads both forms of a project page: JSON (PEP 691) and HTML (PEP 503).
func simpleLinks(doc *fetch.Document) ([]string, error) {
	// A media type that cannot be read is HTML, as from mirrors that send none.
	kind, _, _ := mime.ParseMediaType(doc.Header.Get("Content-Type"))
	var links []string
	if !strings.HasSuffix(kind, "json") {
		for _, match := range anchorPattern.FindAllStringSubmatch(string(doc.Body), -1) {
			links = append(links, html.UnescapeString(match[1]+match[2]))
		}
		return links, nil
	}
	var page struct {
		Files []struct {
			URL string `json:"url"`
		} `json:"files"`
	}
	if err := json.Unmarshal(doc.Body, &page); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s does not answer as a Python package index", fetch.Redact((&url.URL{Scheme: doc.URL.Scheme, Host: doc.URL.Host, Path: doc.URL.Path}).String()))
	}
	for _, file := range page.Files {
		links = append(links, file.URL)
	}
	return links, nil
}
