package bedrockruntime

// checkMedia checks the images and documents of the whole conversation.
func (c *conversation) checkMedia() error { return nil }
