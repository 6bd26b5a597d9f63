// Package kill holds the test that kills the server itself, with SIGKILL, in the
// middle of a sync, again and again. It contains nothing but tests and nobody
// imports it.
//
// Package ingest kills a worker at each of its operations, one by one, with
// fakes around it; here everything is real, and the moments are random.
package kill

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/pack/packtest"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

const (
	kills    = 20
	fresh    = 240 // documents that the sync has to index
	patience = 4 * time.Minute
	account  = "000000000000"
	region   = "us-east-1"
)

func TestKilledAtRandomMomentsTheIndexIsTheSame(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	packtest.Open(t)
	random := seed(t)
	folder, before := t.TempDir(), t.TempDir()

	// What was there before: a sync that nothing disturbs.
	old(t, folder)
	s := &server{t: t, data: before}
	base, source := s.create(folder)
	s.start()
	s.finish(base, source, s.sync(base, source))
	changed(t, folder)

	undisturbed := &server{t: t, data: duplicate(t, before)}
	job := undisturbed.sync(base, source)
	undisturbed.start()
	undisturbed.finish(base, source, job)
	want := undisturbed.result(base, source, job)
	if want.Status != knowledge.JobComplete || want.Statistics != (knowledge.Statistics{
		Scanned: fresh + 16, MetadataScanned: 2, New: fresh + 2, Modified: 5, MetadataModified: 1, Deleted: 10, Failed: 1, Skipped: 1,
	}) {
		t.Fatalf("undisturbed: got %s, %+v, %q; log:\n%s", want.Status, want.Statistics, want.Reasons, undisturbed.log.String())
	}

	killed := &server{t: t, data: duplicate(t, before)}
	job = killed.sync(base, source)
	// Some die when so many documents are done, some long before they get there.
	moments := make([]int, kills)
	for i := range moments {
		moments[i] = random.IntN(fresh / 2)
	}
	slices.Sort(moments)
	for i, moment := range moments {
		killed.start()
		if i%4 == 0 {
			pause(time.Duration(random.IntN(400)) * time.Millisecond)
		} else {
			killed.until("there is progress", func() bool { return killed.done(base, job) >= moment })
			pause(time.Duration(random.IntN(30_000)) * time.Microsecond)
		}
		done := killed.done(base, job)
		killed.kill()
		if killed.over(killed.job(base, source, job)) {
			t.Fatalf("the sync was over before kill %d of %d; it has too little to do on this machine", i+1, kills)
		}
		t.Logf("kill %d after %d documents", i+1, done)
	}
	killed.start()
	killed.finish(base, source, job)
	got := killed.result(base, source, job)
	if diff := cmp.Diff(want, got, cmp.Comparer(alike)); diff != "" {
		t.Errorf("-undisturbed +killed:\n%s\nlog:\n%s", diff, killed.log.String())
	}
	t.Logf("vectors differ by %.2g at most", distance(want, got))
}

// distance is the largest difference of any element of any vector.
func distance(want, got result) (most float64) {
	for id, a := range want.Chunks {
		for i, b := range got.Chunks[id].Vector {
			most = max(most, math.Abs(float64(b)-float64(a.Vector[i])))
		}
	}
	return most
}

// Of two servers on one data directory one goes on where the other was killed.
func TestServerGoesOnWhereAnotherWasKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	packtest.Open(t)
	folder := t.TempDir()
	for i := range fresh {
		write(t, folder, fmt.Sprintf("%03d.txt", i), prose(i, 35))
	}
	one := &server{t: t, data: t.TempDir()}
	two := &server{t: t, data: one.data}
	base, source := one.create(folder)
	job := one.sync(base, source)
	one.start()
	two.start()
	progress := func(n int64) {
		t.Helper()
		one.until("there is progress", func() bool { return one.job(base, source, job).Statistics.New >= n })
	}
	// Whichever has the job loses it at one of the two.
	progress(30)
	one.kill()
	progress(90)
	one.start()
	two.kill()
	one.finish(base, source, job)
	j := one.job(base, source, job)
	if want := (knowledge.Statistics{Scanned: fresh, New: fresh}); j.Status != knowledge.JobComplete || j.Statistics != want {
		t.Errorf("got %s, %+v, %q, want %+v; logs:\n%s\n%s", j.Status, j.Statistics, j.Reasons, want, one.log.String(), two.log.String())
	}
	if r := one.result(base, source, job); len(r.Documents) != fresh || len(r.Chunks) != fresh || r.Loose != 0 {
		t.Errorf("got %d documents, %d chunks and %d loose rows, want %d, %d and none", len(r.Documents), len(r.Chunks), r.Loose, fresh, fresh)
	}
}

