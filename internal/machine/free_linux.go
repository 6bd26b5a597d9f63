package machine

import (
	"bufio"
	"bytes"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// Free is the memory that could be had now without anybody being thrown out, less
// where the process is in a container that has little left; -1 when it is not
// known.
func Free() int64 { return free(os.DirFS("/")) }

func free(root fs.FS) int64 {
	available := int64(-1)
	text, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return -1
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), "MemAvailable:")
		if !ok {
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return -1
		}
		available = kilobytes << 10
	}
	limit := containerLimit(root)
	if limit == 0 || available < 0 {
		return available
	}
	for _, file := range []string{"sys/fs/cgroup/memory.current", "sys/fs/cgroup/memory/memory.usage_in_bytes"} {
		text, err := fs.ReadFile(root, path.Clean(file))
		if err != nil {
			continue
		}
		if used, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			return min(available, max(0, limit-used))
		}
	}
	return available
}
