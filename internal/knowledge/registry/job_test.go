package registry_test

import (
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/store"
)

func TestJob(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	ds := f.source(f.base("docs"), "bucket")
	other := f.source(f.base("others"), "bucket")

	made, created, err := f.StartJob(ctx, knowledge.Job{
		Account: account, Region: region, Base: ds.Base, Source: ds.ID, Description: "d",
		Status: knowledge.JobComplete, Reasons: []string{"made up"}, Statistics: knowledge.Statistics{New: 9},
	}, store.Token{Value: "t"})
	if err != nil || !created {
		t.Fatal(created, err)
	}
	want := knowledge.Job{
		Account: account, Region: region, Base: ds.Base, Source: ds.ID, ID: made.ID, Description: "d",
		Status: knowledge.JobStarting, Started: f.clock.Now(), Updated: f.clock.Now(), Version: 1,
	}
	f.check("StartJob", made, want)
	f.check("work", f.work(), []registry.Work{{Account: account, Region: region, Base: ds.Base, Source: ds.ID, Job: made.ID}})

	again, created, err := f.start(ds, "t")
	if err != nil || created || again.ID != made.ID {
		t.Errorf("StartJob with the token: got %s, %v, %v, want the first one, though it runs", again.ID, created, err)
	}
	for _, status := range []knowledge.JobStatus{knowledge.JobStarting, knowledge.JobInProgress, knowledge.JobStopping} {
		made = f.end(made, status)
		_, _, err = f.start(ds, "")
		f.refused("StartJob while one is "+string(status), err, fault.Conflict, "ongoing ingestion job")
	}
	f.end(f.job(other), knowledge.JobStopped)
	f.job(other)
	f.work()

	f.clock.Advance(time.Minute)
	made.Status, made.Statistics = knowledge.JobComplete, knowledge.Statistics{Scanned: 3, New: 2, Failed: 1}
	made.Reasons = []string{"one"}
	done, err := f.UpdateJob(ctx, made)
	if err != nil {
		t.Fatal(err)
	}
	made.Updated, made.Version = f.clock.Now(), made.Version+1
	f.check("UpdateJob", done, made)
	stale := made
	stale.Version--
	if _, err := f.UpdateJob(ctx, stale); store.Reason(err) != store.Changed {
		t.Errorf("UpdateJob of an old version: got %v, want that it was changed", err)
	}
	f.refused("StopJob of one that has ended", ignore(f.StopJob(ctx, account, region, ds.Base, ds.ID, made.ID)), fault.Invalid, "is in status COMPLETE")
	if got, _ := f.Job(ctx, account, region, ds.Base, ds.ID, made.ID); got.Status != knowledge.JobComplete {
		t.Errorf("after that: got %s, want COMPLETE", got.Status)
	}

	second := f.job(ds)
	stopping, err := f.StopJob(ctx, account, region, ds.Base, ds.ID, second.ID)
	if err != nil || stopping.Status != knowledge.JobStopping {
		t.Errorf("StopJob: got %s, %v, want STOPPING", stopping.Status, err)
	}
	twice, err := f.StopJob(ctx, account, region, ds.Base, ds.ID, second.ID)
	if err != nil {
		t.Error(err)
	}
	f.check("StopJob twice", twice, stopping)
	second.Status = knowledge.JobComplete
	if _, err := f.UpdateJob(ctx, second); store.Reason(err) != store.Changed {
		t.Errorf("UpdateJob by a worker that has not seen STOPPING: got %v, want that it was changed", err)
	}

	f.refused("Job of another source", ignore(f.Job(ctx, account, region, other.Base, other.ID, made.ID)), fault.NotFound, "IngestionJob with id "+made.ID)
	f.refused("StopJob of none", ignore(f.StopJob(ctx, account, region, ds.Base, ds.ID, "NONE")), fault.NotFound, "NONE")
	_, _, err = f.start(knowledge.DataSource{Account: account, Region: region, Base: ds.Base, ID: "NONE"}, "")
	f.refused("StartJob of no source", err, fault.NotFound, "DataSource with id NONE")
	_, _, err = f.start(knowledge.DataSource{Account: account, Region: region, Base: "NONE", ID: ds.ID}, "")
	f.refused("StartJob of no base", err, fault.NotFound, "Knowledge Base with id NONE")
}

