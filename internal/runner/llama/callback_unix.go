//go:build unix

package llama

import (
	"unsafe"

	"github.com/ebitengine/purego"
)

func newLogCallback(sink func(string)) uintptr {
	f := &logFilter{sink: sink}
	return purego.NewCallback(func(level int32, text, _ unsafe.Pointer) uintptr {
		f.write(level, goString(text))
		return 0
	})
}

func newProgressCallback(sink *progressSink) uintptr {
	return purego.NewCallback(func(fraction float32, _ unsafe.Pointer) bool {
		sink.report(float64(fraction))
		return true
	})
}
