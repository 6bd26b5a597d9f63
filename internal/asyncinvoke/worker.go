package asyncinvoke

import (
	"context"
	"encoding/json"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/delivery"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// Work does the work of invocations until ctx ends. It then gives back what it
// holds, so that a restart goes on at once, and returns when nothing runs any
// more.
func (v *Invoker) Work(ctx context.Context, logger *slog.Logger) {
	places := make(chan struct{}, v.p.Jobs)
	poll := time.NewTicker(v.p.Poll)
	defer poll.Stop()
	var running sync.WaitGroup
	defer running.Wait()
	troubled := false
	for ctx.Err() == nil {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		job, ok, err := v.p.Store.Claim(ctx, []string{work}, v.p.Lease)
		if ok && err == nil {
			troubled = false
			running.Go(func() {
				defer func() {
					<-places
					v.poke()
				}()
				v.handle(ctx, job, logger)
			})
			continue
		}
		<-places
		if err != nil && ctx.Err() == nil && !troubled {
			logger.ErrorContext(ctx, "the queue of asynchronous invocations cannot be read; trying again", slog.String("cause", err.Error()))
		}
		troubled = err != nil
		select {
		case <-ctx.Done():
		case <-v.wake:
		case <-poll.C:
		}
	}
}

// handle does one job under its lease.
func (v *Invoker) handle(ctx context.Context, job store.Job, logger *slog.Logger) {
	working, stop := context.WithCancel(ctx)
	defer stop()
	var renewing sync.WaitGroup
	renewing.Go(func() { v.renew(working, job, stop) })
	again, err := v.once(working, job, logger)
	stop()
	renewing.Wait()
	// What is decided is written also when the server is stopping.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.p.Lease)
	defer cancel()
	switch {
	case ctx.Err() != nil && err != nil:
		err = v.p.Store.Release(after, job, v.p.Now())
	case again > 0:
		err = v.p.Store.Release(after, job, v.p.Now().Add(again))
	case err == nil:
		err = v.p.Store.Finish(after, job)
	}
	if err != nil && !fault.Is(err, fault.Conflict) { // somebody else has it
		logger.ErrorContext(ctx, "an asynchronous invocation could not be done; it is done again", slog.String("job", job.ID), slog.String("cause", err.Error()))
	}
}

// renew keeps the lease; when it is lost, the work is somebody else's.
func (v *Invoker) renew(ctx context.Context, job store.Job, lost func()) {
	tick := time.NewTicker(v.p.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := v.p.Store.Renew(ctx, job, v.p.Lease); fault.Is(err, fault.Conflict) {
				lost()
				return
			}
		}
	}
}

// once tries to do a job. again: it is to be tried after this time.
func (v *Invoker) once(ctx context.Context, job store.Job, logger *slog.Logger) (again time.Duration, err error) {
	var k key
	if err := json.Unmarshal(job.Payload, &k); err != nil {
		return 0, fault.Wrap(fault.Internal, err, "the job cannot be read")
	}
	r, err := v.p.Store.Get(ctx, k.record())
	switch {
	case fault.Is(err, fault.NotFound):
		return 0, nil
	case err != nil:
		return 0, err
	}
	inv, err := read(r)
	if err != nil || inv.Status != InProgress {
		return 0, err // it was over before the job was finished
	}
	err = v.guarded(ctx, &inv, job, logger)
	switch {
	case err == nil:
		return 0, v.end(ctx, r, inv, Completed, "")
	case ctx.Err() != nil:
		return 0, err
	}
	f := fault.As(err)
	if passes(f.Kind) && job.Attempts < v.p.Tries {
		return v.p.Pause << (job.Attempts - 1), nil
	}
	message := f.Message
	if f.Kind == fault.Internal {
		message = "The system encountered an unexpected error during processing. Try your request again."
	}
	return 0, v.end(ctx, r, inv, Failed, message)
}

// guarded computes an invocation. A bug costs the invocation and not the server,
// which would otherwise end again at each start.
func (v *Invoker) guarded(ctx context.Context, inv *Invocation, job store.Job, logger *slog.Logger) (err error) {
	defer func() {
		if p := recover(); p != nil {
			logger.ErrorContext(ctx, "panic", slog.String("job", job.ID), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			err = fault.New(fault.Internal, "panic")
		}
	}()
	return v.compute(ctx, inv, job.Attempts)
}

// passes reports whether a fault may be gone later.
func passes(k fault.Kind) bool {
	return k == fault.Throttled || k == fault.Unavailable || k == fault.NotReady
}

// compute runs the invocation and writes its files, the manifest last: who finds
// that finds all others.
func (v *Invoker) compute(ctx context.Context, inv *Invocation, attempts int) error {
	where, err := parseURI(inv.URI)
	if err != nil {
		return err
	}
	folder := where.folder(inv.ID)
	if v.p.May != nil {
		if err := v.p.May(ctx, inv); err != nil {
			return err
		}
	}
	record := work + "-" + inv.ID
	files, err := v.p.Run(ctx, inv, Try{
		Folder: "s3://" + where.bucket + "/" + folder, RequestID: record + "-" + strconv.Itoa(attempts), Record: record, Number: attempts,
	})
	if err != nil {
		return err
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name
	}
	manifest, err := json.Marshal(map[string]any{"invocationArn": inv.ARN, "modelArn": inv.ModelARN, "files": names})
	if err != nil {
		return fault.Wrap(fault.Internal, err, "the manifest cannot be written")
	}
	for _, f := range append(files, File{"manifest.json", "application/json", manifest}) {
		o := delivery.Object{Bucket: where.bucket, Key: folder + "/" + f.Name, Region: inv.Region, Owner: inv.Owner, ContentType: f.ContentType, Body: f.Body}
		if err := v.p.Putter.Put(ctx, o); err != nil {
			if fault.Is(err, fault.NotFound) {
				return fault.Wrap(fault.Invalid, err, "The bucket %s of the output does not exist.", where.bucket)
			}
			return err
		}
	}
	return nil
}

// end writes what became of an invocation.
func (v *Invoker) end(ctx context.Context, r store.Record, inv Invocation, status Status, failure string) error {
	now := v.p.Now().UTC().Truncate(time.Millisecond)
	inv.Input, inv.Failure, inv.Ended = nil, failure, now
	body, err := json.Marshal(inv)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "the invocation cannot be written")
	}
	r.Status, r.Body, r.Updated = string(status), body, now
	_, err = v.p.Store.Update(ctx, r)
	return err
}
