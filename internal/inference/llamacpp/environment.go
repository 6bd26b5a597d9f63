package llamacpp

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

// environment is the child's.
func environment(explicit []string) []string {
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
