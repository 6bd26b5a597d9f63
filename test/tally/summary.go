package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// expectation is a line of the skip list: a test of a suite that may be skipped.
type expectation struct {
	suite  string // a path.Match pattern
	test   string // the test's whole name, spaces as underscores
	reason string
}

// readSkips reads the skip list: suite pattern, the test's whole name, and the
// reason, which must be there. "#" starts a comment line.
func readSkips(r io.Reader) ([]expectation, error) {
	var list []expectation
	scanner := bufio.NewScanner(r)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 3 {
			return nil, fmt.Errorf("line %d: want suite, test and reason, got %q", n, line)
		}
		if _, err := path.Match(fields[0], ""); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		list = append(list, expectation{fields[0], fields[1], strings.Join(fields[2:], " ")})
	}
	return list, scanner.Err()
}

// covers reports whether the line is about a test. It is not about the test's
// cases: one that was added to a list of vectors must not go unseen.
func (e expectation) covers(suite, test string) bool {
	ok, _ := path.Match(e.suite, suite) // the pattern was checked when it was read
	return ok && strings.ReplaceAll(test, " ", "_") == e.test
}

// judge counts the results. With strict, a skip that is not listed is a
// failure. What is worth reading about goes to notes.
func judge(suites map[string][]result, skips []expectation, strict bool) (counts map[string]map[outcome]int, notes []string) {
	counts = map[string]map[outcome]int{}
	for _, suite := range slices.Sorted(maps.Keys(suites)) {
		counts[suite] = map[outcome]int{}
		if len(suites[suite]) == 0 {
			notes = append(notes, fmt.Sprintf("failed   %s: the suite has no results", suite))
			counts[suite][failed]++
		}
		for _, r := range suites[suite] {
			switch {
			case r.outcome == skipped && !slices.ContainsFunc(skips, func(e expectation) bool { return e.covers(suite, r.name) }):
				notes = append(notes, fmt.Sprintf("skipped  %s: %s: %s (not listed in the skip list)", suite, r.name, r.reason))
				if strict {
					r.outcome = failed
				}
			case r.outcome == failed:
				notes = append(notes, fmt.Sprintf("failed   %s: %s", suite, r.name))
			}
			counts[suite][r.outcome]++
		}
	}
	return counts, notes
}

// summarize prints the verdict. A suite of want that left nothing behind (its
// server did not start, its tools could not be installed) counts as failed.
func summarize(dir, skipFile string, want []string, strict bool, out io.Writer) error {
	suites, err := readDir(dir)
	if err != nil {
		return err
	}
	for _, suite := range want {
		suites[suite] = append([]result{}, suites[suite]...)
	}
	f, err := os.Open(skipFile)
	if err != nil {
		return err
	}
	defer f.Close()
	skips, err := readSkips(f)
	if err != nil {
		return fmt.Errorf("%s: %w", skipFile, err)
	}
	counts, notes := judge(suites, skips, strict)
	fmt.Fprintf(out, "\n%-16s %8s %8s %8s\n", "suite", passed, failed, skipped)
	total := map[outcome]int{}
	for _, suite := range slices.Sorted(maps.Keys(counts)) {
		c := counts[suite]
		fmt.Fprintf(out, "%-16s %8d %8d %8d\n", suite, c[passed], c[failed], c[skipped])
		for o, n := range c {
			total[o] += n
		}
	}
	if len(notes) > 0 {
		fmt.Fprintf(out, "\n%s\n", strings.Join(notes, "\n"))
	}
	fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped\n", total[passed], total[failed], total[skipped])
	if total[failed] > 0 {
		return errFailed
	}
	return nil
}
