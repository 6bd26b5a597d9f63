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

// figures are those that the project has set itself for the parts of knowledge
// bases, measured where the parts are.
var figures = []figure{}

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
			r.note("%s is left out: %s did not run.", f.name, f.benchmark)
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
