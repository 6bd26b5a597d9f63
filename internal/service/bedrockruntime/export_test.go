package bedrockruntime

// NewID and ParsePointer are for tests.
var (
	NewID        = newID
	ParsePointer = func(s string) ([]string, bool) { return parsePointer(s) }
)
