package llamacpp_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
	"github.com/outcrop/outcrop/internal/subprocess"
)

func TestManyRequestsStartOneChild(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "answers", nil)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if err := f.say("hello"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.starts(); n != 1 {
		t.Errorf("got %d children, want 1", n)
	}
}

func TestAClientThatLeavesDoesNotStopTheLoading(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "slow", nil)
	ctx, cancel := context.WithTimeout(t.Context(), slowStep)
	defer cancel()
	_, err := inference.Collect(ctx, f, ask("m", "hello"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	if err := f.say("hello"); err != nil {
		t.Error(err)
	}
	if n := f.starts(); n != 1 {
		t.Errorf("got %d children, want 1", n)
	}
}

// Loading takes longer than the timeout, but there are signs of life.
func TestLoadTimeoutResetsOnProgress(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "slow", func(p *llamacpp.Params) { p.LoadTimeout = 5 * slowStep })
	if err := f.say("hello"); err != nil {
		t.Error(err)
	}
}

func TestChildrenThatDoNotLoad(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]struct {
		kind  fault.Kind
		cause string
	}{
		"silent":  {fault.NotReady, "no sign of life"},
		"crash":   {fault.NotReady, "boom: native trouble"},
		"garbage": {fault.NotReady, "not a frame"},
		"version": {fault.NotReady, "version 99"},
		"refuses": {fault.Upstream, "not usable: magic"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f := openFakes(t, mode, func(p *llamacpp.Params) { p.LoadTimeout = 3 * time.Second })
			err := f.say("hello")
			if !fault.Is(err, want.kind) || !strings.Contains(err.Error(), want.cause) {
				t.Errorf("got %v, want %v because of %q", err, want.kind, want.cause)
			}
		})
	}
}

func TestFailuresBackOff(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "crash", nil)
	for i, step := range []struct {
		wait   time.Duration
		starts int
	}{
		{0, 1}, {0, 2}, {0, 2}, {500 * time.Millisecond, 2}, {time.Second, 3}, {time.Second, 3}, {time.Second, 4}, {0, 4},
	} {
		f.clock.Advance(step.wait)
		if err := f.say("hello"); !fault.Is(err, fault.NotReady) {
			t.Errorf("step %d: got %v, want %v", i, err, fault.NotReady)
		}
		if n := f.starts(); n != step.starts {
			t.Errorf("step %d: got %d children so far, want %d", i, n, step.starts)
		}
	}
}

func TestDeathInTheMiddle(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "answers", nil)
	for range 3 {
		var events []inference.Event
		err := f.Generate(t.Context(), ask("m", "die"), func(ev inference.Event) error {
			events = append(events, ev)
			return nil
		})
		if !fault.Is(err, fault.Upstream) || len(events) != 2 {
			t.Errorf("got %v after %d events, want %v after 2", err, len(events), fault.Upstream)
		}
		f.clock.Advance(time.Hour)
		if err := f.say("hello"); err != nil {
			t.Errorf("the next request: %v", err)
		}
	}
}

// A child that loads and dies again and again is as bad as one that does not
// load: after the first death there is a new one at once, then less and less
// often, until one has lived for a while.
func TestDeathsAfterAGoodLoadBackOff(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "answers", nil)
	const sec = time.Second
	for i, step := range []struct {
		wait   time.Duration
		text   string
		kind   fault.Kind // of the error; 0: none
		starts int
	}{
		{0, "die", fault.Upstream, 1},
		{0, "hello", 0, 2},
		{0, "die", fault.Upstream, 2},
		{0, "hello", fault.Unavailable, 2},
		{sec / 2, "hello", fault.Unavailable, 2},
		{sec / 2, "hello", 0, 3},
		{0, "die", fault.Upstream, 3},
		{sec, "hello", fault.Unavailable, 3},
		{sec, "hello", 0, 4},
		{2 * time.Minute, "die", fault.Upstream, 4},
		{0, "hello", 0, 5},
	} {
		f.clock.Advance(step.wait)
		err := f.say(step.text)
		if step.kind == 0 && err != nil || step.kind != 0 && !fault.Is(err, step.kind) {
			t.Errorf("step %d: got %v, want %v", i, err, step.kind)
		}
		if step.text == "die" {
			f.NoteDeath("m")
		}
		if n := f.starts(); n != step.starts {
			t.Errorf("step %d: got %d children so far, want %d", i, n, step.starts)
		}
	}
}

