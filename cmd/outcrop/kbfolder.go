package main

import (
	"context"
	"errors"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/client"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/store"
)

// addFolder makes a data source that is a folder of this machine. It is written
// into the state of the data directory, which the running server shares: who
// may write there may let the server read folders, a client of the network may
// not.
func (k *kb) addFolder(ctx context.Context, c *client.Client, cfg *config.Config, base, name string, s newSource) (_ *client.DataSource, err error) {
	state, err := app.State(ctx, cfg, k.getenv)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	made, _, err := registry.New(registry.Params{Store: state}).CreateSource(ctx, knowledge.DataSource{
		Account: cfg.Account, Region: c.Region(), Base: base, Name: name,
		Kind: knowledge.Folder, Path: s.from.folder, Watch: s.watch,
		Description: s.from.String(), Chunking: chunking(s.chunking),
	}, store.Token{})
	if err != nil {
		return nil, err
	}
	return c.DataSource(ctx, base, made.ID)
}

// chunking translates from the API's words.
func chunking(i *client.Ingestion) knowledge.Chunking {
	if i == nil || i.Chunking == nil {
		return knowledge.Chunking{}
	}
	how := knowledge.Chunking{Strategy: knowledge.ChunkingStrategy(i.Chunking.Strategy)}
	switch c := i.Chunking; {
	case c.Fixed != nil:
		how.MaxTokens, how.OverlapPercent = c.Fixed.MaxTokens, c.Fixed.OverlapPercentage
	case c.Hierarchical != nil:
		how.ParentTokens, how.ChildTokens, how.OverlapTokens = c.Hierarchical.Levels[0].MaxTokens, c.Hierarchical.Levels[1].MaxTokens, c.Hierarchical.OverlapTokens
	case c.Semantic != nil:
		how.MaxTokens, how.BufferSize, how.BreakpointPercentile = c.Semantic.MaxTokens, c.Semantic.BufferSize, c.Semantic.BreakpointPercentile
	}
	return how
}
