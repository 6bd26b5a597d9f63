package runner

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
)

// newLoadMeter reads the kernel's own accounts of all cores. It knows nothing
// where this process may not use all of them: then the accounts are of other
// cores as well.
func newLoadMeter() loadMeter {
	cores := runtime.NumCPU()
	if data, err := os.ReadFile("/proc/stat"); err != nil || bytes.Count(data, []byte("\ncpu")) != cores {
		return loadMeter{
			idle: func() (float64, bool) { return 0, false },
			free: func() (int, bool) { return 0, false },
		}
	}
	return loadMeter{idle: newIdleMeter(), free: func() (int, bool) {
		others, known := runnable()
		return cores - others, known
	}}
}

// runnable is how many threads of the machine run or want to, beside the one
// that asks.
func runnable() (n int, known bool) {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(data)
	const processes = 3
	if len(fields) <= processes {
		return 0, false
	}
	running, _, _ := bytes.Cut(fields[processes], []byte("/"))
	n, err = strconv.Atoi(string(running))
	return max(n-1, 0), err == nil && n > 0
}

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
