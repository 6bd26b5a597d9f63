package provisioned

import "runtime"

// Waiting is how many wait for a place of a model.
func (r *Registry) Waiting(model string) int {
	runtime.Gosched()
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.lane(model).waiting)
}

// Lanes is how many models are remembered.
func (r *Registry) Lanes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.lanes.models)
}