func TestOneJobAtATime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ds := f.source(f.base("docs"), "bucket")
	var group sync.WaitGroup
	var mu sync.Mutex
	started, conflicts := 0, 0
	for range 10 {
		group.Go(func() {
			_, created, err := f.start(ds, "")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case created:
				started++
			case fault.Is(err, fault.Conflict):
				conflicts++
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if started != 1 || conflicts != 9 {
		t.Errorf("got %d started and %d conflicts, want 1 and 9", started, conflicts)
	}
}

func TestJobs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	ds := f.source(f.base("docs"), "bucket")
	f.job(f.source(f.base("others"), "bucket"))
	var ids []string
	for _, status := range []knowledge.JobStatus{knowledge.JobFailed, knowledge.JobComplete, knowledge.JobStopped, knowledge.JobComplete, knowledge.JobFailed} {
		j := f.end(f.job(ds), status)
		ids = append(ids, j.ID)
		if len(ids) != 2 { // two of them start at once
			f.clock.Advance(time.Minute)
		}
	}
	// the jobs by their place in that list
	for name, tt := range map[string]struct {
		query registry.JobQuery
		want  []int
	}{
		"newest first":  {registry.JobQuery{}, []int{4, 3, 2, 1, 0}},
		"oldest first":  {registry.JobQuery{Order: registry.ByStart, Ascending: true}, []int{0, 1, 2, 3, 4}},
		"by status":     {registry.JobQuery{Order: registry.ByStatus, Ascending: true}, []int{3, 1, 4, 0, 2}},
		"last status":   {registry.JobQuery{Order: registry.ByStatus}, []int{2, 4, 0, 3, 1}},
		"of one status": {registry.JobQuery{Statuses: []knowledge.JobStatus{knowledge.JobFailed}}, []int{4, 0}},
		"of two": {registry.JobQuery{
			Statuses: []knowledge.JobStatus{knowledge.JobFailed, knowledge.JobStopped}, Order: registry.ByStatus, Ascending: true,
		}, []int{4, 0, 2}},
		"of none": {registry.JobQuery{Statuses: []knowledge.JobStatus{knowledge.JobStarting}}, nil},
	} {
		var want []string
		for _, i := range tt.want {
			want = append(want, ids[i])
		}
		for limit := range 7 {
			query := tt.query
			query.Limit = limit
			var got []string
			for {
				list, next, err := f.Jobs(ctx, account, region, ds.Base, ds.ID, query)
				if err != nil {
					t.Fatal(err)
				}
				if limit > 0 && len(list) > limit {
					t.Errorf("%s: got a page of %d, want %d", name, len(list), limit)
				}
				for _, j := range list {
					got = append(got, j.ID)
				}
				if query.After = next; next == "" {
					break
				}
			}
			f.check(name, got, want)
		}
	}

	_, next, err := f.Jobs(ctx, account, region, ds.Base, ds.ID, registry.JobQuery{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, query := range map[string]registry.JobQuery{
		"made up":          {After: "e30"},
		"of another order": {After: next, Order: registry.ByStatus},
		"the other way":    {After: next, Ascending: true},
	} {
		_, _, err := f.Jobs(ctx, account, region, ds.Base, ds.ID, query)
		f.refused("a position "+name, err, fault.Invalid, "nextToken")
	}
	_, _, err = f.Jobs(ctx, account, region, "NONE", ds.ID, registry.JobQuery{})
	f.refused("of no base", err, fault.NotFound, "Knowledge Base with id NONE")
	_, _, err = f.Jobs(ctx, account, region, ds.Base, "NONE", registry.JobQuery{})
	f.refused("of no source", err, fault.NotFound, "DataSource with id NONE")
}

func TestOldJobsAreForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Registry = registry.New(registry.Params{Store: f.store, Now: f.clock.Now, KeepJobs: 3})
	ds := f.source(f.base("docs"), "bucket")
	other := f.job(f.source(f.base("others"), "bucket"))
	f.end(other, knowledge.JobFailed)
	var ids []string
	for range 6 {
		j := f.job(ds)
		ids = append([]string{j.ID}, ids...)
		f.end(j, knowledge.JobComplete)
	}
	list, _, err := f.Jobs(t.Context(), account, region, ds.Base, ds.ID, registry.JobQuery{Order: registry.ByStatus})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, j := range list {
		got[j.ID] = true
	}
	f.check("jobs", got, map[string]bool{ids[0]: true, ids[1]: true, ids[2]: true, ids[3]: true}) // three and the one that was started since
	if _, err := f.Job(t.Context(), account, region, other.Base, other.Source, other.ID); err != nil {
		t.Errorf("job of another data source: %v", err)
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	ds := f.source(f.base("docs"), "custom")
	text := "text"
	put := registry.DocumentsWork{Put: []registry.InlineDocument{
		{
			ID: "1", Text: &text, Metadata: knowledge.Metadata{"n": knowledge.Number(1.5), "l": knowledge.List([]string{"a"})},
			EmbedKeys: []string{"n"},
		},
		{ID: "2", Content: []byte{0, 255}, MIME: "application/pdf", MetadataURI: "s3://b/m.json"},
		{ID: "3", FromSource: true, Object: "s3://b/k", ObjectOwner: account},
	}}
	queue := func(w registry.DocumentsWork, token string) error {
		return f.QueueDocuments(ctx, ds, w, store.Token{Value: token})
	}
	busy := func(what string, want bool) {
		t.Helper()
		if got, err := f.Busy(ctx, ds); err != nil || got != want {
			t.Errorf("%s: got busy %v, %v, want %v", what, got, err, want)
		}
	}
	busy("before", false)
	for range 2 { // the second with the same token
		if err := queue(put, "t"); err != nil {
			t.Fatal(err)
		}
	}
	if err := queue(registry.DocumentsWork{Delete: []string{"9"}}, ""); err != nil {
		t.Fatal(err)
	}
	busy("queued", true)
	pending, err := f.PendingDocuments(ctx, ds)
	if err != nil {
		t.Fatal(err)
	}
	f.check("PendingDocuments", pending, map[string]registry.PendingDocument{
		"1": {Since: f.clock.Now()}, "2": {Since: f.clock.Now()}, "3": {Since: f.clock.Now()}, "9": {Delete: true, Since: f.clock.Now()},
	})
	_, _, err = f.start(ds, "")
	f.refused("StartJob", err, fault.Invalid, "ongoing KnowledgeBaseDocuments API request")

	work := f.work()
	if len(work) != 2 || work[0].Request == "" || work[0].Request == work[1].Request {
		t.Fatalf("work: got %+v, want two requests", work)
	}
	f.check("the first", work[0], registry.Work{Account: account, Region: region, Base: ds.Base, Source: ds.ID, Request: work[0].Request, Documents: &put})
	for _, w := range []registry.Work{work[0], work[0]} {
		if err := f.FinishDocuments(ctx, w); err != nil {
			t.Fatal(err)
		}
	}
	busy("one of two done", true)
	if err := f.FinishDocuments(ctx, work[1]); err != nil {
		t.Fatal(err)
	}
	busy("both done", false)
	if pending, err := f.PendingDocuments(ctx, ds); err != nil || len(pending) != 0 {
		t.Errorf("PendingDocuments when both are done: got %v, %v, want none", pending, err)
	}
	if err := queue(put, "t"); err != nil {
		t.Fatal(err)
	}
	busy("the token again, though it is done", false)

	job := f.job(ds)
	f.refused("while a job runs", queue(put, ""), fault.Invalid, "has an ongoing ingestion job")
	f.end(job, knowledge.JobComplete)
	f.work()
	f.clock.Advance(26 * time.Hour)
	if err := queue(put, "t"); err != nil {
		t.Fatal(err)
	}
	busy("the token after a day", true)
	page, err := f.store.List(ctx, store.Query{Kind: "documents-request", Below: true})
	if err != nil || len(page.Records) != 1 {
		t.Errorf("records: got %d, %v, want the old ones gone", len(page.Records), err)
	}
	if err := f.FinishDocuments(ctx, registry.Work{Request: "NONE"}); err != nil {
		t.Errorf("FinishDocuments of none: %v", err)
	}
	f.refused("of no source", f.QueueDocuments(ctx, knowledge.DataSource{Account: account, Region: region, Base: ds.Base, ID: "NONE"}, put, store.Token{}),
		fault.NotFound, "DataSource with id NONE")
}
