package quota

// Len is the number of keys in memory.
func (l *Limiter) Len() int {
	n := 0
	for i := range l.shards {
		n += len(l.shards[i].buckets)
	}
	return n
}
