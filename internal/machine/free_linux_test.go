package machine

import (
	"maps"
	"testing"
	"testing/fstest"
)

func TestFree(t *testing.T) {
	t.Parallel()
	const meminfo = "MemTotal:       24684084 kB\nMemFree:        10000000 kB\nMemAvailable:   2048 kB\n"
	container := map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1048576\n"}
	with := func(files map[string]string, name, text string) map[string]string {
		more := map[string]string{name: text}
		maps.Copy(more, files)
		return more
	}
	for name, tc := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing known":        {nil, -1},
		"an old kernel":        {map[string]string{"proc/meminfo": "MemTotal:       24684084 kB\n"}, -1},
		"no number":            {map[string]string{"proc/meminfo": "MemAvailable:   many kB\n"}, -1},
		"a machine":            {map[string]string{"proc/meminfo": meminfo}, 2 << 20},
		"a container":          {with(container, "sys/fs/cgroup/memory.current", "48576\n"), 1_000_000},
		"a full container":     {with(container, "sys/fs/cgroup/memory.current", "9948576\n"), 0},
		"a large one":          {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "99999999\n", "sys/fs/cgroup/memory.current": "5\n"}, 2 << 20},
		"nothing told":         {container, 2 << 20},
		"of the first version": {with(map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "5:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "1000\n"}, "sys/fs/cgroup/memory/memory.usage_in_bytes", "400\n"), 600},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for path, text := range tc.files {
				root[path] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := free(root); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}
