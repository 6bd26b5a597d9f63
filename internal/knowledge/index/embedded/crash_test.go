package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
)

const (
	base   = "KB00000001"
	source = "DS00000001"
	small  = 16 // dimensions
)

func smallSpec() knowledge.Spec { return knowledge.Spec{Model: "test/embedding", Dimensions: small} }

func openSmall(t testing.TB, dir string) knowledge.Index {
	t.Helper()
	index, err := open(t, dir).Open(t.Context(), base, smallSpec())
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// version is a document as it is written in some round: everything of it tells
// the round, and how many chunks there are.
func version(id, round int) (knowledge.Document, *knowledge.Content) {
	r := rand.New(rand.NewPCG(uint64(id), uint64(round)))
	content := &knowledge.Content{
		Metadata: knowledge.Metadata{"round": knowledge.Number(float64(round))},
		Parents:  []string{fmt.Sprintf("passage of round%d", round)},
	}
	for i := range 1 + (id+round)%7 {
		v := make([]float32, small)
		for d := range v {
			v[d] = float32(r.NormFloat64()) / 4
		}
		content.Chunks = append(content.Chunks, knowledge.Chunk{
			ID: fmt.Sprintf("%d/%d/%d", id, round, i), Text: fmt.Sprintf("document%d round%d part", id, round), Parent: -1, Page: i, Vector: v,
		})
	}
	return knowledge.Document{
		Source: source, ID: fmt.Sprint(id), ETag: fmt.Sprint(round), Modality: "TEXT", Status: knowledge.Indexed, Chunks: len(content.Chunks),
	}, content
}

// whole checks that each document of an index is of one round, and all of it.
// It returns the rounds.
func whole(t testing.TB, index knowledge.Index) map[int]int {
	t.Helper()
	documents, err := index.Documents(t.Context(), source, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	rounds := map[int]int{}
	var want []string
	for _, d := range documents {
		id, err := strconv.Atoi(d.ID)
		if err != nil {
			t.Fatal(err)
		}
		round, err := strconv.Atoi(d.ETag)
		if err != nil {
			t.Fatal(err)
		}
		rounds[id] = round
		should, content := version(id, round)
		should.Updated = d.Updated
		if diff := cmp.Diff(should, d); diff != "" {
			t.Errorf("document (-want +got):\n%s", diff)
		}
		for _, c := range content.Chunks {
			want = append(want, c.ID)
		}
		own := knowledge.Filter{Operator: knowledge.Equals, Key: knowledge.KeySourceURI, Value: knowledge.String(d.ID)}
		for i, c := range content.Chunks[:1] {
			for _, exact := range []bool{false, true} {
				hits := find(t, index, knowledge.Query{Mode: knowledge.SemanticSearch, Vector: c.Vector, Limit: 100, Filter: &own, Exact: exact})
				if len(hits) != len(content.Chunks) || !slices.ContainsFunc(hits, func(h knowledge.Hit) bool {
					return h.Chunk == c.ID && h.Text == c.Text && h.Page == i && h.Metadata["round"].Equal(knowledge.Number(float64(round)))
				}) {
					t.Errorf("document %d of round %d: got hits %+v", id, round, hits)
				}
			}
		}
		hits := find(t, index, knowledge.Query{Mode: knowledge.TextSearch, Text: fmt.Sprintf("round%d", round), Limit: 100, Filter: &own})
		if len(hits) != len(content.Chunks) {
			t.Errorf("document %d of round %d: got %d hits by text, want %d", id, round, len(hits), len(content.Chunks))
		}
	}
	var got []string
	for _, h := range find(t, index, knowledge.Query{Mode: knowledge.TextSearch, Text: "part", Limit: 10_000}) {
		got = append(got, h.Chunk)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("all chunks (-want +got):\n%s", diff)
	}
	counts, err := index.Outcomes(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	if got := counts[knowledge.OutcomeNew]; got != int64(len(documents)) {
		t.Errorf("got %d outcomes, want one for each of %d documents", got, len(documents))
	}
	return rounds
}

func find(t testing.TB, index knowledge.Index, q knowledge.Query) []knowledge.Hit {
	t.Helper()
	hits, err := index.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

// asWriter makes this test's executable write documents into the folder that it
// names, from the round that the standard input names, until it is killed.
const asWriter = "OUTCROP_INDEX_WRITER"

const writtenDocuments = 12

// writeForever says on out what was written, after each.
func writeForever(dir string, in io.Reader, out io.Writer) error {
	var first int
	if _, err := fmt.Fscan(in, &first); err != nil {
		return err
	}
	ctx := context.Background()
	indexes, err := embedded.Open(dir, embedded.Params{})
	if err != nil {
		return err
	}
	index, err := indexes.Open(ctx, base, smallSpec())
	if err != nil {
		return err
	}
	for round := first; ; round++ {
		for id := range writtenDocuments {
			doc, content := version(id, round)
			if err := index.Put(ctx, "job", doc, content, knowledge.OutcomeNew); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(out, id, round); err != nil {
				return err
			}
		}
	}
}

// TestKilled kills a process that writes, again and again, in the middle of
// what it does. What it had said to be written is there, and nothing is there in
// part.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	written := map[int]int{}
	next := 1
	for range 6 {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), asWriter+"="+dir)
		child.Stdin = strings.NewReader(fmt.Sprintln(next))
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 5 + r.IntN(60); n > 0 && lines.Scan(); n-- {
			note(t, written, lines.Text())
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it said before it was gone
			note(t, written, lines.Text())
		}
		_ = child.Wait() // it was killed
		indexes, err := embedded.Open(dir, embedded.Params{})
		if err != nil {
			t.Fatal(err)
		}
		index, err := indexes.Existing(t.Context(), base)
		if err != nil {
			t.Fatal(err)
		}
		there := whole(t, index)
		for id, round := range written {
			if there[id] < round {
				t.Errorf("document %d: got round %d, and round %d had been written", id, there[id], round)
			}
		}
		next = slices.Max(slices.Collect(maps.Values(there))) + 1
		if err := indexes.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func note(t *testing.T, written map[int]int, line string) {
	t.Helper()
	var id, round int
	if _, err := fmt.Sscan(line, &id, &round); err != nil {
		return // half a line
	}
	written[id] = round
}

// TestCutOff copies the files of an index while it is written to, and cuts the
// log off anywhere, as a computer without power would.
func TestCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	index := openSmall(t, dir)
	for round := range 3 {
		for id := range writtenDocuments {
			doc, content := version(id, round)
			if err := index.Put(t.Context(), "job", doc, content, knowledge.OutcomeNew); err != nil {
				t.Fatal(err)
			}
		}
	}
	log, err := os.ReadFile(filepath.Join(dir, base, "index.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[int]bool{}
	for range 20 {
		copied := t.TempDir()
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		// The shared memory of the processes is not a part of what is stored.
		if err := os.Remove(filepath.Join(copied, base, "index.db-shm")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(copied, base, "index.db-wal"), log[:r.IntN(len(log))], 0o600); err != nil {
			t.Fatal(err)
		}
		index, err := open(t, copied).Open(t.Context(), base, smallSpec())
		if err != nil {
			t.Fatal(err)
		}
		rounds := whole(t, index)
		seen[len(rounds)*100+rounds[0]] = true
		doc, content := version(0, 9)
		if err := index.Put(t.Context(), "job", doc, content, knowledge.OutcomeNew); err != nil {
			t.Error(err)
		}
		whole(t, index)
	}
	if len(seen) < 3 {
		t.Errorf("got %d different states, want several", len(seen))
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	index := openSmall(t, t.TempDir())
	put := func(id, round int) error {
		doc, content := version(id, round)
		return index.Put(t.Context(), "job", doc, content, knowledge.OutcomeNew)
	}
	for id := range writtenDocuments {
		if err := put(id, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := embedded.LimitPages(t.Context(), index, 3); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for id := range 200 {
		if err := put(100+id, 1); err != nil {
			failed++
			if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.As(err).Message, "disk is full") {
				t.Fatalf("got %v, want %v about the disk", err, fault.Unavailable)
			}
		}
	}
	if failed == 0 {
		t.Fatal("nothing failed")
	}
	whole(t, index)
	if err := embedded.LimitPages(t.Context(), index, -1); err != nil {
		t.Fatal(err)
	}
	if err := put(500, 2); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	whole(t, index)
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(file string, content []byte) error{
		"no database": func(file string, _ []byte) error {
			return os.WriteFile(file, []byte(strings.Repeat("no database ", 1000)), 0o600)
		},
		"half": func(file string, content []byte) error { return os.WriteFile(file, content[:len(content)/2], 0o600) },
		"scrambled": func(file string, content []byte) error {
			for i := 8192; i < len(content); i += 5 {
				content[i] ^= 0x55
			}
			return os.WriteFile(file, content, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			indexes, err := embedded.Open(dir, embedded.Params{})
			if err != nil {
				t.Fatal(err)
			}
			index, err := indexes.Open(t.Context(), base, smallSpec())
			if err != nil {
				t.Fatal(err)
			}
			for id := range 100 {
				doc, content := version(id, 1)
				if err := index.Put(t.Context(), "", doc, content, knowledge.OutcomeNone); err != nil {
					t.Fatal(err)
				}
			}
			if err := indexes.Close(); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, base, "index.db")
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(file, content); err != nil {
				t.Fatal(err)
			}
			again := open(t, dir)
			if _, err := again.Open(t.Context(), base, smallSpec()); err == nil {
				t.Error("got no error from a damaged index, want one")
			}
			if _, err := again.Open(t.Context(), "KB00000002", smallSpec()); err != nil {
				t.Errorf("another index: %v", err)
			}
			if err := again.Drop(t.Context(), base); err != nil {
				t.Errorf("drop the damaged index: %v", err)
			}
			if _, err := again.Open(t.Context(), base, smallSpec()); err != nil {
				t.Errorf("open it anew: %v", err)
			}
		})
	}
}

// TestRestOfADrop has an index whose removal was cut off, in folders of any name.
func TestRestOfADrop(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"data", "data[1]", "data["} {
		dir := filepath.Join(t.TempDir(), name)
		for _, folder := range []string{".removed-1", "KB00000002"} {
			if err := os.MkdirAll(filepath.Join(dir, folder, base), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		open(t, dir)
		if _, err := os.Stat(filepath.Join(dir, ".removed-1")); !os.IsNotExist(err) {
			t.Errorf("%s: got %v, want %v", name, err, fs.ErrNotExist)
		}
		if _, err := os.Stat(filepath.Join(dir, "KB00000002")); err != nil {
			t.Errorf("%s: another folder: %v", name, err)
		}
	}
}
