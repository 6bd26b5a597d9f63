package embedded_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/llamacpp/llamacpptest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(asWriter); dir != "" {
		fmt.Fprintln(os.Stderr, "the writer has ended:", writeForever(dir, os.Stdin, os.Stdout))
		os.Exit(1)
	}
	llamacpptest.Main(m)
}

// repository is the root of the checkout.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("the repository root was not found above the working directory")
		}
		dir = parent
	}
}

// passages are about a hundred thousand pieces of prose that every Go programmer
// has: the comments of the standard library, 8 to 36 words each, in their order.
func passages(t testing.TB) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	seen := map[string]bool{}
	add := func(words []string) {
		text := strings.Join(words, " ")
		if !seen[text] {
			seen[text] = true
			list = append(list, text)
		}
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "src")
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, paragraph := range comments(source) {
			words := strings.Fields(paragraph)
			for len(words) >= 8 {
				n := min(len(words), 28)
				if len(words)-n < 8 {
					n = min(len(words), 36)
				}
				add(words[:n])
				words = words[n:]
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// mixed returns the positions of n things in a fixed order that is none.
func mixed(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// comments returns the paragraphs of a Go file's comments.
func comments(source []byte) []string {
	fset := token.NewFileSet()
	var s scanner.Scanner
	s.Init(fset.AddFile("", -1, len(source)), source, func(token.Position, string) {}, scanner.ScanComments)
	var paragraphs []string
	var current []string
	last := -2
	end := func() {
		if len(current) > 0 {
			paragraphs = append(paragraphs, strings.Join(current, " "))
			current = nil
		}
	}
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			end()
			return paragraphs
		}
		if tok != token.COMMENT {
			continue
		}
		line := fset.Position(pos).Line
		if line != last+1 {
			end()
		}
		last = line + strings.Count(text, "\n")
		text = strings.TrimSuffix(strings.TrimPrefix(text, "/*"), "*/")
		for part := range strings.SplitSeq(text, "\n") {
			if part = strings.TrimSpace(strings.TrimPrefix(part, "//")); part == "" {
				end()
				continue
			}
			current = append(current, part)
		}
	}
}

const (
	model      = "embedding"
	dimensions = 384
)

// vectors embeds texts, and keeps the result under build/bench for the next
// run: it depends on nothing but the model and the texts. Being stopped in the
// middle costs nothing either.
func vectors(t testing.TB, name string, texts []string) [][]float32 {
	t.Helper()
	sum := sha256.New()
	for _, text := range texts {
		sum.Write([]byte(text))
		sum.Write([]byte{0})
	}
	dir := filepath.Join(repository(t), "build", "bench")
	file := filepath.Join(dir, name+"-"+hex.EncodeToString(sum.Sum(nil)[:6])+".f32")
	const row = 4 * dimensions
	if data, err := os.ReadFile(file); err == nil && len(data) == row*len(texts) {
		return unpack(data)
	}
	data, err := os.ReadFile(file + ".part")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	data = data[:min(len(data)/row, len(texts))*row]
	b := llamacpptest.Open(t, llamacpptest.Names{Embedding: model})
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	part, err := os.OpenFile(file+".part", os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	const batch = 128
	for at := len(data) / row; at < len(texts); at += batch {
		answer, err := b.Embed(t.Context(), &inference.EmbedRequest{Model: model, Texts: texts[at:min(at+batch, len(texts))]})
		if err != nil {
			t.Fatal(err)
		}
		start := len(data)
		for _, v := range answer.Vectors {
			for _, x := range v {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
			}
		}
		if _, err := part.WriteAt(data[start:], int64(start)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(file+".part", file); err != nil {
		t.Fatal(err)
	}
	return unpack(data)
}

func unpack(data []byte) [][]float32 {
	flat := make([]float32, len(data)/4)
	for i := range flat {
		flat[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	rows := make([][]float32, len(flat)/dimensions)
	for i := range rows {
		rows[i] = flat[i*dimensions : (i+1)*dimensions]
	}
	return rows
}
