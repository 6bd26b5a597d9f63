package llama

import (
	"unsafe"

	"github.com/ebitengine/purego"
)

func newLogCallback(sink func(string)) uintptr {
	f := &logFilter{sink: sink}
	return purego.NewCallback(func(_ purego.CDecl, level, text, _ uintptr) uintptr {
		f.write(int32(level), goString(*(*unsafe.Pointer)(unsafe.Pointer(&text))))
		return 0
	})
}

// newProgressCallback cannot read the fraction: callbacks on Windows take no
// floating-point arguments. What the caller needs is the sign of life.
func newProgressCallback(sink *progressSink) uintptr {
	return purego.NewCallback(func(_ purego.CDecl, _, _ uintptr) uintptr {
		sink.report(-1)
		return 1
	})
}
