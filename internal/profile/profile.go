// Package profile writes profiles into the files that the AWS CLI and SDKs
// read, with the care that `aws configure` takes: only the named keys of the
// named section change, everything else (comments, order, other profiles, line
// ends) stays. A file that it makes is private; one that is there keeps its mode,
// also where others may read it.
//
// It knows nothing of Outcrop's server; the configure command calls it.
package profile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Setting is one key of a section.
type Setting struct{ Key, Value string }

// Paths returns the config and the credentials file, where the AWS variables
// say or in ~/.aws.
func Paths(getenv func(string) string, home string) (config, credentials string) {
	config, credentials = getenv("AWS_CONFIG_FILE"), getenv("AWS_SHARED_CREDENTIALS_FILE")
	if config == "" {
		config = filepath.Join(home, ".aws", "config")
	}
	if credentials == "" {
		credentials = filepath.Join(home, ".aws", "credentials")
	}
	return config, credentials
}

// ErrSyntax is in the chain of errors about values that an INI file cannot hold.
var ErrSyntax = errors.New("not writable as an INI value")

// Write sets the settings in one section of a file, which is made (mode 0600,
// its directory 0700) when it does not exist and keeps its mode when it does. The file is replaced in one step:
// a crash leaves the old one.
func Write(path, section string, settings []Setting) error {
	for _, s := range settings {
		if strings.ContainsAny(s.Key+s.Value+section, "\r\n") || strings.ContainsAny(section, "[]") {
			return fmt.Errorf("%s of section %s: %w", s.Key, section, ErrSyntax)
		}
	}
	// A symbolic link is followed, as many keep these files in another place.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read %s: %w", path, err)
	}
	mode := os.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	} else if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the directory of %s: %w", path, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".outcrop-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // it is gone after the rename
	_, err = tmp.WriteString(edit(string(old), section, settings))
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// edit returns text with the settings in place.
func edit(text, section string, settings []Setting) string {
	end := "\n"
	if strings.Contains(text, "\r\n") {
		end = "\r\n"
	}
	var lines []string
	if text != "" {
		lines = strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	}
	start, stop := find(lines, section)
	if start < 0 {
		if len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) != "" {
			lines = append(lines, "")
		}
		lines = append(lines, "["+section+"]")
		start, stop = len(lines)-1, len(lines)
	}
	for _, s := range settings {
		line := s.Key + " = " + s.Value
		at := -1
		for i := start + 1; i < stop; i++ {
			key, _, ok := strings.Cut(lines[i], "=")
			// An indented line belongs to the nested key above it.
			if ok && strings.TrimSpace(key) == s.Key && !strings.HasPrefix(key, " ") && !strings.HasPrefix(key, "\t") {
				at = i
			}
		}
		if at >= 0 {
			lines[at] = line
			continue
		}
		at = stop
		for at > start+1 && strings.TrimSpace(lines[at-1]) == "" {
			at--
		}
		lines = append(lines[:at], append([]string{line}, lines[at:]...)...)
		stop++
	}
	return strings.Join(lines, end) + end
}

// find returns the line of a section's header and the line after its last.
func find(lines []string, section string) (start, stop int) {
	start = -1
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "[") {
			continue
		}
		if start >= 0 {
			return start, i
		}
		name, _, ok := strings.Cut(line[1:], "]")
		if ok && strings.Join(strings.Fields(name), " ") == section {
			start = i
		}
	}
	return start, len(lines)
}
