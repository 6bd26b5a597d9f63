package runner

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
)

// newIdleMeter reads the kernel's own accounts of all cores.
func newIdleMeter() func() (cores float64, known bool) {
	var lastIdle, lastAll uint64
	return func() (float64, bool) {
		data, err := os.ReadFile("/proc/stat")
		if err != nil {
			return 0, false
		}
		line, _, _ := bytes.Cut(data, []byte("\n"))
		fields := bytes.Fields(line)
		const user, idle, iowait, steal = 1, 4, 5, 8
		if len(fields) <= steal || string(fields[0]) != "cpu" {
			return 0, false
		}
		var sum [2]uint64 // all, idle
		for i := user; i <= steal; i++ {
			n, err := strconv.ParseUint(string(fields[i]), 10, 64)
			if err != nil {
				return 0, false
			}
			sum[0] += n
			if i == idle || i == iowait {
				sum[1] += n
			}
		}
		all, quiet := sum[0]-lastAll, sum[1]-lastIdle
		lastAll, lastIdle = sum[0], sum[1]
		if all == 0 {
			return 0, false
		}
		return float64(quiet) / float64(all) * float64(runtime.NumCPU()), true
	}
}