// The engine may die too: the server starts it again, and the sync goes on.
func TestEngineThatIsKilledCostsTheSyncNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system does not show the children of a process")
	}
	packtest.Open(t)
	folder := t.TempDir()
	for i := range fresh {
		write(t, folder, fmt.Sprintf("%03d.txt", i), prose(i, 35))
	}
	s := &server{t: t, data: t.TempDir()}
	base, source := s.create(folder)
	job := s.sync(base, source)
	s.start()
	for _, moment := range []int64{1, 60, 120} {
		s.until("there is progress", func() bool { return s.job(base, source, job).Statistics.New >= moment })
		s.until("the engine runs", s.killEngine)
	}
	s.finish(base, source, job)
	j := s.job(base, source, job)
	if want := (knowledge.Statistics{Scanned: fresh, New: fresh}); j.Status != knowledge.JobComplete || j.Statistics != want {
		t.Errorf("got %s, %+v, %q, want %+v; log:\n%s", j.Status, j.Statistics, j.Reasons, want, s.log.String())
	}
}

// killEngine kills the runner of the server, and reports whether there was one.
func (s *server) killEngine() bool {
	s.t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, dir := range processes {
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue // it has ended
		}
		command, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !slices.Contains(strings.Split(string(command), "\x00"), "runner") {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || len(fields) < 2 || fields[1] != strconv.Itoa(s.cmd.Process.Pid) {
			continue
		}
		process, err := os.FindProcess(pid)
		return err == nil && process.Kill() == nil
	}
	return false
}

func pause(d time.Duration) { <-time.After(d) }

