// Package machine tells what the machine has that the server runs on, or the
// container that it is in: so far its memory, all of it and what is free.
package machine

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// containerLimit is the memory that the process's control groups allow, of the
// second version or the first, 0 when they set no limit. The file system is
// the machine's.
func containerLimit(root fs.FS) int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	var least int64
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		var top, file string
		switch {
		case fields[0] == "0" && fields[1] == "":
			top, file = "sys/fs/cgroup", "memory.max"
		case fields[1] == "memory":
			top, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// Every group above has a say. In a container the path may be one
		// that only its host knows; the top is the container's own then.
		for dir := path.Clean("/" + fields[2]); ; dir = path.Dir(dir) {
			data, err := fs.ReadFile(root, path.Join(top, dir, file))
			if err == nil {
				n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
				if err == nil && n > 0 && (least == 0 || n < least) { // "max" is not a number
					least = n
				}
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}
