package config

import "time"

// Usage says how the bill is kept. See docs/USAGE.md.
type Usage struct {
	Keep time.Duration `yaml:"keep" doc:"How long records of calls are kept, such as 9600h; 0 is for ever."`
}

// Price is a price of the operator's own.
type Price struct {
	Match           string  `yaml:"match" doc:"Model ID, profile ID, name of a local model such as llamacpp/smollm2-135m-instruct, or a pattern with * and ?."`
	InputPer1M      float64 `yaml:"inputPer1M,omitempty" doc:"Dollars for a million input tokens."`
	OutputPer1M     float64 `yaml:"outputPer1M,omitempty" doc:"Dollars for a million output tokens."`
	CacheReadPer1M  float64 `yaml:"cacheReadPer1M,omitempty" doc:"Dollars for a million input tokens that were read from a cache."`
	CacheWritePer1M float64 `yaml:"cacheWritePer1M,omitempty" doc:"Dollars for a million input tokens that were written to a cache."`
	PerQuery        float64 `yaml:"perQuery,omitempty" doc:"Dollars for a query of a reranker, with up to a hundred documents."`
}

// highest is the highest price that is believed to be meant, dollars.
const highest = 1_000_000

func (p Price) negative() bool {
	return min(p.InputPer1M, p.OutputPer1M, p.CacheReadPer1M, p.CacheWritePer1M, p.PerQuery) < 0
}

func (p Price) tooHigh() bool {
	return max(p.InputPer1M, p.OutputPer1M, p.CacheReadPer1M, p.CacheWritePer1M, p.PerQuery) > highest
}
