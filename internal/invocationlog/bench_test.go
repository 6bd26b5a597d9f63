package invocationlog_test

import (
	"strings"
	"testing"
)

// What every invocation pays, whether or not anybody wants a log.
func BenchmarkInvocation(b *testing.B) {
	for _, on := range []bool{false, true} {
		name := "off"
		if on {
			name = "on"
		}
		b.Run(name, func(b *testing.B) {
			f := newFixture(b, nil)
			if on {
				f.put(b, all())
			}
			v := view("Converse", `{"messages":[{"role":"user","content":[{"text":"`+strings.Repeat("word ", 200)+`"}]}]}`)
			answer := v.Body
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				w := f.log.Begin(v)
				if w == nil {
					continue
				}
				w.Settled(v)
				w.Answer(v, answer)
				w.End(v)
				if i%1000 == 0 {
					b.StopTimer()
					f.flush(b)
					b.StartTimer()
				}
			}
		})
	}
}