// seed is printed, and can be given to repeat a run.
func seed(t *testing.T) *rand.Rand {
	t.Helper()
	n := uint64(time.Now().UnixNano())
	if text := os.Getenv("OUTCROP_TEST_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("OUTCROP_TEST_SEED=%d", n)
	return rand.New(rand.NewPCG(n, 0))
}

// TestMain builds the real program, once for all tests.
func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "outcrop-kill-")
	if err == nil {
		program = filepath.Join(dir, "outcrop.exe") // a name that runs everywhere
		cmd := exec.Command("go", "build", "-trimpath", "-o", program, "./cmd/outcrop")
		cmd.Dir = filepath.Join("..", "..")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		var out []byte
		if out, err = cmd.CombinedOutput(); err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, "build the program:", err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// program is what the tests kill.
var program string

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// prose is some text that is the same in every run.
func prose(n, words int) string {
	list := strings.Fields("river stone harbor window engine garden letter winter market copper silver thread mountain valley bridge signal paper lantern orchard compass")
	random := rand.New(rand.NewPCG(uint64(n), 1))
	var b strings.Builder
	for i := range words {
		b.WriteString(list[random.IntN(len(list))])
		if i%12 == 11 {
			b.WriteString(".\n")
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// old fills the folder as it is before the sync that is disturbed.
func old(t *testing.T, folder string) {
	t.Helper()
	for i := range 22 {
		write(t, folder, fmt.Sprintf("old-%02d.md", i), fmt.Sprintf("# Old %d\n\n%s", i, prose(1000+i, 30)))
	}
	write(t, folder, "old-20.md.metadata.json", `{"metadataAttributes":{"year":2025}}`)
}

// changed makes it what the sync finds.
func changed(t *testing.T, folder string) {
	t.Helper()
	for i := range 10 {
		if err := os.Remove(filepath.Join(folder, fmt.Sprintf("old-%02d.md", i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		write(t, folder, fmt.Sprintf("old-%02d.md", 10+i), prose(2000+i, 40))
	}
	write(t, folder, "old-20.md.metadata.json", `{"metadataAttributes":{"year":2026,"tags":["a","b"]}}`)
	for i := range fresh {
		write(t, folder, fmt.Sprintf("new-%03d.txt", i), prose(i, 35))
	}
	write(t, folder, "new-long.html", "<h1>Long</h1><p>"+strings.ReplaceAll(prose(3000, 2500), ".\n", ".</p><p>"))
	write(t, folder, "new-rows.csv", "id,text\n1,"+strings.ReplaceAll(prose(4000, 20), ".\n", "")+"\n2,second row\n")
	write(t, folder, "new-rows.csv.metadata.json", `{"metadataAttributes":{"kind":{"value":{"type":"STRING","stringValue":"table"},"includeForEmbedding":true}}}`)
	write(t, folder, "broken.docx", "PK\x03\x04 this is no archive")
	write(t, folder, "picture.png", "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
}

// server is one data directory, and the process that serves it.
type server struct {
	t    *testing.T
	data string
	// extra are further flags of serve, env further variables.
	extra, env []string

	cmd *exec.Cmd
	log bytes.Buffer // of all processes, each written when the one before has ended
}

// state opens the resources beside the server, as the command line does.
func (s *server) state(use func(r *registry.Registry) error) {
	s.t.Helper()
	state, err := sqlitestore.Open(context.Background(), filepath.Join(s.data, "state.db"), sqlitestore.Params{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer state.Close()
	if err := use(registry.New(registry.Params{Store: state})); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) create(folder string) (base, source string) {
	s.t.Helper()
	s.state(func(r *registry.Registry) error {
		b, _, err := r.CreateBase(context.Background(), knowledge.Base{
			Account: account, Region: region, Name: "kb", EmbeddingModel: "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0",
		}, store.Token{})
		if err != nil {
			return err
		}
		ds, _, err := r.CreateSource(context.Background(), knowledge.DataSource{
			Account: account, Region: region, Base: b.ID, Name: "folder", Kind: knowledge.Folder, Path: folder,
		}, store.Token{})
		base, source = b.ID, ds.ID
		return err
	})
	return base, source
}

func (s *server) sync(base, source string) (id string) {
	s.t.Helper()
	s.state(func(r *registry.Registry) error {
		j, _, err := r.StartJob(context.Background(), knowledge.Job{Account: account, Region: region, Base: base, Source: source}, store.Token{})
		id = j.ID
		return err
	})
	return id
}

func (s *server) job(base, source, id string) (j knowledge.Job) {
	s.t.Helper()
	s.state(func(r *registry.Registry) (err error) {
		j, err = r.Job(context.Background(), account, region, base, source, id)
		return err
	})
	return j
}

func (*server) over(j knowledge.Job) bool {
	return j.Status == knowledge.JobComplete || j.Status == knowledge.JobFailed || j.Status == knowledge.JobStopped
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = s.command(append([]string{"serve", "--offline", "--listen", "127.0.0.1:0"}, s.extra...)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.kill)
}

// command is the program on the data directory.
func (s *server) command(args ...string) *exec.Cmd {
	s.t.Helper()
	cmd := exec.Command(program, append(args, "--data", s.data, "--models", packtest.Models(s.t))...)
	// What is set for other servers is not meant for this one.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OUTCROP_") })
	cmd.Env = append(append(cmd.Env, "OUTCROP_INGESTION_LEASE=1s"), s.env...)
	return cmd
}

// kill ends the process as a power cut does.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// stop ends it as a service manager does.
func (s *server) stop() {
	s.t.Helper()
	if runtime.GOOS == "windows" {
		s.kill()
		return
	}
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Fatalf("stop: %v; log:\n%s", err, s.log.String())
	}
	s.cmd = nil
}

func (s *server) until(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !done(); pause(3 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.kill()
			s.t.Fatalf("waited in vain until %s; log:\n%s", what, s.log.String())
		}
	}
}

func (s *server) finish(base, source, job string) {
	s.t.Helper()
	s.until("the sync ends", func() bool { return s.over(s.job(base, source, job)) })
	s.stop()
}

// open opens the database of an index to read it, beside the server.
func (s *server) open(base string) *sql.DB {
	s.t.Helper()
	path := filepath.Join(s.data, "knowledge-bases", base, "index.db")
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(path)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	return db
}

// done is how many documents a job is done with.
func (s *server) done(base, job string) (n int) {
	s.t.Helper()
	db := s.open(base)
	defer db.Close()
	if err := db.QueryRowContext(s.t.Context(), "SELECT count(*) FROM outcome WHERE job = ?", job).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// result is what must not depend on what became of the server.
type result struct {
	Status     knowledge.JobStatus
	Statistics knowledge.Statistics
	Reasons    []string
	Documents  []string
	Chunks     map[string]passage // by ID
	Loose      int                // rows that belong to nothing
}

type passage struct {
	Text   string
	Vector vector
}

type vector []float32

// alike allows for what a model computes a little differently in a batch with
// other texts: after a restart other passages come together.
func alike(a, b vector) bool {
	var dot, left, right float64
	for i := range min(len(a), len(b)) {
		dot += float64(a[i]) * float64(b[i])
		left += float64(a[i]) * float64(a[i])
		right += float64(b[i]) * float64(b[i])
	}
	return len(a) == len(b) && dot > 0.99999*math.Sqrt(left*right)
}

func (s *server) result(base, source, job string) result {
	s.t.Helper()
	j := s.job(base, source, job)
	r := result{Status: j.Status, Statistics: j.Statistics, Reasons: j.Reasons, Chunks: map[string]passage{}}
	db := s.open(base)
	defer db.Close()
	rows := func(query string, columns int, yield func(values []any)) {
		s.t.Helper()
		list, err := db.QueryContext(s.t.Context(), query)
		if err != nil {
			s.t.Fatal(err)
		}
		defer list.Close()
		for list.Next() {
			values, places := make([]any, columns), make([]any, columns)
			for i := range values {
				places[i] = &values[i]
			}
			if err := list.Scan(places...); err != nil {
				s.t.Fatal(err)
			}
			yield(values)
		}
		if err := list.Err(); err != nil {
			s.t.Fatal(err)
		}
	}
	rows("SELECT source, id, etag, metadata_etag, modality, mime, size, status, reason, counted, chunks, metadata FROM document ORDER BY source, id", 12,
		func(values []any) { r.Documents = append(r.Documents, fmt.Sprint(values...)) })
	rows("SELECT chunk.id, chunk.text, vector.vector, entry.parent, entry.page, entry.metadata, document.id FROM chunk JOIN vector USING (number) JOIN entry USING (number) JOIN document ON document.number = chunk.document", 7,
		func(values []any) {
			id := fmt.Sprint(values[0])
			if _, ok := r.Chunks[id]; ok {
				s.t.Errorf("got the chunk %s twice", id)
			}
			blob := values[2].([]byte)
			v := make(vector, len(blob)/4)
			for i := range v {
				v[i] = math.Float32frombits(binary.LittleEndian.Uint32(blob[4*i:]))
			}
			r.Chunks[id] = passage{fmt.Sprint(values[1], values[3], values[4], values[5], values[6]), v}
		})
	for _, table := range []string{"chunk", "vector", "entry"} {
		rows("SELECT count(*) FROM "+table, 1, func(values []any) { r.Loose += int(values[0].(int64)) - len(r.Chunks) })
	}
	rows("SELECT count(*) FROM outcome", 1, func(values []any) { r.Loose += int(values[0].(int64)) })
	return r
}

// duplicate copies a data directory that no server uses.
func duplicate(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}
