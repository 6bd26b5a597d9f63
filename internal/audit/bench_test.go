package audit_test

import (
	"testing"

	apiruntime "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	apiiam "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/audit"
)

// What a call of a model pays for a trail that it is not in, and a change for
// its event.
func BenchmarkTrail(b *testing.B) {
	b.Run("model, not recorded", func(b *testing.B) {
		tr, v := newTrail(b), view(b, apiruntime.Schema(), "Converse")
		b.ReportAllocs()
		for b.Loop() {
			tr.exchange(v)
		}
	})
	b.Run("model, recorded", func(b *testing.B) {
		tr, v := newTrail(b, audit.Invocations), view(b, apiruntime.Schema(), "Converse")
		v.Input = &apiruntime.ConverseInput{ModelId: ptr("amazon.nova-lite-v1:0")}
		b.ReportAllocs()
		for b.Loop() {
			tr.exchange(v)
		}
	})
	b.Run("change", func(b *testing.B) {
		tr, v := newTrail(b), view(b, apiiam.Schema(), "CreateUser")
		v.Input = &apiiam.CreateUserInput{UserName: ptr("bob")}
		b.ReportAllocs()
		for b.Loop() {
			tr.exchange(v)
		}
	})
}
