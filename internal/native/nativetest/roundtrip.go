package nativetest

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
)

// bodies is how many bodies a property is held against.
const bodies = 300

// Random makes the pieces of random bodies. The same seed makes the same ones.
type Random struct{ *rand.Rand }

// NewRandom returns the Random of a seed.
func NewRandom(seed uint64) Random { return Random{rand.New(rand.NewPCG(seed, 6))} }

// RoundTrip holds that nothing of a body is lost: bodies that generate makes,
// decoded to the hub and written back by encode, are the same JSON. What
// generate leaves out must have no default, or encode leaves the default out.
func RoundTrip(t *testing.T, f native.Family, m native.Model, generate func(r Random) map[string]any, encode func(req *inference.Request) any) {
	t.Helper()
	roundTrip(t, generate, func(data []byte) (any, error) {
		req, err := f.Decode(m, data)
		if err != nil {
			return nil, err
		}
		return encode(req), nil
	})
}

// RoundTripEmbedding is RoundTrip for an embedding family.
func RoundTripEmbedding(t *testing.T, f native.Embedding, m native.Model, generate func(r Random) map[string]any, encode func(req *native.EmbeddingRequest) any) {
	t.Helper()
	roundTrip(t, generate, func(data []byte) (any, error) {
		req, err := f.Decode(m, data)
		if err != nil {
			return nil, err
		}
		return encode(req), nil
	})
}

func roundTrip(t *testing.T, generate func(r Random) map[string]any, there func(data []byte) (any, error)) {
	t.Helper()
	for seed := range uint64(bodies) {
		written := generate(NewRandom(seed))
		data, err := json.Marshal(written)
		if err != nil {
			t.Fatal(err)
		}
		back, err := there(data)
		if err != nil {
			t.Fatalf("got %v for the body of seed %d, want it read:\n%s", err, seed, data)
		}
		again, err := json.Marshal(back)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(value(t, data), value(t, again)); diff != "" {
			t.Fatalf("the body of seed %d came back different (-want +got):\n%s", seed, diff)
		}
	}
}

func value(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Chance is true once in n times.
func (r Random) Chance(n int) bool { return r.IntN(n) == 0 }

// Text returns a short text that is not blank, sometimes with characters that
// formats stumble over.
func (r Random) Text() string {
	words := []string{"gneiss", "schist", "日本", `"quoted"`, "<b>", "a\nb", "&", "\\", "🪨", "é", "0", "Wie geht's?"}
	n := 1 + r.IntN(4)
	out := make([]string, n)
	for i := range out {
		out[i] = words[r.IntN(len(words))]
	}
	return strings.Join(out, " ")
}

// Name returns a name as tools have.
func (r Random) Name() string {
	const letters = "abcdefghijklmnopqrstuvwxyz_0123456789"
	name := make([]byte, 1+r.IntN(20))
	for i := range name {
		name[i] = letters[r.IntN(len(letters))]
	}
	name[0] = letters[r.IntN(26)]
	return string(name)
}

// Texts returns up to n texts, one at least.
func (r Random) Texts(n int) []string {
	out := make([]string, 1+r.IntN(n))
	for i := range out {
		out[i] = r.Text()
	}
	return out
}

// Pick returns one of the texts.
func (r Random) Pick(of ...string) string { return of[r.IntN(len(of))] }

// Hundredths returns a number with two digits behind the point, from least to
// most hundredths.
func (r Random) Hundredths(least, most int) float64 {
	return float64(least+r.IntN(most-least+1)) / 100
}

// Bytes returns some bytes.
func (r Random) Bytes() []byte {
	b := make([]byte, 1+r.IntN(40))
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	return b
}

// PNG returns a small image.
func (r Random) PNG() []byte {
	img := image.NewGray(image.Rect(0, 0, 1+r.IntN(4), 1+r.IntN(4)))
	for i := range img.Pix {
		img.Pix[i] = byte(r.IntN(256))
	}
	var b bytes.Buffer
	_ = png.Encode(&b, img) // a buffer takes everything
	return b.Bytes()
}

// Object returns a JSON object as tools take them.
func (r Random) Object() map[string]any {
	o := map[string]any{}
	for range r.IntN(4) {
		o[r.Name()] = r.value(2)
	}
	return o
}

func (r Random) value(depth int) any {
	switch n := r.IntN(6); {
	case n == 0 && depth > 0:
		return map[string]any{r.Name(): r.value(depth - 1)}
	case n == 1 && depth > 0:
		return []any{r.value(depth - 1), r.value(depth - 1)}
	case n == 2:
		return r.IntN(1000)
	case n == 3:
		return r.Chance(2)
	case n == 4:
		return nil
	}
	return r.Text()
}

// Schema returns a JSON Schema of an object.
func (r Random) Schema() map[string]any {
	properties := map[string]any{}
	var required []any
	for range 1 + r.IntN(3) {
		name := r.Name()
		properties[name] = map[string]any{"type": r.Pick("string", "integer", "boolean"), "description": r.Text()}
		required = append(required, name)
	}
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

// Maybe puts a member into an object half of the time.
func (r Random) Maybe(o map[string]any, key string, v any) {
	if r.Chance(2) {
		o[key] = v
	}
}
