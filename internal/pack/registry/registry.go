// Package registry finds packages of npm and PyPI in the mirrors that this
// machine's npm and pip are configured with, without needing either.
//
// It reads their settings (environment variables, .npmrc, pip.conf), asks the
// mirror's index and answers where an archive is. It downloads no archive and
// trusts nothing that it hears: package pack compares every archive with its
// own pins. Package pack is the only caller.
//
// Credentials are sent only to the host, and with npm the path, that they were
// configured for, and are never part of an error.
package registry

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
)

// Env is the part of the machine that the settings are read from.
type Env struct {
	Getenv func(string) string
	Home   string // the user's home directory
	Dir    string // the working directory, for a project's .npmrc
	GOOS   string
	Root   string // put before absolute paths of system-wide files; "" outside of tests
}

// System is the Env of this process. A home or working directory that cannot be
// found leaves out the files that would be there.
func System() Env {
	home, _ := os.UserHomeDir()
	dir, _ := os.Getwd()
	return Env{Getenv: os.Getenv, Home: home, Dir: dir, GOOS: runtime.GOOS}
}

// setting returns the first of the environment variables that is set.
func (e Env) setting(names ...string) string {
	for _, name := range names {
		if v := e.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}

// Archive is where an archive of a package is.
type Archive struct {
	URL    string
	Header http.Header // credentials for that address
}

// Registries asks both kinds of registry.
type Registries struct {
	client *fetch.Client
	npm    npmConfig
	pip    pipConfig
}

// New reads the settings of npm and pip. A settings file that is there but
// cannot be read is an error; one that is not there is none.
func New(env Env, client *fetch.Client) (*Registries, error) {
	npm, err := readNPM(env)
	if err != nil {
		return nil, err
	}
	pip, err := readPip(env)
	if err != nil {
		return nil, err
	}
	return &Registries{client: client, npm: npm, pip: pip}, nil
}

// ini calls set for every "key = value" of an ini file with the section that it
// is in, and is quiet about a file that does not exist. Indented lines belong to
// the value above them in pip's dialect and are skipped in npm's, where no value
// that is read here spans lines.
func ini(path string, set func(section, key, value string)) error {
	file, err := os.Open(path)
	if os.IsNotExist(err) || errorIsNotDir(path, err) {
		return nil
	}
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "cannot read the settings file %s", path)
	}
	defer file.Close()
	section := ""
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[' && line[len(line)-1] == ']':
			section = line[1 : len(line)-1]
		default:
			key, value, _ := strings.Cut(line, "=")
			value = strings.TrimSpace(value)
			if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
				value = value[1 : len(value)-1]
			}
			set(section, strings.TrimSpace(key), value)
		}
	}
	if err := lines.Err(); err != nil {
		return fault.Wrap(fault.Invalid, err, "cannot read the settings file %s", path)
	}
	return nil
}

// errorIsNotDir reports whether path cannot exist because a parent of it is a
// file, or path is a directory: settings paths are guesses.
func errorIsNotDir(path string, err error) bool {
	if err == nil {
		info, statErr := os.Stat(path)
		return statErr == nil && info.IsDir()
	}
	info, statErr := os.Stat(filepath.Dir(path))
	return statErr != nil || !info.IsDir()
}

// basic moves a user and password out of an address into a header.
func basic(address string) (clean string, header http.Header) {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address, nil
	}
	password, _ := u.User.Password()
	req := http.Request{Header: http.Header{}}
	req.SetBasicAuth(u.User.Username(), password)
	u.User = nil
	return u.String(), req.Header
}

// slash makes an address end in one slash, so that names can be put behind it.
func slash(address string) string { return strings.TrimRight(address, "/") + "/" }
