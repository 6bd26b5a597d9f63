package body

import "github.com/outcrop/outcrop/internal/inference"

// Sampling is what a family calls the parameters that the hub has; empty for
// those that it does not have.
type Sampling struct{ MaxTokens, Temperature, TopP, TopK, Stop string }

// Apply sets the parameters that an object names; the others stay.
func (s Sampling) Apply(o Object, req *inference.Request) {
	req.MaxTokens = o.Int(s.MaxTokens, req.MaxTokens)
	if o.Has(s.Temperature) {
		req.Temperature = o.FloatPtr(s.Temperature)
	}
	if o.Has(s.TopP) {
		req.TopP = o.FloatPtr(s.TopP)
	}
	if o.Has(s.TopK) {
		req.TopK = o.IntPtr(s.TopK)
	}
	if o.Has(s.Stop) {
		req.StopSequences = o.Strings(s.Stop)
	}
}
