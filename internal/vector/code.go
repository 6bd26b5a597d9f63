package vector

import (
	"encoding/binary"
	"errors"
	"math"
)

// A code is a vector in little: four bytes with what one unit is worth (a
// float32, little endian), then a signed byte for each number up to the last one
// that is not zero. Its error is at most half a unit in each number.
const codeHeader = 4

var errCode = errors.New("the code of a vector is damaged")

// Encode appends the code of v to dst.
func Encode(dst []byte, v []float32) []byte {
	v = trim(v)
	largest := float32(0)
	for _, x := range v {
		largest = max(largest, abs(x))
	}
	unit := largest / 127
	dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(unit))
	if unit == 0 {
		return dst
	}
	for _, x := range v {
		dst = append(dst, byte(int8(math.Round(float64(x/unit)))))
	}
	return dst
}

// trim returns v without the zeros at its end: a model that is smaller than the
// vectors that were asked for leaves hundreds of them.
func trim(v []float32) []float32 {
	n := len(v)
	for n > 0 && v[n-1] == 0 {
		n--
	}
	return v[:n]
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// AppendFloats appends the numbers of v to dst, four bytes each, without the
// zeros at the end.
func AppendFloats(dst []byte, v []float32) []byte {
	for _, x := range trim(v) {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst
}

// Dot is the dot product of v with the numbers that AppendFloats wrote.
func Dot(v []float32, data []byte) float32 {
	n := min(len(v), len(data)/4)
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= n; i += 4 {
		w := data[4*i : 4*i+16 : 4*i+16]
		x := v[i : i+4 : i+4]
		s0 += x[0] * math.Float32frombits(binary.LittleEndian.Uint32(w))
		s1 += x[1] * math.Float32frombits(binary.LittleEndian.Uint32(w[4:]))
		s2 += x[2] * math.Float32frombits(binary.LittleEndian.Uint32(w[8:]))
		s3 += x[3] * math.Float32frombits(binary.LittleEndian.Uint32(w[12:]))
	}
	for ; i < n; i++ {
		s0 += v[i] * math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return (s0 + s1) + (s2 + s3)
}
