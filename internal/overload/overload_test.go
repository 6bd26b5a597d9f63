package overload_test

import (
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/overload"
)

func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	g := overload.New(overload.Params{Requests: 2})
	leave, err := g.Enter(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Enter(0); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Enter(0); !fault.Is(err, fault.Unavailable) {
		t.Errorf("third of two: got %v, want unavailable", err)
	}
	if got := g.Requests(); got != 2 {
		t.Errorf("got %d requests in, want 2: a refused one must not stay", got)
	}
	leave()
	if _, err := g.Enter(0); err != nil {
		t.Errorf("after one has left: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	inUse := int64(600)
	g := overload.New(overload.Params{Memory: 1000, Now: func() time.Time { return now }, InUse: func() int64 { return inUse }})
	leave, err := g.Enter(50) // 200 with what becomes of it
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Enter(60); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a body that does not fit: got %v, want unavailable", err)
	}
	if _, err := g.Enter(-1); err != nil {
		t.Errorf("a body of unknown length: %v", err)
	}
	leave()
	if _, err := g.Enter(60); err != nil {
		t.Errorf("after the other has left: %v", err)
	}
	inUse, now = 1001, now.Add(time.Second)
	if _, err := g.Enter(0); !fault.Is(err, fault.Unavailable) {
		t.Errorf("memory in use: got %v, want unavailable", err)
	}
	inUse, now = 0, now.Add(-time.Hour) // the clock was set back
	if _, err := g.Enter(0); err != nil {
		t.Errorf("memory free again: %v", err)
	}
}

func TestNoBoundsLetEverythingIn(t *testing.T) {
	t.Parallel()
	g := overload.New(overload.Params{})
	for range 100 {
		if _, err := g.Enter(1 << 40); err != nil {
			t.Fatal(err)
		}
	}
}

func TestManyAtOnceNeverExceed(t *testing.T) {
	t.Parallel()
	g := overload.New(overload.Params{Requests: 8, Memory: 1 << 40})
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for range 1000 {
				if leave, err := g.Enter(1); err == nil {
					if n := g.Requests(); n > 8+32 {
						t.Errorf("%d in", n)
					}
					leave()
				}
			}
		})
	}
	all.Wait()
	if got := g.Requests(); got != 0 {
		t.Errorf("got %d requests in at the end", got)
	}
}

func BenchmarkEnter(b *testing.B) {
	g := overload.New(overload.Params{Requests: 1 << 20, Memory: 1 << 40})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if leave, err := g.Enter(1000); err == nil {
				leave()
			}
		}
	})
}
