package embedding

import (
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/outcrop/outcrop/internal/fault"
)

// basis is an orthonormal set of directions in a model's space, the ones that
// say most about texts first.
type basis struct {
	rows [][]float32 // rows[i] has the model's own size
}

// project writes the first len(out) coordinates of v in the basis.
func (b *basis) project(out, v []float32) {
	for i := range out {
		var sum float64
		for j, x := range b.rows[i] {
			sum += float64(x) * float64(v[j])
		}
		out[i] = float32(sum)
	}
}

// slot is the place of one model's basis. Who holds the token may look and
// compute; a caller that goes away gives it back.
type slot struct {
	token chan struct{}
	basis *basis
}

func (a *Adapter) slot(model string) *slot {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.bases[model]
	if !ok {
		s = &slot{token: make(chan struct{}, 1)}
		a.bases[model] = s
	}
	return s
}

// basis returns at least size directions for a model of dims dimensions.
func (a *Adapter) basis(ctx context.Context, model string, dims, size int) (*basis, error) {
	s := a.slot(model)
	select {
	case s.token <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.token }()
	if s.basis != nil && len(s.basis.rows) >= size && len(s.basis.rows[0]) == dims {
		return s.basis, nil
	}
	info, err := a.source.Describe(ctx, model)
	if err != nil {
		return nil, err
	}
	path := a.path(info.Digest)
	for _, read := range []func() ([]byte, error){
		func() ([]byte, error) { return shipped.ReadFile("shipped/" + fileName(info.Digest)) },
		func() ([]byte, error) { return os.ReadFile(path) },
	} {
		data, err := read()
		if err != nil {
			continue // not there; what cannot be read is computed again
		}
		if b := parse(data, dims); b != nil && len(b.rows) >= size {
			s.basis = b
			return b, nil
		}
	}
	vectors, err := embedCorpus(ctx, a.source, model, dims)
	if err != nil {
		return nil, err
	}
	b, err := principal(vectors, size)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "no principal components for model %s", model)
	}
	if err := b.save(path); err != nil {
		a.params.Logger.WarnContext(ctx, "the basis of an embedding model is computed again at the next start", "model", model, "error", err)
	}
	s.basis = b
	return b, nil
}

// path names the file of a model's basis: its weights and the corpus decide
// what is in it. Without a directory or a digest there is none.
func (a *Adapter) path(digest string) string {
	if a.params.Dir == "" || digest == "" || filepath.Base(digest) != digest {
		return ""
	}
	return filepath.Join(a.params.Dir, fileName(digest))
}

func fileName(digest string) string { return fmt.Sprintf("%s-v%d.f32", digest, corpusVersion) }

// shipped has the basis of the default embedding model, as far as the smallest
// size that an API asks for: its first call shall not take seconds, and every
// machine shall cut it alike. It is the beginning of the file that Params.Dir
// keeps when there is no shipped one, and is made anew with the corpus.
//
//go:embed shipped/*.f32
var shipped embed.FS

// principal computes the directions of the rows' second moments, the largest
// first. The mean is left in: a dot product of two cut vectors shall stand for
// that of the whole ones, and the mean is part of both. Where the rows span
// fewer than size directions, others at right angles to them follow, so that
// every size can be had.
func principal(rows [][]float32, size int) (*basis, error) {
	n, dims := len(rows), len(rows[0])
	data := mat.NewDense(n, dims, nil)
	for i, r := range rows {
		for j, x := range r {
			data.Set(i, j, float64(x))
		}
	}
	// The moments of the columns and the products of the rows have the same
	// eigenvalues; the smaller matrix of the two is taken.
	var moments mat.SymDense
	if dims <= n {
		moments.SymOuterK(1, data.T())
	} else {
		moments.SymOuterK(1, data)
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(&moments, true) {
		return nil, errors.New("the eigenvalues do not converge")
	}
	values := eigen.Values(nil) // ascending
	var vectors, directions mat.Dense
	eigen.VectorsTo(&vectors)
	if dims <= n {
		directions.CloneFrom(vectors.T())
	} else {
		directions.Mul(vectors.T(), data)
	}

	b := &basis{}
	for k, value := range slices.Backward(values) {
		if value <= 1e-9*values[len(values)-1] {
			break
		}
		b.add(directions.RawRowView(k))
	}
	for j := 0; j < dims && len(b.rows) < size; j++ {
		unit := make([]float64, dims)
		unit[j] = 1
		b.add(unit)
	}
	if len(b.rows) < size {
		return nil, fmt.Errorf("got %d directions, want %d", len(b.rows), size)
	}
	return b, nil
}

// add appends v, made orthogonal to the rows before it and of length 1. A v
// that they already span is left out. The sign is chosen so that the largest
// number is positive: a solver may return either.
func (b *basis) add(v []float64) {
	scale := math.Sqrt(dot(v, v))
	w := make([]float64, len(v))
	for i := range v {
		w[i] = v[i] / scale
	}
	for range 2 { // the second pass removes what rounding left of the first
		for _, row := range b.rows {
			var d float64
			for j, x := range row {
				d += float64(x) * w[j]
			}
			for j, x := range row {
				w[j] -= d * float64(x)
			}
		}
	}
	norm := math.Sqrt(dot(w, w))
	if norm < 1e-6 {
		return
	}
	largest := 0
	for i := range w {
		if math.Abs(w[i]) > math.Abs(w[largest]) {
			largest = i
		}
	}
	if w[largest] < 0 {
		norm = -norm
	}
	row := make([]float32, len(w))
	for i := range w {
		row[i] = float32(w[i] / norm)
	}
	b.rows = append(b.rows, row)
}

func dot(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// parse reads a kept basis; nil when it is not what it should be, and then it
// is computed again.
func parse(data []byte, dims int) *basis {
	if len(data) == 0 || len(data)%(4*dims) != 0 {
		return nil
	}
	b := &basis{rows: make([][]float32, len(data)/(4*dims))}
	for i := range b.rows {
		row := make([]float32, dims)
		var sum float64
		for j := range row {
			row[j] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*(i*dims+j):]))
			sum += float64(row[j]) * float64(row[j])
		}
		if !(math.Abs(sum-1) < 1e-3) { // also true of NaN
			return nil
		}
		b.rows[i] = row
	}
	return b
}

// save keeps the basis. The file appears whole or not at all.
func (b *basis) save(path string) error {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	data := make([]byte, 0, 4*len(b.rows)*len(b.rows[0]))
	for _, row := range b.rows {
		for _, x := range row {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".basis-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		if rerr := os.Remove(f.Name()); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}
