package ledger_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/observe"
)

func priced(v *observe.View) {
	v.Call.RecordUsage(func(u *call.Usage) {
		u.Model, u.ModelID = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"
		u.Resource = "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
		u.ServedBy, u.Backend, u.InputTokens, u.OutputTokens, u.FirstToken = "llamacpp/smollm2-135m-instruct", "llamacpp", 1234, 567, 80*time.Millisecond
	})
}

// BenchmarkLedgerRecord is what a call pays for its record: pricing it, writing
// it into the journal, and a meter.
func BenchmarkLedgerRecord(b *testing.B) {
	p := params(b, b.TempDir())
	p.Now = time.Now
	l := open(b, p)
	defer l.Kill()
	if _, err := l.Meter(b.Context(), "000000000000", ledger.Everybody, ledger.Month); err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			v := view("3f0b8f0e-0000-4000-8000-"+strconv.FormatInt(n.Add(1)+1e11, 10), alice)
			priced(v)
			v.Status = http.StatusOK
			w := l.Begin(v)
			w.Settled(v)
			w.Answer(v, nil)
			w.End(v)
		}
	})
}

// BenchmarkLedgerSustained writes 5,000 records a second for the time of the
// benchmark, at a steady pace, and reports how long the slowest wait, and how
// far the database is behind at the end.
func BenchmarkLedgerSustained(b *testing.B) {
	const rate = 5000
	p := params(b, b.TempDir())
	p.Now = time.Now
	l := open(b, p)
	ctx, cancel := context.WithCancel(b.Context())
	var group sync.WaitGroup
	group.Go(func() { l.Run(ctx) })
	defer func() {
		cancel()
		group.Wait()
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	}()
	waits := make([]time.Duration, 0, b.N)
	start := time.Now()
	for i := range b.N {
		due := start.Add(time.Duration(i) * time.Second / rate)
		if ahead := time.Until(due); ahead > 0 {
			time.Sleep(ahead)
		}
		v := view(fmt.Sprintf("3f0b8f0e-0000-4000-8000-%012d", i), alice)
		priced(v)
		v.Status = http.StatusOK
		w := l.Begin(v)
		began := time.Now()
		w.Answer(v, nil)
		w.End(v)
		waits = append(waits, time.Since(began))
	}
	elapsed := time.Since(start)
	slices.Sort(waits)
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "records/s")
	b.ReportMetric(float64(waits[len(waits)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(waits[len(waits)*99/100].Nanoseconds())/1e3, "p99-µs")
	b.ReportMetric(float64(waits[len(waits)-1].Nanoseconds())/1e3, "max-µs")
	behind := time.Now()
	if err := l.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(behind).Milliseconds()), "behind-ms")
}
