package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// figure is a measure of a Go benchmark that has a target.
type figure struct {
	benchmark, measure string // as go test prints them, without the number of processors
	name, unit         string
	scale              float64
	compare            comparison
	limit              float64
}

// figures are those that the project has set itself for its parts, measured
// where the parts are.
var figures = []figure{
	{"BenchmarkIndex/384_real/semantic", "p50-ms", "search of 100,000 chunks × 384 beyond the query's embedding, median", "ms", 1, below, 5},
	{"BenchmarkIndex/384_real/hybrid", "p50-ms", "  hybrid, median", "ms", 1, below, 20},
	{"BenchmarkIndex/384_real/recall", "recall@10", "  the ten best that exact search finds, too", "%", 100, atLeast, 99},
	{"BenchmarkIndex/384_real/memory", "x-floats", "  memory against the float vectors", "times", 1, below, 2},
	{"BenchmarkIngestion/small", "%", "sync against the embedding model alone, in one process", "times", 0.01, atLeast, ingestTarget},
	{"BenchmarkLedgerSustained", "records/s", "usage records written, at a steady pace", "a second", 1, atLeast, 4900},
	{"BenchmarkLedgerSustained", "p50-µs", "  what a call pays for its own, median", "µs", 1, below, 20},
	{"BenchmarkGovernance", "p50-µs", "signature, 50 policies of 20 statements, access, quotas and usage record, median", "µs", 1, below, 60},
	{"BenchmarkPDF", "pages/cpu-s", "reading of PDF files on one core", "pages/s", 1, atLeast, 150},
}

// readFigures takes the figures out of what "go test -bench" has printed.
func readFigures(path string, r *report) error {
	if path == "" {
		r.note("The figures of the Go benchmarks are left out: -figures names no file.")
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	measured := map[[2]string]float64{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		benchmark, measures := parseBenchmark(lines.Text())
		for measure, value := range measures {
			measured[[2]string{benchmark, measure}] = value
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	for _, f := range figures {
		if value, ok := measured[[2]string{f.benchmark, f.measure}]; ok {
			r.demand(f.name, value*f.scale, f.unit, f.compare, f.limit)
		} else {
			r.note("%s: left out, %s did not run.", strings.TrimSpace(f.name), f.benchmark)
		}
	}
	return nil
}

// parseBenchmark reads a line such as
// "BenchmarkSearch/semantic-2  100  1234 ns/op  0.99 recall". Other lines have
// no measures.
func parseBenchmark(line string) (name string, measures map[string]float64) {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return "", nil
	}
	name = fields[0]
	if i := strings.LastIndexByte(name, '-'); i >= 0 {
		if _, err := strconv.Atoi(name[i+1:]); err == nil {
			name = name[:i]
		}
	}
	measures = map[string]float64{}
	for i := 2; i+1 < len(fields); i += 2 {
		if value, err := strconv.ParseFloat(fields[i], 64); err == nil {
			measures[fields[i+1]] = value
		}
	}
	return name, measures
}
