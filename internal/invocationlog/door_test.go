package invocationlog_test

import (
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/invocationlog"
)

// What comes in by a door is logged as what comes in by Converse: whole answers,
// streams as the list of their events, vectors where they are wanted, images
// where they are wanted.
func TestDoors(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	s := all()
	s.Content = invocationlog.Content{Text: true}
	f.put(t, s)
	image := `{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"input_image","image_url":"data:image/png;base64,BBBB"}]}]}`
	f.exchange(view("ChatCompletions", image), `{"choices":[1]}`)
	f.exchange(view("CreateResponse", `{"input":"x"}`), "", event{"response.created", `{"type":"a"}`}, event{"", "[DONE]"}, event{"response.completed", `{"type":"b"}`})
	f.exchange(view("Messages", `{"max_tokens":1}`), `{"content":[]}`)
	f.exchange(view("Embeddings", `{"input":"words"}`), `{"data":[{"embedding":[0.5]}]}`)
	f.flush(t)
	got := f.lines(t)
	for _, want := range []string{
		`"outputBodyJson":{"choices":[1]}`, `"outputBodyJson":[{"type":"a"},{"type":"b"}]`, `"outputBodyJson":{"content":[]}`, `"inputBodyJson":{"input":"words"}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	for _, not := range []string{"AAAA", "BBBB", "0.5"} {
		if strings.Contains(got, not) {
			t.Errorf("%s is in\n%s", not, got)
		}
	}
}
