package schema

// Deref returns what an optional member of a generated struct holds, or the
// zero value where it is absent.
func Deref[T any](member *T) T {
	if member == nil {
		var zero T
		return zero
	}
	return *member
}
