package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
)

// npmDefault is where packages come from when nothing is configured; the
// archives that it names are looked for in the configured registry instead, as
// npm does (its setting replace-registry-host).
const npmDefault = "https://registry.npmjs.org/"

const packumentLimit = 64 << 20

// npmConfig is what npm's settings say. Keys as in .npmrc.
type npmConfig struct {
	values map[string]string
}

// readNPM reads the files that npm reads, the weaker ones first, then the
// environment.
func readNPM(env Env) (npmConfig, error) {
	c := npmConfig{values: map[string]string{}}
	variables := []func(key string) string{
		func(key string) string { return env.Getenv("npm_config_" + strings.ReplaceAll(key, "-", "_")) },
		func(key string) string {
			return env.Getenv("NPM_CONFIG_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_")))
		},
	}
	variable := func(key string) string {
		for _, look := range variables {
			if v := look(key); v != "" {
				return v
			}
		}
		return ""
	}
	files := []string{env.Root + "/etc/npmrc", env.Root + "/usr/etc/npmrc", env.Root + "/usr/local/etc/npmrc"}
	if env.GOOS == "windows" {
		files = nil
		if appData := env.Getenv("APPDATA"); appData != "" {
			files = append(files, filepath.Join(appData, "npm", "etc", "npmrc"))
		}
	}
	if file := variable("globalconfig"); file != "" {
		files = []string{file}
	}
	if file := variable("userconfig"); file != "" {
		files = append(files, file)
	} else if env.Home != "" {
		files = append(files, filepath.Join(env.Home, ".npmrc"))
	}
	if env.Dir != "" {
		files = append(files, filepath.Join(env.Dir, ".npmrc"))
	}
	for _, file := range files {
		err := ini(file, func(section, key, value string) {
			if section == "" {
				c.values[expand(key, env.Getenv)] = expand(value, env.Getenv)
			}
		})
		if err != nil {
			return c, err
		}
	}
	for _, key := range []string{"registry", "cafile", "proxy", "https-proxy", "noproxy"} {
		if v := variable(key); v != "" {
			c.values[key] = v
		}
	}
	return c, nil
}

// expand replaces ${NAME} by the variable; an unset one stays, as with npm.
func expand(s string, getenv func(string) string) string {
	var out strings.Builder
	for {
		start := strings.Index(s, "${")
		if start < 0 {
			break
		}
		end := strings.Index(s[start:], "}")
		if end < 0 {
			break
		}
		out.WriteString(s[:start])
		if v := getenv(s[start+2 : start+end]); v != "" {
			out.WriteString(v)
		} else {
			out.WriteString(s[start : start+end+1])
		}
		s = s[start+end+1:]
	}
	return out.String() + s
}

// registry returns the registry of a package, its scope's when that has one.
func (c npmConfig) registry(pkg string) (address string, header http.Header) {
	if scope, _, scoped := strings.Cut(pkg, "/"); scoped && strings.HasPrefix(scope, "@") {
		address = c.values[scope+":registry"]
	}
	if address == "" {
		address = c.values["registry"]
	}
	if address == "" {
		address = npmDefault
	}
	address, header = basic(slash(address))
	if header == nil {
		header = c.credentials(address)
	}
	return address, header
}

// credentials returns the header for an address: npm binds credentials to
// "//host/path/", and the longest path that the address lies in wins.
func (c npmConfig) credentials(address string) http.Header {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	for path := slash("//" + u.Host + u.EscapedPath()); len(path) > len("//"); {
		for _, key := range []string{path, strings.TrimSuffix(path, "/")} {
			if token := c.values[key+":_authToken"]; token != "" {
				return http.Header{"Authorization": {"Bearer " + token}}
			}
			if auth := c.values[key+":_auth"]; auth != "" {
				return http.Header{"Authorization": {"Basic " + auth}}
			}
			user, password := c.values[key+":username"], c.values[key+":_password"]
			if raw, err := base64.StdEncoding.DecodeString(password); err == nil && user != "" && password != "" {
				return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+string(raw)))}}
			}
		}
		path = path[:strings.LastIndexByte(strings.TrimSuffix(path, "/"), '/')+1]
	}
	return nil
}

// NPM finds the archive of a package version. Faults: NotFound when the
// registry has not got it, and those of fetch.Document.
func (r *Registries) NPM(ctx context.Context, pkg, version string) (Archive, error) {
	base, header := r.npm.registry(pkg)
	ask := header.Clone()
	if ask == nil {
		ask = http.Header{}
	}
	ask.Set("Accept", "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8")
	// The whole package is asked for, not one version of it, because that is
	// the only question that every mirror answers.
	doc, err := r.client.Document(ctx, base+strings.Replace(pkg, "/", "%2f", 1), ask, packumentLimit)
	if fetch.Status(err) == http.StatusNotFound {
		return Archive{}, fault.Wrap(fault.NotFound, err, "the npm registry %s has no package %s", fetch.Redact(base), pkg)
	}
	if err != nil {
		return Archive{}, err
	}
	var packument struct {
		Versions map[string]struct {
			Dist struct {
				Tarball string `json:"tarball"`
			} `json:"dist"`
		} `json:"versions"`
	}
	if err := json.Unmarshal(doc.Body, &packument); err != nil {
		return Archive{}, fault.Wrap(fault.Unavailable, err, "%s does not answer as an npm registry", fetch.Redact(base))
	}
	tarball := packument.Versions[version].Dist.Tarball
	if tarball == "" {
		return Archive{}, fault.New(fault.NotFound, "the npm registry %s has no version %s of %s", fetch.Redact(base), version, pkg)
	}
	if rest, ok := strings.CutPrefix(tarball, npmDefault); ok {
		tarball = base + rest
	}
	archive, err := url.Parse(tarball)
	if err != nil || (archive.Scheme != "https" && archive.Scheme != "http") {
		return Archive{}, fault.New(fault.Unavailable, "%s names no address for %s %s", fetch.Redact(base), pkg, version)
	}
	credentials := r.npm.credentials(tarball)
	if archive.Scheme == "http" && strings.HasPrefix(base, "https:") {
		credentials = nil // configured for an encrypted connection
	}
	if credentials == nil && sameHost(base, tarball) {
		credentials = header
	}
	return Archive{URL: tarball, Header: credentials}, nil
}

func sameHost(a, b string) bool {
	first, err := url.Parse(a)
	if err != nil {
		return false
	}
	second, err := url.Parse(b)
	return err == nil && first.Scheme == second.Scheme && first.Host == second.Host
}
