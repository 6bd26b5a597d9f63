package llamacpp

// UnloadIdle does what the sweeping goroutine does now and then.
func (b *Backend) UnloadIdle() { b.unloadIdle() }

// PID is the process of a model's child, 0 when there is none.
func (b *Backend) PID(model string) int {
	w, err := b.worker(model)
	if err != nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.child == nil {
		return 0
	}
	return w.child.cmd.Process.Pid
}

// Environment is what a child gets by default.
func Environment() []string { return environment(nil) }
