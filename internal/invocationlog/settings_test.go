package invocationlog_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/invocationlog"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	get := func() (invocationlog.Setting, bool) {
		t.Helper()
		s, ok, err := f.settings.Get(t.Context(), "000000000000", region)
		if err != nil {
			t.Fatal(err)
		}
		return s, ok
	}
	if _, ok := get(); ok {
		t.Error("got a setting before there is one")
	}
	f.put(t, all())
	if _, ok := f.bucket.objects["pre/AWSLogs/000000000000/BedrockModelInvocationLogs/amazon-bedrock-logs-permission-check"]; !ok {
		t.Error("the bucket was not tried")
	}
	changed := all()
	changed.Prefix, changed.Image = "", false
	f.put(t, changed)
	if got, ok := get(); !ok || got != changed {
		t.Errorf("got %+v, want %+v", got, changed)
	}
	if got, ok := f.settings.Lookup("000000000000", region); !ok || got != changed {
		t.Errorf("from memory: got %+v, want %+v", got, changed)
	}
	for range 2 {
		if err := f.settings.Delete(t.Context(), "000000000000", region); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := get(); ok || f.settings.Any() {
		t.Error("got a setting that was deleted")
	}
}

func TestBucketMustTakeWhatItIsGiven(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.put(t, all())
	other := all()
	other.Bucket = "none"
	err := f.settings.Put(t.Context(), other)
	if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(fault.As(err).Message, "Failed to validate permissions for bucket: none.") {
		t.Errorf("got %v, want AWS's refusal", err)
	}
	if got, _ := f.settings.Lookup("000000000000", region); got != all() {
		t.Errorf("got %+v, want the setting that was there", got)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		bucket, prefix string
		good           bool
	}{
		{"logs", "", true},
		{"logs", "a", true},
		{"logs", "a/b/", true},
		{"logs", "..a/b..", true},
		{"logs", "/a", false},
		{"logs", "/", false},
		{"logs", "a//b", false},
		{"logs", "a/./b", false},
		{"logs", "a/../b", false},
		{"logs", "..", false},
		{"logs", "../x", false},
		{"logs", ".", false},
		{"../logs", "", false},
		{"logs/x", "", false},
		{"LOGS", "", false},
	}
	f := newFixture(t, nil)
	for _, tc := range tests {
		s := all()
		s.Bucket, s.Prefix = tc.bucket, tc.prefix
		if err := f.settings.Put(t.Context(), s); (err == nil) != tc.good || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q %q: got %v, want good: %t", tc.bucket, tc.prefix, err, tc.good)
		}
	}
}

func TestSettingOfAnotherProcessIsNoticed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	other := invocationlog.NewSettings(invocationlog.SettingsParams{Store: f.store, Putter: f.bucket, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return f.now }})
	if f.settings.Any() {
		t.Fatal("got a setting before there is one")
	}
	if err := other.Put(t.Context(), all()); err != nil {
		t.Fatal(err)
	}
	if f.settings.Any() {
		t.Error("got the setting at once: the store is read too often")
	}
	f.now = f.now.Add(2 * time.Second)
	if got, ok := f.settings.Lookup("000000000000", region); !ok || got != all() {
		t.Errorf("two seconds later: got %+v, want the other one's", got)
	}
}
