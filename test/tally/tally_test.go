package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const goOutput = `{"Action":"start","Package":"a/b"}
{"Action":"run","Package":"a/b","Test":"TestTable"}
{"Action":"run","Package":"a/b","Test":"TestTable/model.id_v1.0"}
{"Action":"pass","Package":"a/b","Test":"TestTable/model.id_v1.0"}
{"Action":"output","Package":"a/b","Test":"TestTable/bad","Output":"    b_test.go:9: got 1, want 2\n"}
{"Action":"fail","Package":"a/b","Test":"TestTable/bad"}
{"Action":"fail","Package":"a/b","Test":"TestTable"}
{"Action":"output","Package":"a/b","Test":"TestVectors","Output":"    b_test.go:20: no vectors: folder absent\n"}
{"Action":"skip","Package":"a/b","Test":"TestVectors"}
{"Action":"output","Package":"a/b","Output":"FAIL\ta/b\t0.1s\n"}
{"Action":"fail","Package":"a/b"}
{"ImportPath":"a/c","Action":"build-output","Output":"c.go:1: syntax error\n"}
{"Action":"fail","Package":"a/c"}
{"Action":"output","Package":"a/d","Output":"ok  \ta/d\t0.1s\n"}
{"Action":"pass","Package":"a/d"}
`

func TestReadGo(t *testing.T) {
	t.Parallel()
	var shown strings.Builder
	got, err := readGo(strings.NewReader(goOutput), &shown)
	if err != nil {
		t.Fatal(err)
	}
	want := []result{
		{name: "a/b.TestTable/model.id_v1.0", outcome: passed},
		{name: "a/b.TestTable/bad", outcome: failed, reason: "got 1, want 2"},
		{name: "a/b.TestVectors", outcome: skipped, reason: "no vectors: folder absent"},
		{name: "a/c", outcome: failed}, // does not build
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	for _, line := range []string{"got 1, want 2", "c.go:1: syntax error", "ok  \ta/d"} {
		if !strings.Contains(shown.String(), line) {
			t.Errorf("shown lines: got %q, want %q among them", shown.String(), line)
		}
	}
}

func TestReadJUnit(t *testing.T) {
	t.Parallel()
	const text = `<testsuites><testsuite>
		<testcase classname="tests.converse" name="test_answer"/>
		<testcase classname="tests.converse" name="test_bad"><failure message="no">` + "\x1b[2mgrey\x1b[22m" + `</failure></testcase>
		<testcase classname="tests.converse" name="test_setup"><error message="no"/></testcase>
		<testsuite><testcase classname="tests.tls" name="test_h2"><skipped message="no certificate"/></testcase></testsuite>
	</testsuite></testsuites>`
	got, err := readJUnit(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []result{
		{name: "tests.converse.test_answer", outcome: passed},
		{name: "tests.converse.test_bad", outcome: failed},
		{name: "tests.converse.test_setup", outcome: failed},
		{name: "tests.tls.test_h2", outcome: skipped, reason: "no certificate"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestSummarize(t *testing.T) {
	t.Parallel()
	const skippedTest = `{"Action":"skip","Package":"a/b","Test":"TestVectors"}` + "\n"
	const skippedCase = `{"Action":"skip","Package":"a/b","Test":"TestVectors/an empty list"}` + "\n"
	const passedTest = `{"Action":"pass","Package":"a/b","Test":"TestOther"}` + "\n"
	tests := []struct {
		name     string
		output   string
		skips    string
		want     []string
		strict   bool
		wantLine string
		wantErr  bool
	}{
		{name: "all passed", output: passedTest, strict: true, wantLine: "1 passed, 0 failed, 0 skipped"},
		{name: "skip that is not listed", output: skippedTest + passedTest, strict: true, wantLine: "1 passed, 1 failed, 0 skipped", wantErr: true},
		{name: "skip that is not listed, on a laptop", output: skippedTest + passedTest, wantLine: "1 passed, 0 failed, 1 skipped"},
		{name: "skip that is listed", output: skippedTest + passedTest, skips: "go a/b.TestVectors no vectors here", strict: true, wantLine: "1 passed, 0 failed, 1 skipped"},
		{name: "skip listed for another suite", output: skippedTest, skips: "python-* a/b.TestVectors no vectors here", strict: true, wantLine: "0 passed, 1 failed, 0 skipped", wantErr: true},
		{name: "skip listed by the beginning of its name", output: skippedTest, skips: "go a/b.TestVec no vectors here", strict: true, wantLine: "0 passed, 1 failed, 0 skipped", wantErr: true},
		{name: "case of a test that is listed", output: skippedCase, skips: "go a/b.TestVectors no vectors here", strict: true, wantLine: "0 passed, 1 failed, 0 skipped", wantErr: true},
		{name: "case that is listed", output: skippedCase, skips: "go a/b.TestVectors/an_empty_list nothing tells it", strict: true, wantLine: "0 passed, 0 failed, 1 skipped"},
		{name: "suite without results", output: passedTest, want: []string{"go", "js"}, wantLine: "1 passed, 1 failed, 0 skipped", wantErr: true},
		{name: "skip without a reason", output: passedTest, skips: "go a/b.TestVec", wantErr: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			skips := filepath.Join(t.TempDir(), "skips.txt")
			for file, text := range map[string]string{filepath.Join(dir, "go.json"): tt.output, skips: tt.skips} {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out strings.Builder
			err := summarize(dir, skips, tt.want, tt.strict, &out)
			if got := err != nil; got != tt.wantErr {
				t.Errorf("error: got %v, want an error: %v", err, tt.wantErr)
			}
			if !strings.Contains(out.String(), tt.wantLine) {
				t.Errorf("summary: got %q, want the line %q", out.String(), tt.wantLine)
			}
		})
	}
}
