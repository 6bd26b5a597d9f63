package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	ingestTarget = 0.9 // of what the embedding model does alone
	peerIngest   = 1.0 // times as fast as the peer
	// Queries take as long as the embedding of the query for both, and nothing
	// else that could be seen among a few hundred passages.
	peerQuery = 0.9

	embeddingModel = "amazon.titan-embed-text-v2:0"
	benchBucket    = "bench"
	embedders      = 32 // requests at once that keep the embedding model busy
	queryRounds    = 3  // over all queries, for the latencies
)

// measureKnowledge fills a knowledge base from a bucket and searches it.
func measureKnowledge(ctx context.Context, o options, folder string, r *report) (err error) {
	texts, queries, err := readCollection(o.collection, o.documents, o.queries)
	if errors.Is(err, os.ErrNotExist) {
		r.note("The figures of knowledge bases are left out: there is no test collection in %s (-collection).", o.collection)
		return nil
	}
	if err != nil {
		return err
	}
	s, err := start(o, filepath.Join(folder, "knowledge"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: embedders}}
	if err := s.wait(ctx, "/health/ready", 10*time.Millisecond, readyTimeout); err != nil {
		return fmt.Errorf("ready: %w", err)
	}
	k := &knowledge{s: s, texts: texts, queries: queries}
	if err := k.fill(ctx, filepath.Join(folder, "documents")); err != nil {
		return err
	}
	if err := k.measureIngestion(ctx, r); err != nil {
		return fmt.Errorf("ingestion: %w", err)
	}
	if err := k.measureQueries(ctx, r); err != nil {
		return fmt.Errorf("queries: %w", err)
	}
	return k.measurePeer(ctx, o, r)
}

// knowledge is a knowledge base and what it is made of.
type knowledge struct {
	s       *server
	folder  string // of the files
	texts   []string
	queries []string
	base    string

	ingested time.Duration
}

// fill writes the documents as files and puts them into a bucket.
func (k *knowledge) fill(ctx context.Context, folder string) error {
	k.folder = folder
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := k.s.put(ctx, "/"+benchBucket, ""); err != nil {
		return err
	}
	for i, text := range k.texts {
		name := fmt.Sprintf("%04d.txt", i)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return err
		}
		if err := k.s.put(ctx, "/"+benchBucket+"/"+name, text); err != nil {
			return err
		}
	}
	return nil
}

