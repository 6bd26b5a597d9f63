package registry_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/outbound"
	"github.com/outcrop/outcrop/internal/pack/registry"
	"github.com/outcrop/outcrop/test/hub"
)

// machine is an Env of its own: variables and files below a temporary root.
func machine(t *testing.T, variables map[string]string, files map[string]string) registry.Env {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return registry.Env{
		Getenv: func(name string) string { return strings.ReplaceAll(variables[name], "ROOT", root) },
		Home:   filepath.Join(root, "home"), Dir: filepath.Join(root, "project"), GOOS: "linux", Root: root,
	}
}

func client() *fetch.Client {
	return fetch.New(fetch.Params{Retries: -1, Wait: func(ctx context.Context, _ int) error { return ctx.Err() }})
}

func TestNPM(t *testing.T) {
	t.Parallel()
	h := hub.New(t)
	h.AddNPM("@scope/part", "1.2.3", map[string][]byte{"package/x": []byte("x")})
	h.AddNPM("plain", "1.0.0", map[string][]byte{"package/x": []byte("x")})
	registryURL := h.URL + "/npm/"
	host := strings.TrimPrefix(h.URL, "http:")
	tests := []struct {
		name      string
		variables map[string]string
		files     map[string]string
		pkg       string
		version   string
		auth      string
		want      fault.Kind
		fails     bool
	}{
		{name: "variable", variables: map[string]string{"npm_config_registry": registryURL}, pkg: "plain", version: "1.0.0"},
		{name: "variable in capitals", variables: map[string]string{"NPM_CONFIG_REGISTRY": strings.TrimSuffix(registryURL, "/")}, pkg: "plain", version: "1.0.0"},
		{name: "user's file", files: map[string]string{"home/.npmrc": "; mine\nregistry = " + registryURL + "\n"}, pkg: "@scope/part", version: "1.2.3"},
		{name: "project's file over the user's", files: map[string]string{"home/.npmrc": "registry=http://127.0.0.1:1/", "project/.npmrc": `registry="` + registryURL + `"`}, pkg: "plain", version: "1.0.0"},
		{name: "system's file", files: map[string]string{"etc/npmrc": "registry=" + registryURL}, pkg: "plain", version: "1.0.0"},
		{name: "file that a variable names", variables: map[string]string{"npm_config_userconfig": "ROOT/other"}, files: map[string]string{"other": "registry=" + registryURL, "home/.npmrc": "registry=http://127.0.0.1:1/"}, pkg: "plain", version: "1.0.0"},
		{name: "scope", files: map[string]string{"home/.npmrc": "registry=http://127.0.0.1:1/\n@scope:registry=" + registryURL}, pkg: "@scope/part", version: "1.2.3"},
		{name: "token", variables: map[string]string{"TOKEN": "s3cret"}, files: map[string]string{"home/.npmrc": "registry=" + registryURL + "\n" + host + "/npm/:_authToken=${TOKEN}"}, pkg: "plain", version: "1.0.0", auth: "Bearer s3cret"},
		{name: "token of the host", files: map[string]string{"home/.npmrc": "registry=" + registryURL + "\n" + host + "/:_authToken=s3cret"}, pkg: "plain", version: "1.0.0", auth: "Bearer s3cret"},
		{name: "token of another path", files: map[string]string{"home/.npmrc": "registry=" + registryURL + "\n" + host + "/other/:_authToken=s3cret"}, pkg: "plain", version: "1.0.0"},
		{name: "token of another host", files: map[string]string{"home/.npmrc": "registry=" + registryURL + "\n//example.com/npm/:_authToken=s3cret"}, pkg: "plain", version: "1.0.0"},
		{name: "name and password", files: map[string]string{"home/.npmrc": "registry=" + registryURL + "\n" + host + "/npm/:username=me\n" + host + "/npm/:_password=czNjcmV0"}, pkg: "plain", version: "1.0.0", auth: "Basic bWU6czNjcmV0"},
		{name: "user in the address", variables: map[string]string{"npm_config_registry": strings.Replace(registryURL, "//", "//me:s3cret@", 1)}, pkg: "plain", version: "1.0.0", auth: "Basic bWU6czNjcmV0"},
		{name: "no such version", variables: map[string]string{"npm_config_registry": registryURL}, pkg: "plain", version: "9.0.0", want: fault.NotFound, fails: true},
		{name: "no such package", variables: map[string]string{"npm_config_registry": registryURL}, pkg: "none", version: "9.0.0", want: fault.NotFound, fails: true},
		{name: "no registry", variables: map[string]string{"npm_config_registry": h.URL + "/npm/plain/-/plain-1.0.0.tgz?"}, pkg: "x", version: "1", want: fault.Unavailable, fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			registries, err := registry.New(machine(t, tt.variables, tt.files), client())
			if err != nil {
				t.Fatal(err)
			}
			archive, err := registries.NPM(t.Context(), tt.pkg, tt.version)
			if tt.fails {
				if !fault.Is(err, tt.want) {
					t.Errorf("got %v, %v, want a fault of kind %v", archive, err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			base := tt.pkg[strings.LastIndexByte(tt.pkg, '/')+1:]
			if want := registryURL + tt.pkg + "/-/" + base + "-" + tt.version + ".tgz"; archive.URL != want {
				t.Errorf("address: got %s, want %s", archive.URL, want)
			}
			if got := archive.Header.Get("Authorization"); got != tt.auth {
				t.Errorf("authorization: got %q, want %q", got, tt.auth)
			}
		})
	}
}

func TestPyPI(t *testing.T) {
	t.Parallel()
	h := hub.New(t)
	const wheel = "my_part-1.0-py3-none-any.whl"
	h.AddPyPI("my-part", wheel, map[string][]byte{"x": []byte("x")})
	html, json := h.URL+"/pypi", h.URL+"/json/"
	tests := []struct {
		name      string
		variables map[string]string
		files     map[string]string
		project   string
		file      string
		auth      string
		want      fault.Kind
		fails     bool
	}{
		{name: "page in HTML", variables: map[string]string{"PIP_INDEX_URL": html}},
		{name: "page in JSON", variables: map[string]string{"PIP_INDEX_URL": json}},
		{name: "name is normalized", variables: map[string]string{"PIP_INDEX_URL": html}, project: "My_.Part"},
		{name: "user's file", files: map[string]string{"home/.config/pip/pip.conf": "[global]\nindex-url = " + html}},
		{name: "user's file of old", files: map[string]string{"home/.pip/pip.conf": "[global]\nindex_url: x\nindex_url = " + html}},
		{name: "system's file", files: map[string]string{"etc/pip.conf": "[global]\nindex-url=" + html}},
		{name: "section install over global", files: map[string]string{"etc/pip.conf": "[install]\nindex-url=" + html, "home/.pip/pip.conf": "[global]\nindex-url=http://127.0.0.1:1/"}},
		{name: "file that a variable names", variables: map[string]string{"PIP_CONFIG_FILE": "ROOT/other"}, files: map[string]string{"other": "[global]\nindex-url=" + html}},
		{name: "virtual environment", variables: map[string]string{"VIRTUAL_ENV": "ROOT/venv"}, files: map[string]string{"venv/pip.conf": "[global]\nindex-url=" + html}},
		{name: "extra index", variables: map[string]string{"PIP_INDEX_URL": h.URL + "/empty", "PIP_EXTRA_INDEX_URL": "http://127.0.0.1:1/ " + html}},
		{name: "user in the address", variables: map[string]string{"PIP_INDEX_URL": strings.Replace(html, "//", "//me:s3cret@", 1)}, auth: "Basic bWU6czNjcmV0"},
		{name: "no such project", variables: map[string]string{"PIP_INDEX_URL": html}, project: "none", want: fault.NotFound, fails: true},
		{name: "no such file", variables: map[string]string{"PIP_INDEX_URL": html}, file: "other-2.0-py3-none-any.whl", want: fault.NotFound, fails: true},
		{name: "no connection", variables: map[string]string{"PIP_INDEX_URL": "http://me:s3cret@127.0.0.1:1/"}, want: fault.Unavailable, fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			registries, err := registry.New(machine(t, tt.variables, tt.files), client())
			if err != nil {
				t.Fatal(err)
			}
			project, file := "my-part", wheel
			if tt.project != "" {
				project = tt.project
			}
			if tt.file != "" {
				file = tt.file
			}
			archive, err := registries.PyPI(t.Context(), project, file)
			if tt.fails {
				if !fault.Is(err, tt.want) || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("got %v, %v, want a fault of kind %v without secrets", archive, err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := registry.Archive{URL: h.URL + "/files/" + wheel}
			if tt.auth != "" {
				want.Header = http.Header{"Authorization": {tt.auth}}
			}
			if diff := cmp.Diff(want, archive); diff != "" {
				t.Errorf("archive (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnreadableSettings(t *testing.T) {
	t.Parallel()
	env := machine(t, map[string]string{"REQUESTS_CA_BUNDLE": "ROOT/none.pem"}, nil)
	if _, err := registry.HTTPClient(env, outbound.New(outbound.Params{})); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "REQUESTS_CA_BUNDLE") {
		t.Errorf("got %v, want it to name REQUESTS_CA_BUNDLE", err)
	}
	env = machine(t, nil, map[string]string{"home/.npmrc/not-a-file": ""})
	if _, err := registry.New(env, client()); err != nil {
		t.Errorf("a directory in place of .npmrc: got %v, want it ignored", err)
	}
}

// TestHTTPClient connects to a server that only the named bundle vouches for,
// and through the proxy that npm is told to use.
func TestHTTPClient(t *testing.T) {
	t.Parallel()
	secure := secureServer(t)
	for _, name := range []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "npm_config_cafile"} {
		env := machine(t, map[string]string{name: "ROOT/ca.pem"}, map[string]string{"ca.pem": secure.pem})
		httpClient, err := registry.HTTPClient(env, outbound.New(outbound.Params{}))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := httpClient.Get(secure.url)
		if err != nil {
			t.Errorf("%s: got %v, want the certificate trusted", name, err)
			continue
		}
		resp.Body.Close()
	}
	var seen string
	proxy := hub.New(t)
	proxy.Add("/through", "text/plain", []byte("x"))
	httpClient, err := registry.HTTPClient(machine(t, nil, map[string]string{"home/.npmrc": "proxy=" + proxy.URL + "\nnoproxy=direct.invalid"}), outbound.New(outbound.Params{}))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := httpClient.Get("http://registry.invalid/through")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if seen = resp.Status; resp.StatusCode != http.StatusOK {
		t.Errorf("through the proxy: got %s, want 200 OK", seen)
	}
	if resp, err := httpClient.Get("http://direct.invalid/through"); err == nil {
		resp.Body.Close()
		t.Error("a host in noproxy was reached through the proxy")
	}
}
