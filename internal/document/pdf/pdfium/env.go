package pdfium

import (
	"context"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/emscripten"
)

// Answers of the system: Emscripten's numbering and that of WASI.
const (
	enosys = -52 // no such system call
	ebadf  = 8   // no such file
)

// instantiateEnv gives the module the functions that it imports from its
// JavaScript: Emscripten's exceptions from wazero, growing memory from here, and
// for the rest answers that say no. The sandbox has no files, no clock and no
// environment.
//
// WASI is answered here and not by wazero because the module may have been
// built for JavaScript without 64-bit integers, which splits its parameters.
func instantiateEnv(ctx context.Context, runtime wazero.Runtime, guest wazero.CompiledModule) error {
	exporter, err := emscripten.NewFunctionExporterForModule(guest)
	if err != nil {
		return err
	}
	env, wasi := runtime.NewHostModuleBuilder("env"), runtime.NewHostModuleBuilder("wasi_snapshot_preview1")
	exporter.ExportFunctions(env)
	for _, def := range guest.ImportedFunctions() {
		module, name, _ := def.Import()
		if strings.HasPrefix(name, "invoke_") || name == "_emscripten_throw_longjmp" {
			continue // wazero's
		}
		f := hostFunction(name)
		if f == nil {
			return fmt.Errorf("the module imports %s, which is not known", name)
		}
		builder := env
		if module != "env" {
			builder = wasi
		}
		builder.NewFunctionBuilder().WithGoModuleFunction(f, def.ParamTypes(), def.ResultTypes()).Export(name)
	}
	if _, err := wasi.Instantiate(ctx); err != nil {
		return err
	}
	_, err = env.Instantiate(ctx)
	return err
}

// hostFunction returns the function that an import is bound to, or nil.
func hostFunction(name string) api.GoModuleFunc {
	switch name {
	case "emscripten_resize_heap":
		return resizeHeap
	case "_emscripten_memcpy_js":
		return func(_ context.Context, mod api.Module, stack []uint64) {
			to, from, n := api.DecodeU32(stack[0]), api.DecodeU32(stack[1]), api.DecodeU32(stack[2])
			data, ok := mod.Memory().Read(from, n)
			if !ok || !mod.Memory().Write(to, data) {
				panic(errHost("a copy outside of the memory"))
			}
		}
	case tickImport:
		return tick
	case "__assert_fail":
		return func(context.Context, api.Module, []uint64) { panic(errHost("the module gave up: " + name)) }
	case "emscripten_date_now":
		return func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = api.EncodeF64(0) }
	case "environ_sizes_get":
		return func(_ context.Context, mod api.Module, stack []uint64) {
			mod.Memory().WriteUint32Le(api.DecodeU32(stack[0]), 0)
			mod.Memory().WriteUint32Le(api.DecodeU32(stack[1]), 0)
			stack[0] = 0
		}
	case "environ_get":
		return func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = 0 }
	case "fd_close", "fd_read", "fd_write", "fd_seek", "fd_sync":
		return func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = ebadf }
	case "_tzset_js", "_localtime_js", "_gmtime_js":
		return func(context.Context, api.Module, []uint64) {}
	}
	if strings.HasPrefix(name, "__syscall_") {
		return func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = api.EncodeI32(enosys) }
	}
	return nil
}

// tick fills up the fuel, unless the context has ended. The module gives up
// through the same function, but not while it has no fuel.
func tick(ctx context.Context, mod api.Module, _ []uint64) {
	fuel, ok := mod.ExportedGlobal(fuelExport).(api.MutableGlobal)
	if !ok || fuel.Get() != 0 {
		panic(errHost("the module gave up"))
	}
	if ctx.Err() != nil {
		panic(errHost("stopped"))
	}
	fuel.Set(tank)
}

// errHost is what a host function panics with: wazero makes it the error of the
// call that led there.
type errHost string

func (e errHost) Error() string { return string(e) }

// resizeHeap grows the memory to the size asked for and a little more, since
// each growth copies it where it is the heap's. It answers 1 when that worked.
func resizeHeap(ctx context.Context, mod api.Module, stack []uint64) {
	memory := mod.Memory()
	have := uint64(memory.Size()) / pageSize
	want := (uint64(api.DecodeU32(stack[0])) + pageSize - 1) / pageSize
	stack[0] = 0
	if want <= have {
		stack[0] = 1
		return
	}
	for _, to := range []uint64{max(want, have+have/4), want} {
		if to > maxMemory {
			continue
		}
		if _, ok := memory.Grow(uint32(to - have)); ok {
			stack[0] = 1
			return
		}
	}
	if in, ok := ctx.Value(instanceKey{}).(*instance); ok {
		in.exhausted = true
	}
}