// A model that did not exist is forgotten; a request that was under way then
// must not start a child that Close does not know of.
func TestAForgottenWorkerStartsNoChild(t *testing.T) {
	t.Parallel()
	var missing atomic.Bool
	missing.Store(true)
	f := openFakes(t, "answers", func(p *llamacpp.Params) {
		locate := p.Locate
		p.Locate = func(ctx context.Context, name string) (llamacpp.Model, error) {
			if missing.Load() {
				return llamacpp.Model{}, fault.New(fault.NotFound, "no such model")
			}
			return locate(ctx, name)
		}
	})
	held := f.Hold("m")
	if err := f.say("hello"); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want %v", err, fault.NotFound)
	}
	missing.Store(false)
	if err := held(t.Context()); !errors.Is(err, llamacpp.ErrForgotten) {
		t.Errorf("got %v, want %v", err, llamacpp.ErrForgotten)
	}
	if err := f.say("hello"); err != nil {
		t.Error(err)
	}
	if n := f.starts(); n != 1 || f.PID("m") == 0 {
		t.Errorf("got %d children, the last with id %d, want one that is known", n, f.PID("m"))
	}
}

func TestDeathBeforeTheAnswerIsTriedOnceMore(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "answers", nil)
	if err := f.say("die before"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want %v", err, fault.Unavailable)
	}
	if n := f.starts(); n != 2 {
		t.Errorf("got %d children, want 2", n)
	}
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "answers", func(p *llamacpp.Params) { p.MaxQueue = 2 })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		started := make(chan struct{})
		wg.Go(func() {
			err := f.Generate(ctx, ask("m", "hold"), func(ev inference.Event) error {
				if _, ok := ev.(inference.Started); ok {
					close(started)
				}
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
		})
		<-started
	}
	err := f.say("hello")
	const want = "Too many connections, please wait before trying again."
	if !fault.Is(err, fault.Unavailable) || fault.As(err).Message != want {
		t.Errorf("got %v, want %q", err, want)
	}
	cancel()
	wg.Wait()
	if err := f.say("hello"); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestIdleModelsAreUnloaded(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "answers", func(p *llamacpp.Params) { p.IdleTimeout = time.Minute })
	if err := f.say("hello"); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(59 * time.Second)
	f.UnloadIdle()
	if f.PID("m") == 0 {
		t.Error("unloaded after 59 seconds of 60")
	}
	f.clock.Advance(2 * time.Second)
	f.UnloadIdle()
	if f.PID("m") != 0 {
		t.Error("still loaded after 61 seconds of 60")
	}
	if err := f.say("hello"); err != nil {
		t.Error(err)
	}
}

func TestMemoryIsMadeByUnloadingTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	// Each loaded fake takes 100 MiB; one about to be loaded counts as its
	// cache of 100 MiB.
	f := openFakes(t, "answers", func(p *llamacpp.Params) {
		p.MemoryLimit = 250 << 20
		p.CacheBytes = 100 << 20
	})
	loaded := func() []string {
		var names []string
		for _, name := range []string{"a", "b", "c"} {
			if f.PID(name) != 0 {
				names = append(names, name)
			}
		}
		return names
	}
	use := func(name string) error {
		f.clock.Advance(time.Second)
		_, err := inference.Collect(t.Context(), f, ask(name, "hello"))
		return err
	}
	for _, name := range []string{"a", "b", "a", "c"} {
		if err := use(name); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := loaded(), []string{"a", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %v loaded, want %v", got, want)
	}

	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, name := range []string{"a", "c"} {
		started := make(chan struct{})
		wg.Go(func() {
			_ = f.Generate(ctx, ask(name, "hold"), func(ev inference.Event) error {
				if _, ok := ev.(inference.Started); ok {
					close(started)
				}
				return nil
			})
		})
		<-started
	}
	if err := use("b"); !fault.Is(err, fault.NotReady) {
		t.Errorf("while all are in use got %v, want %v", err, fault.NotReady)
	}
	cancel()
	wg.Wait()
	if err := use("b"); err != nil {
		t.Error(err)
	}
}

func TestAModelLargerThanTheMemory(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "answers", func(p *llamacpp.Params) { p.MemoryLimit = 1 << 20 })
	if err := f.say("hello"); !fault.Is(err, fault.Upstream) {
		t.Errorf("got %v, want %v", err, fault.Upstream)
	}
	if n := f.starts(); n != 0 {
		t.Errorf("got %d children, want none", n)
	}
}

func TestAChildThatDoesNotEndIsKilled(t *testing.T) {
	t.Parallel()
	f := openFakes(t, "deaf", func(p *llamacpp.Params) { p.StopTimeout = 50 * time.Millisecond })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- f.Generate(ctx, ask("m", "hello"), func(inference.Event) error { return nil })
	}()
	for f.PID("m") == 0 {
		select {
		case err := <-done:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	<-done
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestEnvironmentHoldsNoSecrets(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalr")
	t.Setenv("OUTCROP_ROOT_SECRET_ACCESS_KEY", "wJalr")
	t.Setenv("CUDA_VISIBLE_DEVICES", "1")
	env := strings.Join(subprocess.Environment(nil), "\n")
	if strings.Contains(env, "wJalr") {
		t.Errorf("got a secret in %q", env)
	}
	if !strings.Contains(env, "CUDA_VISIBLE_DEVICES=1") {
		t.Error("the variables of GPU drivers are missing")
	}
}
