package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	values := []float64{5, 1, 4, 2, 3}
	for _, tc := range []struct {
		name    string
		q, want float64
	}{{"lowest", 0, 1}, {"median", 0.5, 3}, {"95th", 0.95, 5}, {"highest", 1, 5}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := quantile(values, tc.q); got != tc.want {
				t.Errorf("got %v want %v", got, tc.want)
			}
		})
	}
	if values[0] != 5 {
		t.Errorf("got %v want the values untouched", values)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	var r report
	r.demand("start", 150, "ms", below, 200)
	r.demand("memory", 60, "MiB", below, 60)
	r.demand("lead", 0.5, "token times", atLeast, 0.5)
	r.inform("more", 12.34, "ms")
	var got strings.Builder
	if err := r.write(&got); err != nil {
		t.Fatal(err)
	}
	want := "figure  measured          target              \n" +
		"start   150 ms            < 200 ms            ok\n" +
		"memory  60.0 MiB          < 60.0 MiB          MISSED\n" +
		"lead    0.50 token times  ≥ 0.50 token times  ok\n" +
		"more    12.3 ms                               \n"
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
	if r.missed() != 1 || r.targets() != 3 {
		t.Errorf("got %d of %d missed want 1 of 3", r.missed(), r.targets())
	}
}

// stream makes frames that arrive at the given milliseconds.
func stream(deltas ...int) []frame {
	begin := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	frames := []frame{{begin, "messageStart"}}
	for _, ms := range deltas {
		frames = append(frames, frame{begin.Add(time.Duration(ms) * time.Millisecond), "contentBlockDelta"})
	}
	return append(frames, frame{begin.Add(time.Second), "messageStop"})
}

// withBlockStart gives a stream a frame that starts the block, half a token's
// time before the first delta.
func withBlockStart(frames []frame) []frame {
	start := frame{frames[0].at.Add(5 * time.Millisecond), "contentBlockStart"}
	return slices.Insert(frames, 1, start)
}

func TestPace(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		frames []frame
		lead   float64
		err    string
	}{
		{"as they are made", stream(10, 20, 30, 40, 50, 60, 70, 80), 1, ""},
		{"with a start of the block", withBlockStart(stream(10, 20, 30, 40, 50, 60, 70, 80)), 1.5, ""},
		{"held back at the start", stream(30, 30, 40, 50, 60, 70, 80, 90), 0, ""},
		{"all at once", stream(90, 90, 90, 90, 90, 90, 90, 90), 0, "the deltas arrived all at once"},
		{"short", stream(10, 20), 0, "2 deltas in 4 frames are too few to judge"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := paceOf(tc.frames)
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Fatalf("got %v want %s", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.lead != tc.lead || got.step != 10*time.Millisecond {
				t.Errorf("got lead %v and step %v want %v and 10ms", got.lead, got.step, tc.lead)
			}
		})
	}
}

