package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/client"
	"github.com/outcrop/outcrop/internal/progress"
)

func (k *kb) syncCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use: "sync KB", Short: "Index what is new or changed in the sources of a knowledge base", Args: oneArg,
		Long: "Starts a job for each source and follows it: a bar on a terminal, lines elsewhere.\n" +
			"Only new, changed and deleted documents cost anything. The exit code is 1 when a document could not be indexed.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := k.open()
			if err != nil {
				return err
			}
			base, err := k.base(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			sources, err := k.syncable(cmd.Context(), c, base)
			if err != nil {
				return err
			}
			if watch {
				return k.sync(cmd.Context(), c, base, sources)
			}
			for i := range sources {
				job, err := c.StartJob(cmd.Context(), base.ID, sources[i].ID)
				if err != nil {
					return fmt.Errorf("%s: %w", sources[i].Name, err)
				}
				fmt.Fprintf(k.stdout, "%s: job %s has started\n", sources[i].Name, job.ID)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&watch, "watch", true, "follow the jobs to their end; --watch=false starts them and returns")
	return cmd
}

// syncable lists the sources of a base that have objects to go through.
func (k *kb) syncable(ctx context.Context, c *client.Client, base client.KnowledgeBase) ([]client.DataSource, error) {
	summaries, err := c.DataSources(ctx, base.ID)
	if err != nil {
		return nil, err
	}
	var sources []client.DataSource
	for _, summary := range summaries {
		source, err := c.DataSource(ctx, base.ID, summary.ID)
		if err != nil {
			return nil, err
		}
		if source.Configuration != nil && source.Configuration.Type == "CUSTOM" && !isFolder(source) {
			continue // it has the documents that were put into it
		}
		sources = append(sources, *source)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("%s has no source to sync; add one with: %s kb add %s s3://bucket/prefix", base.Name, k.self(), base.Name)
	}
	return sources, nil
}

// errSync says that a sync has not done all of its work. What is printed
// before it tells the reasons.
var errSync = errors.New("not everything could be indexed")

// sync syncs sources one after the other and shows how far each has come.
func (k *kb) sync(ctx context.Context, c *client.Client, base client.KnowledgeBase, sources []client.DataSource) error {
	failed := false
	for i := range sources {
		job, err := k.syncOne(ctx, c, base, sources[i])
		if err != nil {
			return err
		}
		fmt.Fprintf(k.stdout, "%s: %s in %s: %s\n", sources[i].Name, job.Status, job.UpdatedAt.Sub(job.StartedAt).Round(time.Millisecond), summary(job.Statistics))
		for _, reason := range job.FailureReasons {
			fmt.Fprintln(k.stderr, "  "+cell(reason))
		}
		failed = failed || job.Status != client.JobComplete || job.Statistics.Failed > 0
	}
	if failed {
		return errSync
	}
	return nil
}

// syncOne runs one job from its start to its end. When another one of the
// source is under way, that one is waited for first, because it may have passed
// over what has changed since.
func (k *kb) syncOne(ctx context.Context, c *client.Client, base client.KnowledgeBase, source client.DataSource) (*client.Job, error) {
	for wait := newWaiter(); ; {
		job, err := c.StartJob(ctx, base.ID, source.ID)
		if err == nil {
			return k.follow(ctx, c, base, source, job)
		}
		if !client.IsCode(err, "ConflictException") {
			return nil, fmt.Errorf("%s: %w", source.Name, err)
		}
		running, latestErr := c.LatestJob(ctx, base.ID, source.ID)
		if latestErr != nil {
			return nil, latestErr
		}
		if running != nil && !running.Ended() {
			fmt.Fprintf(k.stderr, "%s: waiting for job %s, which is under way\n", source.Name, running.ID)
			if _, err := k.follow(ctx, c, base, source, running); err != nil {
				return nil, err
			}
		}
		if err := wait.next(ctx); err != nil {
			return nil, err
		}
	}
}

// follow shows a job until it has ended. A job does not mind when nobody looks:
// an interrupted command says so.
func (k *kb) follow(ctx context.Context, c *client.Client, base client.KnowledgeBase, source client.DataSource, job *client.Job) (*client.Job, error) {
	counter := progress.CounterFor(k.stderr, source.Name, "documents")
	wait := newWaiter()
	var err error
	id := job.ID
	for !job.Ended() {
		if err = wait.next(ctx); err != nil {
			break
		}
		if job, err = c.Job(ctx, base.ID, source.ID, id); err != nil {
			break
		}
		counter.Set(done(job.Statistics), job.Statistics.Scanned)
	}
	counter.End()
	if ctx.Err() != nil {
		fmt.Fprintf(k.stderr, "\njob %s goes on in the server; %s kb show %s tells how it ended\n", id, k.self(), base.Name)
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source.Name, err)
	}
	return job, nil
}

// done is how many of the scanned documents a job has dealt with. Those that
// have not changed are counted when the job has ended, and not before.
func done(s client.Statistics) int64 {
	return min(s.New+s.Modified+s.MetadataModified+s.Failed+s.Skipped, s.Scanned)
}

// summary writes statistics for people: what there was, and what is not zero.
func summary(s client.Statistics) string {
	parts := []string{fmt.Sprintf("%d scanned", s.Scanned)}
	for _, p := range []struct {
		n    int64
		what string
	}{
		{s.New, "new"}, {s.Modified, "modified"}, {s.MetadataModified, "with new metadata"},
		{s.Deleted, "deleted"}, {s.Failed, "failed"}, {s.Skipped, "skipped"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}

// reasons writes why something failed.
func reasons(list []string) string {
	if len(list) == 0 {
		return "the log of the server says why"
	}
	return strings.Join(list, "; ")
}

// waiter makes the pauses between looks at something that takes its time: short
// ones first.
type waiter struct{ pause time.Duration }

const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

func newWaiter() *waiter { return &waiter{firstPause} }

func (w *waiter) next(ctx context.Context) error {
	timer := time.NewTimer(w.pause)
	defer timer.Stop()
	w.pause = min(w.pause*3/2, lastPause)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
