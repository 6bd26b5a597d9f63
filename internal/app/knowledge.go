package app

import (
	"context"
	"path/filepath"

	"github.com/outcrop/outcrop/internal/chunk"
	"github.com/outcrop/outcrop/internal/document"
	documentall "github.com/outcrop/outcrop/internal/document/all"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/embed"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
	"github.com/outcrop/outcrop/internal/knowledge/ingest"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/knowledge/source/folder"
)

// indexesName is the folder in the data directory with one index for each
// knowledge base.
const indexesName = "knowledge-bases"

// bases are the parts of knowledge bases.
type bases struct {
	registry *registry.Registry
	indexes  *embedded.Indexes
	sources  sources
	parser   document.Parser
	splitter chunk.Splitter
}

// openBases opens the folder of the indexes.
func (a *App) openBases() error {
	data := a.p.Config.DataDir(a.p.Getenv)
	b := &a.bases
	var err error
	b.registry = registry.New(registry.Params{Store: a.state, Now: a.p.Now})
	if b.indexes, err = embedded.Open(filepath.Join(data, indexesName), embedded.Params{Logger: a.p.Logger}); err != nil {
		return err
	}
	buckets, err := a.bucketSources(context.Background())
	if err != nil {
		return err
	}
	b.sources = sources{knowledge.S3: buckets, knowledge.Folder: folder.New(folder.Params{Private: data})}
	b.parser = documentall.New(documentall.Params{
		PDFium: a.parts.Packs.PDFium, CacheDir: filepath.Join(a.parts.dir, "compiled"), Logger: a.p.Logger,
	})
	b.splitter = chunk.New()
	return nil
}

// newWorker makes the worker that does the jobs of knowledge bases.
func (a *App) newWorker() *ingest.Worker {
	b := &a.bases
	return ingest.New(ingest.Params{
		Registry: b.registry, Queue: a.state, Indexes: b.indexes, Sources: b.sources, Parser: b.parser, Splitter: b.splitter,
		Embeddings: embed.New(a.models, a.fitter, embed.Params{Now: a.p.Now, Logger: a.p.Logger, Used: a.ingested}),
		Logger:     a.p.Logger, Now: a.p.Now,
		Syncs: a.p.Config.Ingestion.Syncs, Lease: a.p.Config.Ingestion.Lease,
	})
}

// closeBases closes what openBases opened. Nothing of it is in use any more.
func (a *App) closeBases() []error {
	var errs []error
	b := &a.bases
	if b.parser != nil {
		errs = append(errs, b.parser.Close())
	}
	if b.indexes != nil {
		errs = append(errs, b.indexes.Close())
	}
	return errs
}

// sources opens data sources by their kind.
type sources map[knowledge.SourceKind]knowledge.Sources

// Open implements knowledge.Sources.
func (s sources) Open(ctx context.Context, ds knowledge.DataSource) (knowledge.Source, error) {
	kind, ok := s[ds.Kind]
	if !ok {
		return nil, fault.New(fault.Unsupported, "Data sources of type %s have no files to read.", ds.Kind)
	}
	return kind.Open(ctx, ds)
}