func TestReadFrames(t *testing.T) {
	t.Parallel()
	var in bytes.Buffer
	for _, event := range []string{"messageStart", "contentBlockDelta"} {
		headers := append([]byte("\x0b:event-type\x07"), binary.BigEndian.AppendUint16(nil, uint16(len(event)))...)
		headers = append(headers, event...)
		b := binary.BigEndian.AppendUint32(nil, uint32(16+len(headers)+2))
		b = binary.BigEndian.AppendUint32(b, uint32(len(headers)))
		b = append(append(append(b, 0, 0, 0, 0), headers...), "{}\x00\x00\x00\x00"...)
		in.Write(b)
	}
	whole := bytes.Clone(in.Bytes())
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	frames, err := readFrames(&in, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	if len(frames) != 2 || frames[0] != (frame{at, "messageStart"}) || frames[1] != (frame{at, "contentBlockDelta"}) {
		t.Errorf("got %v want messageStart and contentBlockDelta", frames)
	}
	if _, err := readFrames(bytes.NewReader(whole[:len(whole)-1]), time.Now); err == nil {
		t.Error("cut off: got no error")
	}
	if _, err := readFrames(strings.NewReader("HTTP/1.1 400 Bad Request"), time.Now); err == nil {
		t.Error("not a stream: got no error")
	}
}

func TestResidentOf(t *testing.T) {
	t.Parallel()
	got, err := residentOf("Name:\toutcrop\nVmRSS:\t   51200 kB\nThreads:\t9\n")
	if err != nil || got != 50 {
		t.Errorf("got %v, %v want 50", got, err)
	}
	if _, err := residentOf("Name:\toutcrop\n"); err == nil {
		t.Error("without VmRSS: got no error")
	}
}

// The expected signatures are what AWS's own signers compute for these requests:
// the SDK for Go's (aws/signer/v4, v1.47.6) and botocore's (1.44.5).
func TestSignAsTheSDKs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, service, method, path, body, want string
	}{
		{
			"bedrock", bedrock, http.MethodPost, "/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse", "{}",
			"bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=008585d9466018aa777f1fcc2d5d83467f741cce95903cfc9336a155190fe8fc",
		},
		{
			"s3", objects, http.MethodPut, "/bench/0001.txt", "text",
			"s3/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=1cacbf7b3a99505a4ddaada288bd6f42c847bfc4fddcf320fca60253646dd3fe",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequest(tt.method, "http://127.0.0.1:8484"+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			sign(req, tt.service, tt.path, tt.body, time.Date(2026, 11, 20, 10, 11, 12, 0, time.UTC))
			want := "AWS4-HMAC-SHA256 Credential=AKIAOUTCROPBENCH0001/20261120/us-east-1/" + tt.want
			if got := req.Header.Get("Authorization"); got != want {
				t.Errorf("got %s want %s", got, want)
			}
		})
	}
}

func TestReadCollection(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("cran.all.1400", ".I 1\n.T\na title\n.A\nann\n.W\nfirst text\nsecond line .\n.I 2\n.T\nempty\n.W\n.I 3\n.W\n"+strings.Repeat("long ", 400)+"\n")
	write("cran.qry", ".I 001\r\n.W\r\nwhat is\r\nit .\r\n.I 004\r\n.W\r\nwhy .\r\n")
	texts, queries, err := readCollection(folder, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) != 2 || texts[0] != "first text\nsecond line ." || len(texts[1]) > longestText {
		t.Errorf("texts: got %q", texts)
	}
	if len(queries) != 1 || queries[0] != "what is it ." {
		t.Errorf("queries: got %q", queries)
	}
	if _, _, err := readCollection(filepath.Join(folder, "none"), 1, 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: got %v", err)
	}
	var r report
	if err := measureKnowledge(t.Context(), options{collection: filepath.Join(folder, "none"), documents: 1, queries: 1}, folder, &r); err != nil || len(r.notes) != 1 {
		t.Errorf("no folder: got %v and the notes %q", err, r.notes)
	}
}

func TestParseBenchmark(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line, name string
		measures   map[string]float64
	}{
		{"BenchmarkSearch/100000x384/semantic-2 \t 100\t 1234 ns/op\t 0.995 recall@10", "BenchmarkSearch/100000x384/semantic", map[string]float64{"ns/op": 1234, "recall@10": 0.995}},
		{"BenchmarkSearch 1 5 ns/op", "BenchmarkSearch", map[string]float64{"ns/op": 5}},
		{"ok  \tgithub.com/outcrop/outcrop/internal/vector\t3.1s", "", nil},
		{"", "", nil},
	} {
		name, measures := parseBenchmark(tt.line)
		if name != tt.name || !maps.Equal(measures, tt.measures) {
			t.Errorf("%q: got %s and %v, want %s and %v", tt.line, name, measures, tt.name, tt.measures)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"extra"}, {"-calls", "0"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q: got no error", args)
		}
	}
	o, err := parse([]string{"-bin", "bin/outcrop", "-calls", "3"})
	if err != nil {
		t.Fatal(err)
	}
	if o.calls != 3 || !strings.HasSuffix(o.bin, "/bin/outcrop") || !strings.HasPrefix(o.bin, "/") {
		t.Errorf("got %+v want 3 calls and an absolute path", o)
	}
}
