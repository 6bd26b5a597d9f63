package bedrockagent

import (
	api "github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// defaults are the settings of a strategy that is named without any: those that
// AWS's console proposes.
var defaults = map[api.ChunkingStrategy]knowledge.Chunking{ //nolint:gochecknoglobals // a constant table
	api.ChunkingStrategyFixedSize:    {Strategy: knowledge.FixedSize, MaxTokens: 300, OverlapPercent: 20},
	api.ChunkingStrategyHierarchical: {Strategy: knowledge.Hierarchical, ParentTokens: 1500, ChildTokens: 300, OverlapTokens: 60},
	api.ChunkingStrategySemantic:     {Strategy: knowledge.Semantic, MaxTokens: 300, BufferSize: 0, BreakpointPercentile: 95},
	api.ChunkingStrategyNone:         {Strategy: knowledge.NoChunking},
}

// chunkingOf reads how documents are cut, and refuses what would be done to them
// that cannot be done here. The service model has bounded each number.
func chunkingOf(config *api.VectorIngestionConfiguration) (knowledge.Chunking, error) {
	switch {
	case config == nil:
		return knowledge.Chunking{}, nil
	case config.ParsingConfiguration != nil:
		return knowledge.Chunking{}, unsupported("Outcrop does not support the parsing strategy %s. Leave parsingConfiguration out for the default parser.", config.ParsingConfiguration.ParsingStrategy)
	case config.CustomTransformationConfiguration != nil:
		return knowledge.Chunking{}, unsupported("Outcrop does not support transformations with AWS Lambda. Leave customTransformationConfiguration out.")
	case config.ContextEnrichmentConfiguration != nil:
		return knowledge.Chunking{}, unsupported("Outcrop does not support context enrichment. Leave contextEnrichmentConfiguration out.")
	case config.ChunkingConfiguration == nil:
		return knowledge.Chunking{}, nil
	}
	c := config.ChunkingConfiguration
	chunking, ok := defaults[c.ChunkingStrategy]
	if !ok {
		return knowledge.Chunking{}, invalid("The chunking strategy %s is invalid.", c.ChunkingStrategy)
	}
	for strategy, given := range map[api.ChunkingStrategy]bool{
		api.ChunkingStrategyFixedSize:    c.FixedSizeChunkingConfiguration != nil,
		api.ChunkingStrategyHierarchical: c.HierarchicalChunkingConfiguration != nil,
		api.ChunkingStrategySemantic:     c.SemanticChunkingConfiguration != nil,
	} {
		if given && strategy != c.ChunkingStrategy {
			return knowledge.Chunking{}, invalid("The chunking configuration provided is invalid. The chunking strategy %s has no configuration of the strategy %s.", c.ChunkingStrategy, strategy)
		}
	}
	if fixed := c.FixedSizeChunkingConfiguration; fixed != nil {
		chunking.MaxTokens, chunking.OverlapPercent = integer(fixed.MaxTokens), integer(fixed.OverlapPercentage)
	}
	if semantic := c.SemanticChunkingConfiguration; semantic != nil {
		chunking.MaxTokens, chunking.BufferSize = integer(semantic.MaxTokens), integer(semantic.BufferSize)
		chunking.BreakpointPercentile = integer(semantic.BreakpointPercentileThreshold)
	}
	if levels := c.HierarchicalChunkingConfiguration; levels != nil {
		if len(levels.LevelConfigurations) != 2 {
			return knowledge.Chunking{}, invalid("The chunking configuration provided is invalid. Hierarchical chunking has two levels.")
		}
		chunking.ParentTokens, chunking.ChildTokens = integer(levels.LevelConfigurations[0].MaxTokens), integer(levels.LevelConfigurations[1].MaxTokens)
		chunking.OverlapTokens = integer(levels.OverlapTokens)
		switch {
		case chunking.ChildTokens >= chunking.ParentTokens:
			return knowledge.Chunking{}, invalid("The chunking configuration provided is invalid. maxTokens of the second level (%d) must be less than maxTokens of the first level (%d).", chunking.ChildTokens, chunking.ParentTokens)
		case chunking.OverlapTokens >= chunking.ChildTokens:
			return knowledge.Chunking{}, invalid("The chunking configuration provided is invalid. overlapTokens (%d) must be less than maxTokens of the second level (%d).", chunking.OverlapTokens, chunking.ChildTokens)
		}
	}
	return chunking, nil
}

// ingestionOf is the inverse of chunkingOf.
func ingestionOf(c knowledge.Chunking) *api.VectorIngestionConfiguration {
	config := &api.ChunkingConfiguration{ChunkingStrategy: api.ChunkingStrategy(c.Strategy)}
	switch c.Strategy {
	case knowledge.DefaultChunking:
		return nil
	case knowledge.FixedSize:
		config.FixedSizeChunkingConfiguration = &api.FixedSizeChunkingConfiguration{MaxTokens: number(c.MaxTokens), OverlapPercentage: number(c.OverlapPercent)}
	case knowledge.Hierarchical:
		config.HierarchicalChunkingConfiguration = &api.HierarchicalChunkingConfiguration{
			LevelConfigurations: []api.HierarchicalChunkingLevelConfiguration{{MaxTokens: number(c.ParentTokens)}, {MaxTokens: number(c.ChildTokens)}},
			OverlapTokens:       number(c.OverlapTokens),
		}
	case knowledge.Semantic:
		config.SemanticChunkingConfiguration = &api.SemanticChunkingConfiguration{
			MaxTokens: number(c.MaxTokens), BufferSize: number(c.BufferSize), BreakpointPercentileThreshold: number(c.BreakpointPercentile),
		}
	case knowledge.NoChunking:
	}
	return &api.VectorIngestionConfiguration{ChunkingConfiguration: config}
}

func integer(n *int32) int { return int(schema.Deref(n)) }

func number(n int) *int32 {
	n32 := int32(n)
	return &n32
}
