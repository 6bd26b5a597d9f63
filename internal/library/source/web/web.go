// Package web takes a model file from an address as it is.
//
// Package library calls it.
package web

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/library/source"
)

// Resolve reads http(s)://…/model.gguf, with #sha256=… behind it where the
// digest is known. User and password in the address become a header; the
// query, which may be a secret too, is used but not kept. Fault: Invalid.
func Resolve(address string) (*source.Plan, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.New(fault.Invalid, "%s cannot be read as an address", fetch.Redact(address))
	}
	name := path.Base(u.Path)
	if !strings.HasSuffix(strings.ToLower(name), ".gguf") {
		return nil, fault.New(fault.Invalid, "%s does not end in .gguf", fetch.Redact(address))
	}
	if err := source.SafeFile(name); err != nil {
		return nil, err
	}
	if _, _, _, split := source.Split(name); split {
		return nil, fault.New(fault.Unsupported, "%s is one part of a model in several files; download all of them and use: outcrop models import", name)
	}
	remote := source.Remote{Name: name}
	if sum, ok := strings.CutPrefix(u.Fragment, "sha256="); ok {
		if remote.Digest, err = fetch.SHA256(sum); err != nil {
			return nil, err
		}
	} else if u.Fragment != "" {
		return nil, fault.New(fault.Invalid, "behind # only sha256=… is understood")
	}
	u.Fragment = ""
	if u.User != nil {
		password, _ := u.User.Password()
		req := http.Request{Header: http.Header{}}
		req.SetBasicAuth(u.User.Username(), password)
		remote.Header = req.Header
		u.User = nil
	}
	remote.URL = u.String()
	return &source.Plan{Name: source.CleanName(strings.TrimSuffix(name, path.Ext(name))), Source: fetch.Redact(remote.URL), Files: []source.Remote{remote}}, nil
}
