// Package source says what has to be downloaded for a model that somebody
// names; its subpackages find it out from one kind of place each: huggingface,
// ollama and web.
//
// A source downloads no weights and writes nothing. Package library is the only
// caller: it parses the reference, asks the source for a Plan and carries it
// out.
package source

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
)

// Plan is a model that can be downloaded.
type Plan struct {
	Name     string   // proposed local name; see CleanName
	Source   string   // the reference in its one canonical form, without secrets
	Files    []Remote // in the order of the parts; at least one
	License  string
	Template string          // chat template in the hub's own language, for the record
	System   string          // the hub's default system prompt, for the record
	Defaults json.RawMessage // the hub's default sampling parameters, for the record
}

// Remote is a file of a Plan.
type Remote struct {
	Name   string // file name, without folders
	URL    string
	Header http.Header
	Size   int64        // 0 not known
	Digest fetch.Digest // zero: not known
}

var notInNames = regexp.MustCompile(`[^a-z0-9._]+`)

// CleanName makes a local model name: lower-case letters, digits, dot, dash and
// underscore, 100 at most, beginning with a letter or digit. It is empty when
// nothing is left.
func CleanName(s string) string {
	s = notInNames.ReplaceAllString(strings.ToLower(s), "-")
	s = strings.TrimLeft(s, "-._")
	if len(s) > 100 {
		s = s[:100]
	}
	return strings.TrimRight(s, "-._")
}

var splitPattern = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})$`)

// Split takes apart the name of one part of a model that is split into several
// files: "model-00002-of-00003.gguf" is part 2 of 3 of "model". ok is false for
// any other name.
func Split(file string) (stem string, part, parts string, ok bool) {
	match := splitPattern.FindStringSubmatch(strings.TrimSuffix(file, ".gguf"))
	if match == nil {
		return "", "", "", false
	}
	return match[1], match[2], match[3], true
}

// Bearer returns the header that carries a token to an address, or nil when
// there is no token or the connection would show it to others.
func Bearer(address, token string) http.Header {
	u, err := url.Parse(address)
	if err != nil || token == "" {
		return nil
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil
	}
	return http.Header{"Authorization": {"Bearer " + token}}
}

// SafeFile checks that a file name from a hub is one name, fit for any file
// system. Fault: Invalid.
func SafeFile(name string) error {
	if name == "" || len(name) > 200 || strings.ContainsAny(name, "/\\:*?\"<>|\x00") || strings.HasPrefix(name, ".") {
		return fault.New(fault.Invalid, "%.80q cannot be the name of a model file", name)
	}
	return nil
}
