// Package vectors writes embeddings as the native formats have them: as
// numbers, as small integers and as bits.
//
// It neither cuts nor normalizes them. The embedding families below package
// native call it.
package vectors

import (
	"math"
	"strconv"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Check holds that an answer has a number of vectors of a size, whose members
// are numbers. Faults: Internal, and Upstream for what JSON has no word for.
func Check(e *inference.Embeddings, count, dimensions int) error {
	if len(e.Vectors) != count || len(e.InputTokens) == 0 {
		return fault.New(fault.Internal, "got %d vectors and %d token counts, want %d", len(e.Vectors), len(e.InputTokens), count)
	}
	for _, v := range e.Vectors {
		if len(v) != dimensions {
			return fault.New(fault.Internal, "got a vector of %d dimensions, want %d", len(v), dimensions)
		}
		for _, f := range v {
			if f != f || math.IsInf(float64(f), 0) {
				return fault.New(fault.Upstream, "The model returned an embedding that is not a number.")
			}
		}
	}
	return nil
}

// AppendFloats writes the shortest text of each member that reads back as the
// same 32-bit number.
func AppendFloats(b []byte, v []float32) []byte {
	return list(b, len(v), func(b []byte, i int) []byte { return strconv.AppendFloat(b, float64(v[i]), 'g', -1, 32) })
}

// AppendSigns writes 1 for each member above zero and 0 for the others.
func AppendSigns(b []byte, v []float32) []byte {
	return list(b, len(v), func(b []byte, i int) []byte { return append(b, '0'+sign(v[i])) })
}

// AppendBytes writes each member as an integer between -127 and 127, or with
// 128 added when they shall be unsigned. The largest member of a vector is the
// largest integer, so the angles between vectors stay what they are.
func AppendBytes(b []byte, v []float32, unsigned bool) []byte {
	largest := 0.0
	for _, f := range v {
		largest = max(largest, math.Abs(float64(f)))
	}
	return list(b, len(v), func(b []byte, i int) []byte {
		n := 0.0
		if largest > 0 {
			n = math.Round(float64(v[i]) / largest * 127)
		}
		if unsigned {
			n += 128
		}
		return strconv.AppendInt(b, int64(n), 10)
	})
}

// AppendBits writes eight members as the bits of one integer, the first one as
// the highest: 1 is above zero. Signed ones have 128 taken away.
func AppendBits(b []byte, v []float32, unsigned bool) []byte {
	return list(b, (len(v)+7)/8, func(b []byte, i int) []byte {
		n := 0
		for j := range 8 {
			n <<= 1
			if k := i*8 + j; k < len(v) {
				n |= int(sign(v[k]))
			}
		}
		if !unsigned {
			n -= 128
		}
		return strconv.AppendInt(b, int64(n), 10)
	})
}

func sign(f float32) byte {
	if f > 0 {
		return 1
	}
	return 0
}

func list(b []byte, n int, member func(b []byte, i int) []byte) []byte {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = member(b, i)
	}
	return append(b, ']')
}

// Mean returns the means of groups of vectors, and the sums of their tokens. No
// groups at all are one of each vector. Faults: Internal for vectors that are
// not there or of different sizes.
func Mean(e *inference.Embeddings, groups [][]int) (*inference.Embeddings, error) {
	if groups == nil {
		return e, nil
	}
	out := *e
	out.Vectors = make([][]float32, 0, len(groups))
	out.InputTokens = make([]int, 0, len(groups))
	for _, group := range groups {
		var sum []float32
		tokens := 0
		for _, i := range group {
			if i < 0 || i >= len(e.Vectors) || sum != nil && len(sum) != len(e.Vectors[i]) {
				return nil, fault.New(fault.Internal, "there is no vector %d of the same size among %d", i, len(e.Vectors))
			}
			if sum == nil {
				sum = make([]float32, len(e.Vectors[i]))
			}
			for k, f := range e.Vectors[i] {
				sum[k] += f / float32(len(group))
			}
			if i < len(e.InputTokens) {
				tokens += e.InputTokens[i]
			}
		}
		out.Vectors, out.InputTokens = append(out.Vectors, sum), append(out.InputTokens, tokens)
	}
	return &out, nil
}
