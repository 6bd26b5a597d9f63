package bedrockagent

import (
	"cmp"
	"context"
	"slices"

	api "github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// IngestKnowledgeBaseDocuments queues documents that are put into a data source
// without a sync.
func (s *Service) IngestKnowledgeBaseDocuments(ctx context.Context, in *api.IngestKnowledgeBaseDocumentsInput) (*api.IngestKnowledgeBaseDocumentsOutput, error) {
	b, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	ds, err := s.source(ctx, in.KnowledgeBaseId, in.DataSourceId)
	if err != nil {
		return nil, err
	}
	if err := checkDirect(ds); err != nil {
		return nil, err
	}
	if _, err := s.embeddingModel(ctx, b); err != nil {
		return nil, err
	}
	var work registry.DocumentsWork
	for i := range in.Documents {
		d, err := document(ds, &in.Documents[i])
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(work.Put, func(other registry.InlineDocument) bool { return other.ID == d.ID }) {
			return nil, invalid("The document with the identifier %s is given more than once.", d.ID)
		}
		work.Put = append(work.Put, d)
	}
	if err := s.registry.QueueDocuments(ctx, ds, work, token(in.ClientToken)); err != nil {
		return nil, err
	}
	out := &api.IngestKnowledgeBaseDocumentsOutput{}
	states, err := s.states(ctx, ds)
	if err != nil {
		return nil, err
	}
	for _, d := range work.Put {
		state, err := states.of(ctx, d.ID)
		if err != nil {
			return nil, err
		}
		out.DocumentDetails = append(out.DocumentDetails, detail(ds, state))
	}
	return out, nil
}

// GetKnowledgeBaseDocuments tells where documents are. One that nobody knows is
// NOT_FOUND, which is no error.
func (s *Service) GetKnowledgeBaseDocuments(ctx context.Context, in *api.GetKnowledgeBaseDocumentsInput) (*api.GetKnowledgeBaseDocumentsOutput, error) {
	ds, err := s.source(ctx, in.KnowledgeBaseId, in.DataSourceId)
	if err != nil {
		return nil, err
	}
	ids, err := identifiers(ds, in.DocumentIdentifiers)
	if err != nil {
		return nil, err
	}
	states, err := s.states(ctx, ds)
	if err != nil {
		return nil, err
	}
	out := &api.GetKnowledgeBaseDocumentsOutput{}
	for _, id := range ids {
		state, err := states.of(ctx, id)
		if err != nil {
			return nil, err
		}
		out.DocumentDetails = append(out.DocumentDetails, detail(ds, state))
	}
	return out, nil
}

// ListKnowledgeBaseDocuments lists the documents of a data source by their
// identifiers.
func (s *Service) ListKnowledgeBaseDocuments(ctx context.Context, in *api.ListKnowledgeBaseDocumentsInput) (*api.ListKnowledgeBaseDocumentsOutput, error) {
	ds, err := s.source(ctx, in.KnowledgeBaseId, in.DataSourceId)
	if err != nil {
		return nil, err
	}
	states, err := s.states(ctx, ds)
	if err != nil {
		return nil, err
	}
	after, err := states.decode(ctx, schema.Deref(in.NextToken))
	if err != nil {
		return nil, err
	}
	list, more, err := states.page(ctx, after, limit(in.MaxResults))
	if err != nil {
		return nil, err
	}
	out := &api.ListKnowledgeBaseDocumentsOutput{DocumentDetails: []api.KnowledgeBaseDocumentDetail{}}
	for _, state := range list {
		out.DocumentDetails = append(out.DocumentDetails, detail(ds, state))
	}
	if more {
		out.NextToken = optional(states.encode(list[len(list)-1].ID))
	}
	return out, nil
}

// DeleteKnowledgeBaseDocuments queues documents that leave a data source. Objects
// of a bucket stay there, and the next sync indexes them again.
func (s *Service) DeleteKnowledgeBaseDocuments(ctx context.Context, in *api.DeleteKnowledgeBaseDocumentsInput) (*api.DeleteKnowledgeBaseDocumentsOutput, error) {
	ds, err := s.source(ctx, in.KnowledgeBaseId, in.DataSourceId)
	if err != nil {
		return nil, err
	}
	if err := checkDirect(ds); err != nil {
		return nil, err
	}
	ids, err := identifiers(ds, in.DocumentIdentifiers)
	if err != nil {
		return nil, err
	}
	states, err := s.states(ctx, ds)
	if err != nil {
		return nil, err
	}
	if err := s.registry.QueueDocuments(ctx, ds, registry.DocumentsWork{Delete: ids}, token(in.ClientToken)); err != nil {
		return nil, err
	}
	out := &api.DeleteKnowledgeBaseDocumentsOutput{}
	for _, id := range ids {
		state, err := states.of(ctx, id) // as it was before
		if err != nil {
			return nil, err
		}
		if state.Status != knowledge.NotFound {
			state.Status, state.Reason = knowledge.Deleting, ""
		}
		out.DocumentDetails = append(out.DocumentDetails, detail(ds, state))
	}
	return out, nil
}

// checkDirect refuses documents for a data source that is a folder: a sync would
// take away what is not in it.
func checkDirect(ds knowledge.DataSource) error {
	if ds.Kind == knowledge.Folder {
		return unsupported("The documents of DataSource with id %s are the files of a folder. Change them there.", ds.ID)
	}
	return nil
}

// identifiers reads which documents are meant.
func identifiers(ds knowledge.DataSource, list []api.DocumentIdentifier) ([]string, error) {
	ids := make([]string, 0, len(list))
	for _, identifier := range list {
		var id string
		switch {
		case identifier.DataSourceType != contentType(ds):
			return nil, wrongType(ds, identifier.DataSourceType)
		case identifier.S3 != nil && ds.Kind == knowledge.S3:
			id = schema.Deref(identifier.S3.Uri)
		case identifier.Custom != nil && ds.Kind != knowledge.S3:
			id = schema.Deref(identifier.Custom.Id)
		default:
			return nil, invalid("The document identifier provided is invalid. It is of the type %s and has no identifier of that type.", identifier.DataSourceType)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// contentType is the API's word for the documents of a data source.
func contentType(ds knowledge.DataSource) api.ContentDataSourceType {
	if ds.Kind == knowledge.S3 {
		return api.ContentDataSourceTypeS3
	}
	return api.ContentDataSourceTypeCustom
}

func wrongType(ds knowledge.DataSource, given api.ContentDataSourceType) error {
	return invalid("The dataSourceType %s provided is invalid. DataSource with id %s is of the type %s.", given, ds.ID, contentType(ds))
}

// detail shows a document.
func detail(ds knowledge.DataSource, d knowledge.Document) api.KnowledgeBaseDocumentDetail {
	identifier := &api.DocumentIdentifier{DataSourceType: contentType(ds)}
	if ds.Kind == knowledge.S3 {
		identifier.S3 = &api.S3Location{Uri: &d.ID}
	} else {
		identifier.Custom = &api.CustomDocumentIdentifier{Id: &d.ID}
	}
	return api.KnowledgeBaseDocumentDetail{
		KnowledgeBaseId: &ds.Base, DataSourceId: &ds.ID, Identifier: identifier, Status: api.DocumentStatus(d.Status),
		StatusReason: optional(d.Reason), UpdatedAt: moment(d.Updated),
	}
}

// states tells where the documents of a data source are: what the index knows,
// and over it what is queued.
type states struct {
	source  knowledge.DataSource
	index   knowledge.Index // nil as long as nothing was indexed
	pending map[string]registry.PendingDocument
}

func (s *Service) states(ctx context.Context, ds knowledge.DataSource) (*states, error) {
	// First what is queued: what is done meanwhile is in the index then.
	pending, err := s.registry.PendingDocuments(ctx, ds)
	if err != nil {
		return nil, err
	}
	index, err := s.indexes.Existing(ctx, ds.Base)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if err != nil {
		index = nil
	}
	return &states{ds, index, pending}, nil
}

// of tells where a document is; NOT_FOUND when nobody knows it.
func (s *states) of(ctx context.Context, id string) (knowledge.Document, error) {
	unknown := knowledge.Document{Source: s.source.ID, ID: id, Status: knowledge.NotFound}
	d := unknown
	if s.index != nil {
		var err error
		switch d, err = s.index.Document(ctx, s.source.ID, id); {
		case fault.Is(err, fault.NotFound):
			d = unknown
		case err != nil:
			return knowledge.Document{}, err
		}
	}
	return s.over(d), nil
}

// over puts what is queued over what the index knows of a document.
func (s *states) over(d knowledge.Document) knowledge.Document {
	p, waits := s.pending[d.ID]
	known := d.Status != knowledge.NotFound
	switch {
	case !waits, p.Delete && !known:
	case p.Delete:
		d.Status, d.Reason = knowledge.Deleting, ""
	case !known, d.Updated.Before(p.Since): // else it is done, with others of its request to come
		d.Status, d.Reason, d.Updated = knowledge.Starting, "", p.Since
	}
	return d
}

// page lists documents from the one after after. more tells that there are
// others behind them.
func (s *states) page(ctx context.Context, after string, limit int) (list []knowledge.Document, more bool, err error) {
	if s.index != nil {
		if list, err = s.index.Documents(ctx, s.source.ID, after, limit+1); err != nil {
			return nil, false, err
		}
	}
	last, full := "", len(list) > limit
	known := map[string]bool{}
	for i := range list {
		last = list[i].ID
		known[last] = true
	}
	// What is queued and not indexed belongs between them, unless it lies behind
	// this page.
	for id, p := range s.pending {
		if id > after && !known[id] && !p.Delete && (!full || id < last) {
			list = append(list, knowledge.Document{Source: s.source.ID, ID: id, Status: knowledge.NotFound})
		}
	}
	slices.SortFunc(list, func(a, b knowledge.Document) int { return cmp.Compare(a.ID, b.ID) })
	if len(list) > limit {
		list, more = list[:limit], true
	}
	for i := range list {
		list[i] = s.over(list[i])
	}
	return list, more, nil
}
