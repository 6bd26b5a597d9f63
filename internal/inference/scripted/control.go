package scripted

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
)

// Control is the HTTP API of a backend's script: rules in, calls out. It checks
// nobody's right to use it; whoever mounts it does. The paths are below its
// mounting point, which http.StripPrefix takes away.
//
//	GET    /       how often each rule was reached
//	GET    /rules  the script, as JSON that PUT takes
//	PUT    /rules  replaces the script
//	POST   /rules  adds rules: after the others, or before them with ?first=true
//	DELETE /rules  goes back to the script of the start
//	GET    /calls  what was asked and answered, after ?after=N, at most ?limit=N
//	DELETE /calls  forgets the calls
func Control(b *Backend) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, b.state()) })
	mux.HandleFunc("GET /rules", func(w http.ResponseWriter, _ *http.Request) {
		b.mu.Lock()
		s := b.script
		b.mu.Unlock()
		text, err := s.json()
		if err != nil {
			refuse(w, http.StatusInternalServerError, err)
			return
		}
		reply(w, http.StatusOK, text)
	})
	mux.HandleFunc("PUT /rules", b.replace)
	mux.HandleFunc("POST /rules", b.add)
	mux.HandleFunc("DELETE /rules", func(w http.ResponseWriter, _ *http.Request) {
		b.Reset()
		reply(w, http.StatusOK, b.state())
	})
	mux.HandleFunc("GET /calls", b.list)
	mux.HandleFunc("DELETE /calls", func(w http.ResponseWriter, _ *http.Request) {
		b.forget()
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// Reset goes back to the script of the start and counts anew. The list of calls
// stays.
func (b *Backend) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.use(b.p.Script)
}

// state tells how often each rule was reached.
func (b *Backend) state() any {
	b.mu.Lock()
	defer b.mu.Unlock()
	type reached struct {
		Rule    string `json:"rule"`
		Reached int    `json:"reached"`
	}
	out := struct {
		Rules []reached `json:"rules"`
		Calls int       `json:"calls"`
	}{make([]reached, 0, len(b.counts)), b.journal.next - 1}
	for i, n := range b.counts {
		out.Rules = append(out.Rules, reached{b.script.title(i), n})
	}
	return out
}

// json is the script as JSON.
func (s *Script) json() (json.RawMessage, error) {
	m := make(map[string]any)
	for key, n := range s.head {
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, err
		}
		m[key] = v
	}
	rules := make([]any, 0, len(s.rules))
	for _, r := range s.rules {
		var v any
		if err := r.source.Decode(&v); err != nil {
			return nil, err
		}
		rules = append(rules, v)
	}
	m["rules"] = rules
	return json.Marshal(m)
}

var errHead = errors.New("added are rules alone; PUT replaces seed, settings and models")

func (b *Backend) replace(w http.ResponseWriter, r *http.Request) {
	data, ok := body(w, r)
	if !ok {
		return
	}
	s, err := Parse(data)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	b.mu.Lock()
	b.use(s)
	b.mu.Unlock()
	reply(w, http.StatusOK, b.state())
}

func (b *Backend) add(w http.ResponseWriter, r *http.Request) {
	data, ok := body(w, r)
	if !ok {
		return
	}
	if err := b.extend(data, r.URL.Query().Get("first") == "true"); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	reply(w, http.StatusOK, b.state())
}

// extend adds rules; those that are there keep their counts.
func (b *Backend) extend(data []byte, first bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	more, err := parse(data, b.script.set, "")
	if err != nil {
		return err
	}
	if len(more.head) > 0 {
		return errHead
	}
	s, counts := *b.script, make([]int, len(more.rules))
	if first {
		s.rules, counts = slices.Concat(more.rules, s.rules), slices.Concat(counts, b.counts)
	} else {
		s.rules, counts = slices.Concat(s.rules, more.rules), slices.Concat(b.counts, counts)
	}
	r := &reader{}
	if r.unique(s.rules); r.err() != nil {
		return r.err()
	}
	b.script, b.counts = &s, counts
	b.generation++
	return nil
}

// mostCalls is the largest page of calls.
const mostCalls = 1000

func (b *Backend) list(w http.ResponseWriter, r *http.Request) {
	number := func(name string, otherwise, high int) (int, bool) {
		text := r.URL.Query().Get(name)
		if text == "" {
			return otherwise, true
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > high {
			refuse(w, http.StatusBadRequest, errors.New(name+" is a number up to "+strconv.Itoa(high)))
			return 0, false
		}
		return n, true
	}
	after, ok := number("after", 0, 1<<30)
	if !ok {
		return
	}
	limit, ok := number("limit", 100, mostCalls)
	if !ok {
		return
	}
	reply(w, http.StatusOK, b.calls(after, limit))
}

func body(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxScript+1))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, errors.New("the rules could not be read, or are too large"))
		return nil, false
	}
	return data, true
}

func reply(w http.ResponseWriter, status int, v any) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		status = http.StatusInternalServerError // everything here can be encoded
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // a client that is gone reads nothing
}

func refuse(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]string{"message": err.Error()})
}
