package layers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
)

// dialing are the ways of the standard library to open a connection. A server
// that is told to stay offline would not know of one that is opened elsewhere
// than in package outbound.
var dialing = map[string][]string{
	"net":        {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer", "DefaultResolver", "LookupHost", "LookupIP", "LookupAddr", "LookupCNAME"},
	"net/http":   {"Get", "Head", "Post", "PostForm", "DefaultClient", "DefaultTransport", "Transport", "Client"},
	"crypto/tls": {"Dial", "DialWithDialer", "Dialer"},
}

// dialers are who may, by package and name, with the reason.
var dialers = []struct {
	pkg, name, why string
}{
	{"internal/outbound", "Dialer", "it is the place"},
	{"internal/outbound", "Transport", "it is the place"},
	{"internal/outbound", "Client", "it is the place"},
	{"internal/client", "Transport", "a command calls the server of its own machine or the one that its user names"},
	{"internal/client", "Client", "as above"},
	{"internal/app", "Client", "a look at whether a server is alive on this machine"},
	{"internal/bucket", "Client", "the gateway is a child process behind a Unix socket"},
	{"internal/bucket", "Transport", "as above"},
	{"internal/bucket", "Dialer", "as above"},
	{"internal/fetch", "Client", "a type: it is given one"},
	{"internal/pack", "Client", "a type: it is given one"},
	{"internal/pack/registry", "Client", "its transport is that of package outbound"},
	{"internal/inference/bedrock", "Transport", "a type: package outbound is applied to it"},
	{"internal/knowledge/source/s3", "Transport", "a type: package outbound is applied to it"},
	{"internal/telemetry/trace", "Client", "a type: it is given one"},
}

func TestConnectionsAreOpenedInOnePlace(t *testing.T) {
	t.Parallel()
	root := moduleRoot(t)
	used := make([]bool, len(dialers))
	for _, p := range packages(t) {
		if !matches("internal/...", p.ImportPath) && !matches("cmd/outcrop", p.ImportPath) {
			continue
		}
		for _, file := range p.GoFiles {
			path := filepath.Join(root, filepath.FromSlash(p.ImportPath), file)
			for _, use := range dials(t, path) {
				i := slices.IndexFunc(dialers, func(d struct{ pkg, name, why string }) bool { return d.pkg == p.ImportPath && d.name == use.name })
				if i >= 0 {
					used[i] = true
					continue
				}
				t.Errorf("%s:%d uses %s, want the client or the dialer of package outbound", path, use.line, use.name)
			}
		}
	}
	for i, d := range dialers {
		if !used[i] {
			t.Errorf("%s does not use %s any more, want the exception removed", d.pkg, d.name)
		}
	}
}

type use struct {
	name string
	line int
}

// dials lists what a file uses of dialing.
func dials(t *testing.T, path string) []use {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{} // local name to import path
	for _, i := range f.Imports {
		p := i.Path.Value[1 : len(i.Path.Value)-1]
		name := filepath.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = p
	}
	var found []use
	ast.Inspect(f, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && slices.Contains(dialing[names[x.Name]], selector.Sel.Name) {
			found = append(found, use{selector.Sel.Name, files.Position(selector.Pos()).Line})
		}
		return true
	})
	return found
}
