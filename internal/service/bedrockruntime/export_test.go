package bedrockruntime

import api "github.com/outcrop/outcrop/internal/api/bedrockruntime"

// ParsePointer and Streamed are for tests.
var (
	ParsePointer = func(s string) ([]string, bool) { return parsePointer(s) }
	Streamed     = func(in *api.ConverseStreamInput) *api.ConverseInput { return (*api.ConverseInput)(streamed(in)) }
)
