package overload

// Requests is how many requests are in.
func (g *Guard) Requests() int64 { return g.requests.Load() }
