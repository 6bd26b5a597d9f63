package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// outcome is how one test ended.
type outcome string

const (
	passed  outcome = "passed"
	failed  outcome = "failed"
	skipped outcome = "skipped"
)

// result is one test of a suite. Of Go tests with subtests only the subtests
// count, unless the parent failed on its own.
type result struct {
	name    string // "package.TestName/case", "tests.test_file::test_name"
	outcome outcome
	reason  string // of a skip
}

// goEvent is one line of "go test -json".
type goEvent struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
}

// readGo reads "go test -json" and writes to out what a reader wants to see:
// the line of each package, and the whole output of what failed.
func readGo(r io.Reader, out io.Writer) ([]result, error) {
	output := map[string][]string{} // of tests that have not ended, by package and test
	ended := map[string]outcome{}
	reasons := map[string]string{}
	packageFailed := map[string]bool{}
	var order []string
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var ev goEvent
			if json.Unmarshal(line, &ev) != nil {
				fmt.Fprint(out, string(line)) // not JSON: a message of the go command
				ev = goEvent{}
			}
			id := ev.Package + "." + ev.Test
			switch ev.Action {
			case "build-output":
				fmt.Fprint(out, ev.Output)
			case "output":
				if ev.Test == "" && isPackageLine(ev.Output) {
					fmt.Fprint(out, ev.Output)
				} else {
					output[id] = append(output[id], ev.Output)
				}
			case "pass", "fail", "skip":
				if ev.Action == "fail" {
					fmt.Fprint(out, strings.Join(output[id], ""))
				}
				if ev.Test == "" {
					packageFailed[ev.Package] = ev.Action == "fail"
					break
				}
				order = append(order, id)
				ended[id] = map[string]outcome{"pass": passed, "fail": failed, "skip": skipped}[ev.Action]
				reasons[id] = skipReason(output[id])
				delete(output, id)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return goResults(order, ended, reasons, packageFailed), nil
}

func goResults(order []string, ended map[string]outcome, reasons map[string]string, packageFailed map[string]bool) []result {
	failedChild, parent := map[string]bool{}, map[string]bool{}
	for _, id := range order {
		for i := len(id) - 1; i > testDot(id); i-- {
			if id[i] == '/' {
				parent[id[:i]] = true
				failedChild[id[:i]] = failedChild[id[:i]] || ended[id] == failed
			}
		}
	}
	var results []result
	explained := map[string]bool{}
	for _, id := range order {
		if ended[id] == failed {
			explained[id[:testDot(id)]] = true
		}
		if parent[id] && (ended[id] != failed || failedChild[id]) {
			continue
		}
		results = append(results, result{name: id, outcome: ended[id], reason: reasons[id]})
	}
	var broken []string
	for pkg, bad := range packageFailed {
		if bad && !explained[pkg] {
			broken = append(broken, pkg) // did not build, or died outside of a test
		}
	}
	sort.Strings(broken)
	for _, pkg := range broken {
		results = append(results, result{name: pkg, outcome: failed})
	}
	return results
}

// testDot is the index of the dot between package and test in "pkg/path.Test/case".
func testDot(id string) int {
	for _, kind := range []string{".Test", ".Example", ".Fuzz", ".Benchmark"} {
		if i := strings.Index(id, kind); i >= 0 {
			return i
		}
	}
	return len(id)
}

func isPackageLine(s string) bool {
	return strings.HasPrefix(s, "ok  ") || strings.HasPrefix(s, "FAIL\t")
}

// skipReason takes the text of t.Skip out of a test's output.
func skipReason(output []string) string {
	for _, line := range output {
		if _, place, ok := strings.Cut(line, ".go:"); ok {
			if _, text, ok := strings.Cut(place, ": "); ok {
				return strings.TrimSpace(text)
			}
		}
	}
	return ""
}

// The parts of JUnit XML that pytest and node write. Suites nest.
type junitSuite struct {
	Suites []junitSuite `xml:"testsuite"`
	Cases  []junitCase  `xml:"testcase"`
}

type junitCase struct {
	Class    string         `xml:"classname,attr"`
	Name     string         `xml:"name,attr"`
	Failures []struct{}     `xml:"failure"`
	Errors   []struct{}     `xml:"error"`
	Skips    []junitSkipped `xml:"skipped"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

func readJUnit(r io.Reader) ([]result, error) {
	var root junitSuite
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	// Node writes messages as they are, with the colours of terminals, which no XML may have.
	text = bytes.Map(func(c rune) rune {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return -1
		}
		return c
	}, text)
	if err := xml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	var results []result
	var walk func(junitSuite)
	walk = func(s junitSuite) {
		for _, c := range s.Cases {
			res := result{name: c.Class + "." + c.Name, outcome: passed}
			switch {
			case len(c.Failures)+len(c.Errors) > 0:
				res.outcome = failed
			case len(c.Skips) > 0:
				res.outcome, res.reason = skipped, c.Skips[0].Message
			}
			results = append(results, res)
		}
		for _, sub := range s.Suites {
			walk(sub)
		}
	}
	walk(root)
	return results, nil
}

// writeStep keeps a command's verdict as JUnit XML with one case.
func writeStep(dir, suite string, ok bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	failure := ""
	if !ok {
		failure = "<failure/>"
	}
	text := fmt.Sprintf("<testsuite><testcase classname=%q name=%q>%s</testcase></testsuite>\n", "step", suite, failure)
	return os.WriteFile(filepath.Join(dir, suite+".xml"), []byte(text), 0o644)
}

// readDir reads the results of every suite in a folder, by the suite's name.
func readDir(dir string) (map[string][]result, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	suites := map[string][]result{}
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		suite := strings.TrimSuffix(e.Name(), ext)
		var read func(io.Reader) ([]result, error)
		switch ext {
		case ".json":
			read = func(r io.Reader) ([]result, error) { return readGo(r, io.Discard) }
		case ".xml":
			read = readJUnit
		default:
			continue
		}
		if err := func() error {
			f, err := os.Open(filepath.Join(dir, e.Name()))
			if err != nil {
				return err
			}
			defer f.Close()
			suites[suite], err = read(f)
			return err
		}(); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
	}
	return suites, nil
}
