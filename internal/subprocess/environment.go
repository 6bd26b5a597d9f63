package subprocess

import (
	"os"
	"strings"
)

// passed are the variables that the engine, its GPU drivers and the C library
// need. Everything else stays here: the environment of a server holds secrets.
var passed = []string{
	"PATH", "HOME", "TMPDIR", "TEMP", "TMP", "LANG", "LC_", "TZ",
	"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR", "LOCALAPPDATA", "APPDATA", "USERPROFILE",
	"PROGRAMDATA", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "VK_", "GGML_", "GODEBUG", "GOCOVERDIR", "OUTCROP_RUNNER_",
}

// Environment is what a child gets: what was given, or without it those of our
// own variables that engines need.
func Environment(explicit []string) []string {
	if explicit != nil {
		return explicit
	}
	env := []string{}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		for _, p := range passed {
			upper := strings.ToUpper(name)
			if upper == p || strings.HasSuffix(p, "_") && strings.HasPrefix(upper, p) {
				env = append(env, kv)
				break
			}
		}
	}
	return env
}
