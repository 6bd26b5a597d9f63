package folder

import (
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// id is the URL of a file by its path below the folder.
func (s *source) id(name string) string {
	base := filepath.ToSlash(s.path)
	if !strings.HasPrefix(base, "/") {
		base = "/" + base // a drive of Windows
	}
	return "file://" + strings.TrimSuffix(escape(base), "/") + "/" + escape(name)
}

// local returns the path below the folder that an ID means. NotFound: it means
// nothing there.
func (s *source) local(id string) (string, error) {
	// The one way to write an ID is ours, so that each file has one.
	base := s.id("")
	rest, ok := strings.CutPrefix(id, base)
	if !ok {
		return "", notFound(id, nil)
	}
	name, ok := unescape(rest)
	if !ok || name == "" || path.Clean(name) != name || !filepath.IsLocal(filepath.FromSlash(name)) || s.id(name) != id {
		return "", notFound(id, nil)
	}
	if runtime.GOOS == "windows" && strings.ContainsAny(name, `\:`) {
		return "", notFound(id, nil)
	}
	return name, nil
}

const upperHex = "0123456789ABCDEF"

// escape writes a path for a URL: every byte that has no meaning of its own in
// any part of one stays, slashes too.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~/:", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}

// unescape undoes escape.
func unescape(s string) (string, bool) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			out = append(out, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		high, low := strings.IndexByte(upperHex, s[i+1]), strings.IndexByte(upperHex, s[i+2])
		if high < 0 || low < 0 {
			return "", false
		}
		out = append(out, byte(high<<4|low))
		i += 2
	}
	return string(out), true
}

// temporary are the names that programs give to files that are not finished.
var temporary = []string{".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".swp", ".swo", ".swx", "~"}

// passedOver reports whether a name is no document: hidden, a system's own, or
// what an editor or a browser keeps beside the file it works on.
func passedOver(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~$") || strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") {
		return true
	}
	lower := strings.ToLower(name)
	switch lower {
	case "thumbs.db", "desktop.ini", "4913": // the last is what vim tries a folder with
		return true
	}
	for _, suffix := range temporary {
		if strings.HasSuffix(lower, suffix) {
			return true
		}
	}
	return false
}
