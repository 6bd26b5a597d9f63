package appprofile_test

import (
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/appprofile"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/resource"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

const account, region = "000000000000", "us-east-1"

func open(t *testing.T, file string) *appprofile.Registry {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), file, sqlitestore.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	r := appprofile.NewRegistry(resource.Params{Store: s, Now: func() time.Time { now = now.Add(time.Second); return now }})
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func ask(name string) appprofile.New {
	return appprofile.New{Account: account, Region: region, Name: name, Body: appprofile.Lead{Source: "us.amazon.nova-lite-v1:0", Models: []string{"arn:a", "arn:b"}}}
}

func TestLife(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	r, other := open(t, file), open(t, file)
	made, err := r.Create(t.Context(), ask("team"))
	if err != nil {
		t.Fatal(err)
	}
	if len(made.ID) != 12 || made.ARN != "arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/"+made.ID {
		t.Errorf("got %s, %s", made.ID, made.ARN)
	}
	source, models, ok := r.Lead(made.ARN, region, account)
	if !ok || source != "us.amazon.nova-lite-v1:0" || !slices.Equal(models, []string{"arn:a", "arn:b"}) {
		t.Errorf("got %s, %v, %v", source, models, ok)
	}
	for _, foreign := range [][2]string{{"eu-west-1", account}, {region, "111111111111"}} {
		if _, _, ok := r.Lead(made.ARN, foreign[0], foreign[1]); ok {
			t.Errorf("%v: another one's profile leads to a model", foreign)
		}
	}
	if _, _, ok := other.Lead(made.ARN, region, account); ok {
		t.Error("it is known before it was read")
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := other.Lead(made.ARN, region, account); !ok {
		t.Error("another server does not know it")
	}
	if _, err := r.Create(t.Context(), ask("team")); !fault.Is(err, fault.Conflict) {
		t.Errorf("the same name: got %v, want %v", err, fault.Conflict)
	}
	if err := r.Tag(t.Context(), account, region, made.ARN, map[string]string{"a": "1", "b": "2"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Tag(t.Context(), account, region, made.ID, map[string]string{"c": "3"}, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	found, err := other.Find(t.Context(), account, region, made.ID)
	if err != nil || len(found.Tags) != 2 || found.Tags["b"] != "2" || found.Tags["c"] != "3" || !found.Updated.After(found.Created) {
		t.Errorf("got %+v, %v", found, err)
	}
	if tags := r.Tags(made.ARN); len(tags) != 2 || tags["c"] != "3" {
		t.Errorf("got the tags %v", tags)
	}
	for _, unknown := range []string{"nothing", "arn:aws:bedrock:eu-west-1:000000000000:application-inference-profile/" + made.ID, ""} {
		if _, err := r.Find(t.Context(), account, region, unknown); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: got %v, want %v", unknown, err, fault.NotFound)
		}
		if err := r.Delete(t.Context(), account, region, unknown); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: got %v, want %v", unknown, err, fault.NotFound)
		}
	}
	if err := r.Delete(t.Context(), account, region, made.ARN); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := r.Lead(made.ARN, region, account); ok {
		t.Error("it leads to a model after its end")
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	r := open(t, filepath.Join(t.TempDir(), "state.db"))
	n := ask("team")
	n.Token = store.Token{Value: "once", Request: "a"}
	first, err := r.Create(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Create(t.Context(), n)
	if err != nil || second.ARN != first.ARN {
		t.Errorf("got %s, %v, want %s again", second.ARN, err, first.ARN)
	}
	n.Token.Request = "b"
	if _, err := r.Create(t.Context(), n); !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v, want %v", err, fault.Conflict)
	}
}

func TestTooManyTags(t *testing.T) {
	t.Parallel()
	r := open(t, filepath.Join(t.TempDir(), "state.db"))
	n := ask("team")
	made, err := r.Create(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	n.Name, n.Tags = "other", map[string]string{}
	for i := range 51 {
		n.Tags[strconv.Itoa(i)] = ""
	}
	if _, err := r.Create(t.Context(), n); fault.As(err).Code != "TooManyTagsException" {
		t.Errorf("got %v", err)
	}
	if err := r.Tag(t.Context(), account, region, made.ID, n.Tags, nil); fault.As(err).Code != "TooManyTagsException" {
		t.Errorf("got %v", err)
	}
}
