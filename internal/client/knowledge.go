package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// pageSize is the longest page that the API allows.
const pageSize = 1000

// KnowledgeBases lists all bases.
func (c *Client) KnowledgeBases(ctx context.Context) ([]KnowledgeBase, error) {
	return list[KnowledgeBase](ctx, c, "/knowledgebases/", "knowledgeBaseSummaries")
}

// KnowledgeBase describes a base.
func (c *Client) KnowledgeBase(ctx context.Context, id string) (*KnowledgeBase, error) {
	return member[KnowledgeBase](ctx, c, http.MethodGet, path("knowledgebases", id), nil, "knowledgeBase")
}

// CreateKnowledgeBase makes a base.
func (c *Client) CreateKnowledgeBase(ctx context.Context, in CreateKnowledgeBaseInput) (*KnowledgeBase, error) {
	return member[KnowledgeBase](ctx, c, http.MethodPut, "/knowledgebases/", in, "knowledgeBase")
}

// DeleteKnowledgeBase begins to remove a base with all that it holds.
func (c *Client) DeleteKnowledgeBase(ctx context.Context, id string) error {
	return c.Call(ctx, http.MethodDelete, path("knowledgebases", id), nil, nil)
}

// DataSources lists the data sources of a base.
func (c *Client) DataSources(ctx context.Context, base string) ([]DataSource, error) {
	return list[DataSource](ctx, c, path("knowledgebases", base, "datasources")+"/", "dataSourceSummaries")
}

// DataSource describes a data source.
func (c *Client) DataSource(ctx context.Context, base, id string) (*DataSource, error) {
	return member[DataSource](ctx, c, http.MethodGet, path("knowledgebases", base, "datasources", id), nil, "dataSource")
}

// CreateDataSource adds a data source to a base.
func (c *Client) CreateDataSource(ctx context.Context, base string, in CreateDataSourceInput) (*DataSource, error) {
	return member[DataSource](ctx, c, http.MethodPut, path("knowledgebases", base, "datasources")+"/", in, "dataSource")
}

// StartJob begins a sync of a data source.
func (c *Client) StartJob(ctx context.Context, base, source string) (*Job, error) {
	return member[Job](ctx, c, http.MethodPut, jobs(base, source), struct{}{}, "ingestionJob")
}

// Job describes a sync.
func (c *Client) Job(ctx context.Context, base, source, id string) (*Job, error) {
	return member[Job](ctx, c, http.MethodGet, jobs(base, source)+url.PathEscape(id), nil, "ingestionJob")
}

// LatestJob returns the sync of a data source that was started last; nil when
// there was none.
func (c *Client) LatestJob(ctx context.Context, base, source string) (*Job, error) {
	in := map[string]any{"maxResults": 1, "sortBy": map[string]string{"attribute": "STARTED_AT", "order": "DESCENDING"}}
	found, err := member[[]Job](ctx, c, http.MethodPost, jobs(base, source), in, "ingestionJobSummaries")
	if err != nil || len(*found) == 0 {
		return nil, err
	}
	return &(*found)[0], nil
}

func jobs(base, source string) string {
	return path("knowledgebases", base, "datasources", source, "ingestionjobs") + "/"
}

// Documents lists the documents of a data source.
func (c *Client) Documents(ctx context.Context, base, source string) ([]Document, error) {
	return list[Document](ctx, c, path("knowledgebases", base, "datasources", source, "documents"), "documentDetails")
}

// SomeDocuments lists the first documents of a data source. more tells that
// there are others.
func (c *Client) SomeDocuments(ctx context.Context, base, source string) (documents []Document, more bool, err error) {
	var out struct {
		Documents []Document `json:"documentDetails"`
		Next      string     `json:"nextToken"`
	}
	in := map[string]any{"maxResults": pageSize}
	if err := c.Call(ctx, http.MethodPost, path("knowledgebases", base, "datasources", source, "documents"), in, &out); err != nil {
		return nil, false, err
	}
	return out.Documents, out.Next != "", nil
}

// Retrieve searches a base.
func (c *Client) Retrieve(ctx context.Context, base string, in RetrieveInput) ([]Result, error) {
	found, err := member[[]Result](ctx, c, http.MethodPost, path("knowledgebases", base, "retrieve"), in, "retrievalResults")
	if err != nil {
		return nil, err
	}
	return *found, nil
}

// sessionHeader names the session of an answer that comes as a stream.
const sessionHeader = "X-Amzn-Bedrock-Knowledge-Base-Session-Id"

// Ask asks a base and calls text for each piece of the answer as it comes. When
// an error breaks the answer off, what there is of it is returned too.
func (c *Client) Ask(ctx context.Context, in AskInput, text func(string) error) (*Answer, error) {
	answer := &Answer{}
	err := c.Stream(ctx, "/retrieveAndGenerateStream", in, func(header http.Header) {
		answer.SessionID = header.Get(sessionHeader)
	}, func(name string, payload []byte) error {
		switch name {
		case "output":
			var event Output
			if err := json.Unmarshal(payload, &event); err != nil {
				return fmt.Errorf("understand an event of the answer: %w", err)
			}
			answer.Output.Text += event.Text
			return text(event.Text)
		case "citation":
			var event struct {
				Citation
				Old *Citation `json:"citation"` // as older servers nest it
			}
			if err := json.Unmarshal(payload, &event); err != nil {
				return fmt.Errorf("understand a citation of the answer: %w", err)
			}
			if event.References == nil && event.Old != nil {
				event.Citation = *event.Old
			}
			answer.Citations = append(answer.Citations, event.Citation)
		}
		return nil
	})
	return answer, err
}

// path joins the parts of a path.
func path(parts ...string) string {
	text := ""
	for _, part := range parts {
		text += "/" + url.PathEscape(part)
	}
	return text
}

// member calls an operation whose answer is one member, beside a token at most.
func member[T any](ctx context.Context, c *Client, method, path string, in any, name string) (*T, error) {
	out := map[string]json.RawMessage{}
	if err := c.Call(ctx, method, path, in, &out); err != nil {
		return nil, err
	}
	made := new(T)
	if err := json.Unmarshal(out[name], made); err != nil {
		return nil, fmt.Errorf("understand %s in the answer to %s %s: %w", name, method, path, err)
	}
	return made, nil
}

// list calls an operation that answers page by page.
func list[T any](ctx context.Context, c *Client, path, name string) ([]T, error) {
	all := []T{}
	in := map[string]any{"maxResults": pageSize}
	for {
		out := map[string]json.RawMessage{}
		if err := c.Call(ctx, http.MethodPost, path, in, &out); err != nil {
			return nil, err
		}
		var members []T
		if err := json.Unmarshal(out[name], &members); err != nil {
			return nil, fmt.Errorf("understand %s in the answer to POST %s: %w", name, path, err)
		}
		all = append(all, members...)
		var next string
		if token, ok := out["nextToken"]; ok {
			if err := json.Unmarshal(token, &next); err != nil {
				return nil, fmt.Errorf("understand the answer to POST %s: %w", path, err)
			}
		}
		if next == "" {
			return all, nil
		}
		in["nextToken"] = next
	}
}
