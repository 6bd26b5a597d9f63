// Package vectortest loads botocore's published protocol vectors for the tests
// of the codecs: what a client sends for given parameters, and what it parses
// from a response. It is used by tests only.
package vectortest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/wire/schema"
	"github.com/outcrop/outcrop/internal/wire/schema/botocore"
)

// Case is one vector. Input cases have Params and Serialized; output cases
// Response and either Result or Error.
type Case struct {
	ID      string
	Service *schema.Service
	Op      *schema.Operation

	Params     json.RawMessage
	Serialized struct {
		Method  string            `json:"method"`
		URI     string            `json:"uri"`
		Body    string            `json:"body"`
		Headers map[string]string `json:"headers"`
	}

	Response struct {
		Status  int               `json:"status_code"`
		Body    string            `json:"body"`
		Headers map[string]string `json:"headers"`
	}
	Result    json.RawMessage
	Error     json.RawMessage
	ErrorCode string
	Message   string
}

type suite struct {
	Metadata json.RawMessage            `json:"metadata"`
	Shapes   map[string]json.RawMessage `json:"shapes"`
	Cases    []struct {
		ID    string `json:"id"`
		Given struct {
			Name string `json:"name"`
		} `json:"given"`
		Params     json.RawMessage `json:"params"`
		Serialized json.RawMessage `json:"serialized"`
		Response   json.RawMessage `json:"response"`
		Result     json.RawMessage `json:"result"`
		Error      json.RawMessage `json:"error"`
		ErrorCode  string          `json:"errorCode"`
		Message    string          `json:"errorMessage"`
	} `json:"cases"`
}

// Load reads a file of the vectors ("input-query"). It skips the test when the
// folder of shared test data is absent.
func Load(t *testing.T, file string) []Case {
	t.Helper()
	data := read(t, file)
	var suites []suite
	unmarshal(t, data, &suites)
	var operations []struct {
		Cases []struct {
			Given json.RawMessage `json:"given"`
		} `json:"cases"`
	}
	unmarshal(t, data, &operations)

	var cases []Case
	for i, s := range suites {
		splitFlattened(t, s.Shapes)
		for j, c := range s.Cases {
			model, err := json.Marshal(map[string]any{
				"metadata":   s.Metadata,
				"shapes":     s.Shapes,
				"operations": map[string]any{c.Given.Name: operations[i].Cases[j].Given},
			})
			if err != nil {
				t.Fatal(err)
			}
			svc, err := botocore.Parse(model)
			if err != nil {
				t.Fatalf("%s: %v", c.ID, err)
			}
			out := Case{
				ID: c.ID, Service: svc, Op: svc.Operations[0], Params: c.Params, Result: c.Result, Error: c.Error,
				ErrorCode: c.ErrorCode, Message: c.Message,
			}
			if c.Serialized != nil {
				unmarshal(t, c.Serialized, &out.Serialized)
			}
			if c.Response != nil {
				unmarshal(t, c.Response, &out.Response)
			}
			cases = append(cases, out)
		}
	}
	if len(cases) == 0 {
		t.Fatalf("%s: no vectors", file)
	}
	return cases
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "data", "vectors", "botocore-protocols", file+".json")
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skipf("the published vectors are not here: %s does not exist", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func unmarshal(t *testing.T, data []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
}

// splitFlattened gives members that are flattened a shape of their own. In
// these vectors one list is reached through a flattened member and through one
// that is not, while tables, like the models of the services, know the trait
// for the shape.
func splitFlattened(t *testing.T, shapes map[string]json.RawMessage) {
	t.Helper()
	for name, raw := range shapes {
		var s map[string]any
		unmarshal(t, raw, &s)
		members, _ := s["members"].(map[string]any)
		for _, m := range members {
			m := m.(map[string]any)
			if m["flattened"] != true {
				continue
			}
			target := m["shape"].(string)
			var copied map[string]any
			unmarshal(t, shapes[target], &copied)
			copied["flattened"] = true
			delete(m, "flattened")
			m["shape"] = target + "Flattened"
			shapes[target+"Flattened"] = marshal(t, copied)
		}
		shapes[name] = marshal(t, s)
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Value turns the parameters or the result of a vector into the value of a
// shape without Go types. Vectors write blobs as their text and timestamps as
// seconds.
func Value(t *testing.T, s *schema.Shape, raw json.RawMessage) any {
	t.Helper()
	var v any
	unmarshal(t, raw, &v)
	if s == nil {
		return map[string]any{}
	}
	return value(t, s, v)
}

func value(t *testing.T, s *schema.Shape, v any) any {
	t.Helper()
	switch s.Kind {
	case schema.Structure, schema.Union:
		out := map[string]any{}
		for name, field := range v.(map[string]any) {
			m := s.Member(name)
			if m == nil {
				t.Fatalf("shape %s has no member %s", s.Name, name)
			}
			if field != nil {
				out[name] = value(t, m.Shape, field)
			}
		}
		return out
	case schema.List:
		out := []any{}
		for _, elem := range v.([]any) {
			out = append(out, value(t, s.Value.Shape, elem))
		}
		return out
	case schema.Map:
		out := map[string]any{}
		for key, elem := range v.(map[string]any) {
			out[key] = value(t, s.Value.Shape, elem)
		}
		return out
	case schema.Blob:
		return []byte(v.(string))
	case schema.Document:
		return schema.DocumentValue(marshal(t, v))
	case schema.Byte, schema.Short, schema.Integer, schema.Long:
		n, err := v.(json.Number).Int64()
		if err != nil {
			t.Fatal(err)
		}
		return n
	case schema.Float, schema.Double:
		if text, ok := v.(string); ok { // NaN and the infinities
			v = json.Number(text)
		}
		f, err := v.(json.Number).Float64()
		if err != nil {
			t.Fatal(err)
		}
		return f
	case schema.Timestamp:
		f, err := v.(json.Number).Float64()
		if err != nil {
			t.Fatal(err)
		}
		return time.UnixMilli(int64(f*1000 + 0.5)).UTC()
	default:
		return v
	}
}
