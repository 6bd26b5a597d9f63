package quota

// Len is the number of keys in memory.
func (l *Limiter) Len() int { return len(l.buckets) }
