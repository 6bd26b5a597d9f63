package quota_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/quota"
)

func TestRate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	l := quota.New(3, func() time.Time { return now })
	one := quota.Key{Account: "1", Region: "us-east-1", Model: "a"}
	admit := func(key quota.Key, want bool) {
		t.Helper()
		err := l.Admit(key)
		if (err == nil) != want {
			t.Errorf("%v: got %v, want admitted: %t", key, err, want)
		}
		if err != nil && !fault.Is(err, fault.Throttled) {
			t.Errorf("got %v, want Throttled", err)
		}
	}
	for range 3 {
		admit(one, true)
	}
	admit(one, false)
	for _, other := range []quota.Key{{"2", "us-east-1", "a"}, {"1", "us-west-2", "a"}, {"1", "us-east-1", "b"}} {
		admit(other, true)
	}
	now = now.Add(19 * time.Second) // a refused request costs nothing
	admit(one, false)
	now = now.Add(time.Second)
	admit(one, true)
	admit(one, false)
	now = now.Add(time.Hour) // no more than a minute's worth is saved up
	for range 3 {
		admit(one, true)
	}
	admit(one, false)
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	l := quota.New(0, time.Now)
	for range 1000 {
		if err := l.Admit(quota.Key{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForgottenKeysCostNothing(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	l := quota.New(1, func() time.Time { return now })
	for i := range 20_000 {
		if err := l.Admit(quota.Key{Model: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(30 * time.Millisecond) // 2,000 of them are younger than a minute
	}
	if err := l.Admit(quota.Key{Model: "19999"}); !fault.Is(err, fault.Throttled) {
		t.Errorf("the youngest key: got %v, want Throttled", err)
	}
	if got := l.Len(); got > 5000 {
		t.Errorf("got %d keys in memory", got)
	}
}
