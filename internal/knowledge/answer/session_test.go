package answer_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/answer"
	"github.com/outcrop/outcrop/internal/store"
)

func notValid(id string) string {
	return "Session with Id " + id + " is not valid. Please check and try again."
}

// A session goes on: the model sees what was said, and the question before is
// searched for as well.
func TestSessionGoesOn(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{"It costs fifteen euros.", "Six."}}
	w := newScripted(t, largeSize, s)
	first, err := w.answerer.Collect(t.Context(), w.request(t, "What does express shipping cost?"))
	if err != nil {
		t.Fatal(err)
	}
	w.pass(23 * time.Hour)
	req := w.request(t, "And why is it so?")
	req.Session, req.Search.Limit = first.Session, 1
	second, err := w.answerer.Collect(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if second.Session != first.Session {
		t.Errorf("got session %s after %s", second.Session, first.Session)
	}
	for _, want := range []string{"[user] What does express shipping cost?", "[assistant] It costs fifteen euros.", "Express shipping costs fifteen euros."} {
		if !strings.Contains(s.asked[1], want) {
			t.Errorf("the second prompt lacks %q:\n%s", want, s.asked[1])
		}
	}
}

func TestSessionsThatAreNotValid(t *testing.T) {
	t.Parallel()
	w := newScripted(t, tinySize, &script{answers: []string{"Refunds take seven days."}})
	begin := func() string {
		got, err := w.answerer.Collect(t.Context(), w.request(t, "How many days do refunds take?"))
		if err != nil {
			t.Fatal(err)
		}
		return got.Session
	}
	session := begin()
	for name, change := range map[string]func(*answer.Request){
		"made up":             func(r *answer.Request) { r.Session = "00000000-0000-4000-8000-000000000000" },
		"of another base":     func(r *answer.Request) { r.Base = "BBBBBBBBBB" },
		"of another account":  func(r *answer.Request) { r.Account = "111111111111" },
		"of another region":   func(r *answer.Request) { r.Region = "eu-west-1" },
		"of a base, for none": func(r *answer.Request) { r.Base = "" },
	} {
		req := w.request(t, "Why?")
		req.Session = session
		change(&req)
		_, err := w.answerer.Collect(t.Context(), req)
		if f := fault.As(err); err == nil || f.Kind != fault.Invalid || f.Message != notValid(req.Session) {
			t.Errorf("%s: got %v, want %q", name, err, notValid(req.Session))
		}
	}
	// What is said in a session does not prolong it.
	for range 2 {
		req := w.request(t, "How many days do refunds take?")
		req.Session = session
		w.pass(11 * time.Hour)
		if _, err := w.answerer.Collect(t.Context(), req); err != nil {
			t.Fatalf("after less than a day: %v", err)
		}
	}
	w.pass(3 * time.Hour)
	req := w.request(t, "Why?")
	req.Session = session
	if _, err := w.answerer.Collect(t.Context(), req); err == nil || fault.As(err).Message != notValid(session) {
		t.Errorf("after a day: got %v, want %q", err, notValid(session))
	}
	// And a new one takes it away.
	begin()
	_, err := w.store.Get(t.Context(), store.Key{Kind: "rag-session", Account: account, Region: region, ID: session})
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("the expired session: got %v, want it gone", err)
	}
}

// Questions at the same time in one session are all remembered.
func TestSessionAtOnce(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{"Refunds take seven days."}}
	w := newScripted(t, largeSize, s)
	first, err := w.answerer.Collect(t.Context(), w.request(t, "How many days do refunds take?"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		req := w.request(t, fmt.Sprintf("How many days do refunds take for number %d?", i))
		req.Session = first.Session
		wg.Go(func() {
			if _, err := w.answerer.Collect(t.Context(), req); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	req := w.request(t, "And last?")
	req.Session = first.Session
	if _, err := w.answerer.Collect(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	last := s.asked[len(s.asked)-1]
	for i := range 4 {
		if !strings.Contains(last, fmt.Sprintf("number %d?", i)) {
			t.Errorf("question %d was forgotten", i)
		}
	}
}

// However many end at the same moment, none of them fails because of the others.
func TestSessionOfMany(t *testing.T) {
	t.Parallel()
	w := newScripted(t, largeSize, &script{answers: []string{"Refunds take seven days."}})
	first, err := w.answerer.Collect(t.Context(), w.request(t, "How many days do refunds take?"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 40 {
		req := w.request(t, "How many days do refunds take?")
		req.Session, req.Search.Filter = first.Session, &knowledge.Filter{Operator: knowledge.Equals, Key: "year", Value: knowledge.Number(1900)}
		wg.Go(func() {
			if _, err := w.answerer.Collect(t.Context(), req); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A session that nobody gets does not exist.
func TestNoSessionWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	w := newScripted(t, largeSize, &script{answers: []string{"x"}})
	req := w.request(t, "Why?")
	req.Generation.MaxTokens, req.Model.Limit = 100, 10
	if _, err := w.answerer.Collect(t.Context(), req); err == nil {
		t.Fatal("got no error")
	}
	page, err := w.store.List(t.Context(), store.Query{Kind: "rag-session"})
	if err != nil || len(page.Records) != 0 {
		t.Errorf("got %d sessions, %v, want none", len(page.Records), err)
	}
}
