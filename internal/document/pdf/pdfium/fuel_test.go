package pdfium

import (
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// spinning is a module that exports a function with a loop without end, and
// imports what a module calls for fuel.
var spinning = []byte{
	0, 'a', 's', 'm', 1, 0, 0, 0,
	1, 4, 1, 0x60, 0, 0,
	2, 17, 1, 3, 'e', 'n', 'v', 9, '_', 'a', 'b', 'o', 'r', 't', '_', 'j', 's', 0, 0,
	3, 2, 1, 0,
	6, 6, 1, 0x7f, 0, 0x41, 0, 0x0b,
	7, 8, 1, 4, 's', 'p', 'i', 'n', 0, 1,
	10, 9, 1, 7, 0, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b,
}

func TestFuelStopsALoop(t *testing.T) {
	t.Parallel()
	module, err := withFuel(spinning)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	runtime := wazero.NewRuntime(ctx)
	defer runtime.Close(context.Background())
	calls := 0
	host := func(ctx context.Context, mod api.Module, stack []uint64) {
		if calls++; calls == 3 {
			cancel()
		}
		tick(ctx, mod, stack)
	}
	if _, err := runtime.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(host), nil, nil).Export(tickImport).Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	mod, err := runtime.Instantiate(ctx, module)
	if err != nil {
		t.Fatal(err)
	}
	_, err = mod.ExportedFunction("spin").Call(ctx)
	var stopped errHost
	if !errors.As(err, &stopped) || calls != 3 {
		t.Errorf("got %v after %d calls, want an end at the third", err, calls)
	}
}

// A module that gives up does so through the function that it calls for fuel.
func TestAbortIsNoTick(t *testing.T) {
	t.Parallel()
	aborting := append([]byte(nil), spinning...)
	copy(aborting[len(aborting)-6:], []byte{0x10, 0, 0x01, 0x01, 0x01, 0x0b}) // call 0; nop; end
	module, err := withFuel(aborting)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	runtime := wazero.NewRuntime(ctx)
	defer runtime.Close(context.Background())
	if _, err := runtime.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(tick), nil, nil).Export(tickImport).Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	mod, err := runtime.Instantiate(ctx, module)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mod.ExportedFunction("spin").Call(ctx); err == nil {
		t.Error("got no error, want the module's end")
	}
}

// What is not understood is left to wazero, and is never half done.
func TestFuelRefuses(t *testing.T) {
	t.Parallel()
	for name, module := range map[string][]byte{
		"nothing":             nil,
		"no module":           []byte("not a module"),
		"an open end":         spinning[:len(spinning)-3],
		"an open section":     spinning[:20],
		"unknown instruction": append(append([]byte(nil), spinning[:len(spinning)-4]...), 0xff, 0x0b, 0x0b, 0x0b),
	} {
		if got, err := withFuel(module); !errors.Is(err, errNotUnderstood) || got != nil {
			t.Errorf("%s: got %d bytes, %v, want that it is not understood", name, len(got), err)
		}
	}
}

// What wazero takes, it takes with fuel as well.
func FuzzFuel(f *testing.F) {
	f.Add(spinning)
	f.Fuzz(func(t *testing.T, module []byte) {
		out, err := withFuel(module)
		if err != nil {
			return
		}
		runtime := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter().WithMemoryLimitPages(16))
		defer runtime.Close(t.Context())
		if _, err := runtime.CompileModule(t.Context(), module); err != nil {
			return
		}
		if _, err := runtime.CompileModule(t.Context(), out); err != nil {
			t.Errorf("got %v, want a module", err)
		}
	})
}
