package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"
)

const (
	startTarget    = 200 // ms from exec to /health/live
	residentTarget = 60  // MiB of the idle server
	costTarget     = 1.0 // ms of the server's own time for a Converse
	streamTarget   = 0.5 // token times between the second frame and the next token's
)

// measureStart starts the binary again and again over one data folder. The
// first start makes keys and certificates, so it is told apart.
func measureStart(ctx context.Context, o options, folder string, r *report) error {
	data := filepath.Join(folder, "starts")
	var first float64
	var later []float64
	for i := range o.starts + 1 {
		elapsed, err := startOnce(ctx, o, data)
		if err != nil {
			return err
		}
		if i == 0 {
			first = elapsed
			continue
		}
		later = append(later, elapsed)
	}
	r.demand("process start to /health/live, median", median(later), "ms", below, startTarget)
	r.inform("  slowest", quantile(later, 1), "ms")
	r.inform("  very first, with new keys and certificates", first, "ms")
	return nil
}

func startOnce(ctx context.Context, o options, data string) (ms float64, err error) {
	s, err := start(o, data)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.wait(ctx, "/health/live", time.Millisecond, liveTimeout); err != nil {
		return 0, err
	}
	return milliseconds(time.Since(s.started)), nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measureServer measures one server through its life.
func measureServer(ctx context.Context, o options, folder string, r *report) (err error) {
	s, err := start(o, filepath.Join(folder, "server"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.wait(ctx, "/health/ready", 10*time.Millisecond, readyTimeout); err != nil {
		return fmt.Errorf("ready: %w", err)
	}
	r.inform("process start to /health/ready", milliseconds(time.Since(s.started)), "ms")
	resident, err := s.residentMiB(ctx)
	if err != nil {
		return err
	}
	r.demand("idle resident memory of the server", resident, "MiB", below, residentTarget)
	if err := measureConverse(ctx, o, s, r); err != nil {
		return fmt.Errorf("converse: %w", err)
	}
	if err := measureStream(ctx, o, s, r); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	if resident, err = s.residentMiB(ctx); err != nil {
		return err
	}
	r.inform("resident memory after the calls", resident, "MiB")
	return nil
}

const short = `{"messages":[{"role":"user","content":[{"text":"Say yes."}]}],"inferenceConfig":{"maxTokens":2,"temperature":0}}`

// measureConverse asks for answers of two tokens and reads from each what the
// server says that it cost beyond the runner's own time.
func measureConverse(ctx context.Context, o options, s *server, r *report) error {
	started := time.Now()
	if _, err := s.converse(ctx, o.model); err != nil {
		return err
	}
	r.inform("first Converse, which loads the model", milliseconds(time.Since(started)), "ms")

	var cost, whole, health []float64
	for range o.calls {
		started := time.Now()
		microseconds, err := s.converse(ctx, o.model)
		if err != nil {
			return err
		}
		whole = append(whole, milliseconds(time.Since(started)))
		cost = append(cost, microseconds/1000)

		started = time.Now()
		if err := s.get(ctx, "/health/live"); err != nil {
			return err
		}
		health = append(health, milliseconds(time.Since(started)))
	}
	r.demand("Converse above the runner's own time, median", median(cost), "ms", below, costTarget)
	r.inform("  95th percentile", quantile(cost, 0.95), "ms")
	r.inform("  whole call as the client sees it, median", median(whole), "ms")
	r.inform("  GET /health/live on the same connection, median", median(health), "ms")
	return nil
}

// converse makes one call and returns the server's own cost in microseconds.
func (s *server) converse(ctx context.Context, model string) (float64, error) {
	resp, err := s.call(ctx, model, "converse", short)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, err
	}
	cost, err := strconv.ParseFloat(resp.Header.Get(costHeader), 64)
	if err != nil {
		return 0, fmt.Errorf("header %s: %w", costHeader, err)
	}
	return cost, nil
}

const long = `{"messages":[{"role":"user","content":[{"text":"Write a long story about a river."}]}],"inferenceConfig":{"maxTokens":48,"temperature":0}}`

func measureStream(ctx context.Context, o options, s *server, r *report) error {
	var leads, steps, firsts []float64
	for range o.streams {
		started := time.Now()
		resp, err := s.call(ctx, o.model, "converse-stream", long)
		if err != nil {
			return err
		}
		frames, err := readFrames(resp.Body, time.Now)
		err = errors.Join(err, resp.Body.Close())
		if err != nil {
			return err
		}
		p, err := paceOf(frames)
		if err != nil {
			return err
		}
		leads = append(leads, p.lead)
		steps = append(steps, milliseconds(p.step))
		firsts = append(firsts, milliseconds(p.first.Sub(started)))
	}
	r.demand("stream: second frame ahead of the next token's, median", median(leads), "token times", atLeast, streamTarget)
	r.inform("  time of one token", median(steps), "ms")
	r.inform("  request to the first token's frame, median", median(firsts), "ms")
	return nil
}

// pace is how a stream came in.
type pace struct {
	first time.Time // the first delta's arrival
	// step is the time of a token: the lower quartile of the time between
	// deltas, because other work on the machine stretches the longer ones.
	step time.Duration
	lead float64 // from the second frame to the second delta, in steps
}

// paceOf judges a stream by the arrival of its frames. The second delta cannot
// leave before the second token is computed. When the stream's second frame is
// at least half a token's time ahead of it, that frame has left while the second
// token was being computed at the latest, and so before the third. A server that
// holds frames back sends them together, and the lead is near 0.
func paceOf(frames []frame) (pace, error) {
	var deltas []time.Time
	for _, f := range frames {
		if f.event == "contentBlockDelta" {
			deltas = append(deltas, f.at)
		}
	}
	if len(deltas) < 8 {
		return pace{}, fmt.Errorf("%d deltas in %d frames are too few to judge", len(deltas), len(frames))
	}
	var gaps []time.Duration
	for i, at := range deltas[1:] {
		gaps = append(gaps, at.Sub(deltas[i]))
	}
	p := pace{first: deltas[0], step: quantile(gaps, 0.25)}
	if p.step <= 0 {
		return pace{}, errors.New("the deltas arrived all at once")
	}
	p.lead = float64(deltas[1].Sub(frames[1].at)) / float64(p.step)
	return p, nil
}