// measureIngestion compares a sync with the embedding model alone, as a client
// sees it: the same texts sent by many clients at once, before and after. Texts
// are short enough for each to be one chunk. BenchmarkIngestion does the same in
// one process, where the model alone gets all texts at once.
func (k *knowledge) measureIngestion(ctx context.Context, r *report) error {
	if err := k.embedAll(ctx, k.texts[:min(len(k.texts), embedders)]); err != nil { // loads the model
		return err
	}
	before := time.Now()
	if err := k.embedAll(ctx, k.texts); err != nil {
		return err
	}
	alone := time.Since(before)

	source, err := k.create(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := k.sync(ctx, source); err != nil {
		return err
	}
	k.ingested = time.Since(begin)

	before = time.Now()
	if err := k.embedAll(ctx, k.texts); err != nil {
		return err
	}
	alone = (alone + time.Since(before)) / 2

	n := float64(len(k.texts))
	r.inform(fmt.Sprintf("embedding model, called by %d clients at once", embedders), n/alone.Seconds(), "chunks/s")
	r.inform("sync of a bucket", n/k.ingested.Seconds(), "chunks/s")
	r.demand("sync against those clients", float64(alone)/float64(k.ingested), "times", atLeast, ingestTarget)
	return nil
}

// embedAll embeds texts, many at a time.
func (k *knowledge) embedAll(ctx context.Context, texts []string) error {
	var next atomic.Int64
	errs := make([]error, embedders)
	var running sync.WaitGroup
	for worker := range embedders {
		running.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(texts) && errs[worker] == nil; i = next.Add(1) - 1 {
				errs[worker] = k.s.embed(ctx, texts[i])
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// create makes the base and its data source.
func (k *knowledge) create(ctx context.Context) (source string, err error) {
	var made struct {
		KnowledgeBase struct {
			ID string `json:"knowledgeBaseId"`
		} `json:"knowledgeBase"`
		DataSource struct {
			ID string `json:"dataSourceId"`
		} `json:"dataSource"`
	}
	if err := k.s.api(ctx, http.MethodPut, "/knowledgebases/", map[string]any{
		"name": "bench", "roleArn": "arn:aws:iam::000000000000:role/bench",
		"knowledgeBaseConfiguration": map[string]any{"type": "VECTOR", "vectorKnowledgeBaseConfiguration": map[string]any{
			"embeddingModelArn": "arn:aws:bedrock:" + region + "::foundation-model/" + embeddingModel,
		}},
	}, &made); err != nil {
		return "", err
	}
	k.base = made.KnowledgeBase.ID
	err = k.s.api(ctx, http.MethodPut, "/knowledgebases/"+k.base+"/datasources/", map[string]any{
		"name": "bucket", "dataSourceConfiguration": map[string]any{
			"type": "S3", "s3Configuration": map[string]any{"bucketArn": "arn:aws:s3:::" + benchBucket},
		},
	}, &made)
	return made.DataSource.ID, err
}

// job is an ingestion job.
type job struct {
	ID         string   `json:"ingestionJobId"`
	Status     string   `json:"status"`
	Reasons    []string `json:"failureReasons"`
	Statistics struct {
		New int `json:"numberOfNewDocumentsIndexed"`
	} `json:"statistics"`
}

// sync runs one job and fails unless it has indexed every document.
func (k *knowledge) sync(ctx context.Context, source string) error {
	var answer struct {
		Job job `json:"ingestionJob"`
	}
	path := "/knowledgebases/" + k.base + "/datasources/" + source + "/ingestionjobs/"
	if err := k.s.api(ctx, http.MethodPut, path, struct{}{}, &answer); err != nil {
		return err
	}
	path += answer.Job.ID
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if err := k.s.api(ctx, http.MethodGet, path, nil, &answer); err != nil {
			return err
		}
		switch answer.Job.Status {
		case "COMPLETE":
			if answer.Job.Statistics.New != len(k.texts) {
				return fmt.Errorf("%d of %d documents were indexed: %q", answer.Job.Statistics.New, len(k.texts), answer.Job.Reasons)
			}
			return nil
		case "FAILED", "STOPPED":
			return fmt.Errorf("the job is %s: %q", answer.Job.Status, answer.Job.Reasons)
		}
	}
}

// measureQueries times searches, and the embedding of the same queries, which
// is a part of them.
func (k *knowledge) measureQueries(ctx context.Context, r *report) error {
	var embed, semantic, hybrid []float64
	timed := func(into *[]float64, call func() error) error {
		begin := time.Now()
		err := call()
		*into = append(*into, milliseconds(time.Since(begin)))
		return err
	}
	for range queryRounds {
		for _, query := range k.queries {
			if err := errors.Join(
				timed(&embed, func() error { return k.s.embed(ctx, query) }),
				timed(&semantic, func() error { return k.search(ctx, query, "SEMANTIC") }),
				timed(&hybrid, func() error { return k.search(ctx, query, "HYBRID") }),
			); err != nil {
				return err
			}
		}
	}
	r.inform("embedding of a query as the client sees it, median", median(embed), "ms")
	r.inform(fmt.Sprintf("Retrieve of %d chunks, median", len(k.texts)), median(semantic), "ms")
	r.inform("  hybrid", median(hybrid), "ms")
	return nil
}

func (k *knowledge) search(ctx context.Context, query, mode string) error {
	var found struct {
		Results []json.RawMessage `json:"retrievalResults"`
	}
	err := k.s.api(ctx, http.MethodPost, "/knowledgebases/"+k.base+"/retrieve", map[string]any{
		"retrievalQuery":         map[string]string{"text": query},
		"retrievalConfiguration": map[string]any{"vectorSearchConfiguration": map[string]any{"numberOfResults": 5, "overrideSearchType": mode}},
	}, &found)
	if err == nil && len(found.Results) != 5 {
		err = fmt.Errorf("%d results for %q", len(found.Results), query)
	}
	return err
}

// The collection's texts are cut to this many characters, so that each fits
// into the embedding model's window and is one chunk for everybody.
const longestText = 900

// readCollection reads documents and queries of the Cranfield collection.
func readCollection(folder string, documents, queries int) (texts, questions []string, err error) {
	fields := func(name string, most int) ([]string, error) {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		var all []string
		unix := strings.ReplaceAll(string(content), "\r\n", "\n") // one of the files has the other line ends
		for record := range strings.SplitSeq("\n"+unix, "\n.I ") {
			_, text, ok := strings.Cut(record, "\n.W\n")
			if text = strings.TrimSpace(text); ok && text != "" && len(all) < most {
				all = append(all, strings.TrimSpace(text[:min(len(text), longestText)]))
			}
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("%s has no texts", name)
		}
		return all, nil
	}
	if texts, err = fields("cran.all.1400", documents); err != nil {
		return nil, nil, err
	}
	questions, err = fields("cran.qry", queries)
	for i := range questions {
		questions[i] = strings.Join(strings.Fields(questions[i]), " ")
	}
	return texts, questions, err
}
