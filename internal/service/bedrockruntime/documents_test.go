package bedrockruntime_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/service/bedrockruntime"
)

// shelf is a reader of documents that knows a few.
type shelf struct{}

func (shelf) Parse(_ context.Context, in document.Input) (*document.Text, error) {
	switch content := string(in.Content); content {
	case "locked":
		return nil, fault.New(fault.Invalid, "the file is encrypted")
	case "pictures":
		return &document.Text{}, nil
	default:
		return &document.Text{Pages: []document.Page{{Text: in.Name + ": " + content}, {Text: "page two"}}}, nil
	}
}

// echo answers with all the text that it got.
func echo() *mem.Backend {
	return newBackend(func(req *inference.Request) (mem.Answer, error) {
		return mem.Answer{Tokens: []string{rendered(req)}}, nil
	})
}

// A model that reads text alone gets the text of documents, and the answer says
// so.
func TestDocumentsAsText(t *testing.T) {
	t.Parallel()
	svc := newService(t, echo(), bedrockruntime.Params{Documents: shelf{}})
	body := `{"messages":[{"role":"user","content":[{"text":"Sum up."},` + doc("Q1 report", "txt", "It rained.") + `]}],"inferenceConfig":{"maxTokens":9}}`
	for _, operation := range []string{"Converse", "ConverseStream"} {
		got, err := exchange(t.Context(), svc, operation, "us-east-1", claude3, nil, body)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"inputTokens":13`, "X-Outcrop-Documents: text\n", `[user] Sum up. [user] <document name=\"Q1 report\">\nQ1 report.txt: It rained.\n\npage two\n</document> max=9`} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %s, want %q in it", operation, got, want)
			}
		}
	}
	counted, err := exchange(t.Context(), svc, "CountTokens", "us-east-1", claude3, nil, `{"input":{"converse":`+body+`}}`)
	if err != nil || !strings.Contains(counted, `{"inputTokens":13}`) || !strings.Contains(counted, "X-Outcrop-Documents: text") {
		t.Errorf("CountTokens: got %s, %v, want the 13 words that Converse reports", counted, err)
	}
}

func TestDocumentsInResultsOfTools(t *testing.T) {
	t.Parallel()
	var got []inference.Part
	svc := newService(t, &picky{parts: &got}, bedrockruntime.Params{Documents: shelf{}})
	body := fmt.Sprintf(`{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"a","input":{}}}]},`+
		`{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[%s]}}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object"}}}}]}}`, doc("a", "txt", "x"))
	answer, err := exchange(t.Context(), svc, "Converse", "us-east-1", claude3, nil, body)
	if err != nil || !strings.Contains(answer, "X-Outcrop-Documents: text") {
		t.Fatalf("got %s, %v", answer, err)
	}
	if text, ok := got[0].(inference.ToolResult).Content[0].(inference.Text); !ok || !strings.Contains(text.Text, "a.txt: x") {
		t.Errorf("got %+v, want the text", got)
	}
}

// picky refuses documents anywhere, and keeps the last message.
type picky struct {
	replay

	parts *[]inference.Part
}

func (p *picky) Generate(_ context.Context, req *inference.Request, emit func(inference.Event) error) error {
	*p.parts = req.Messages[len(req.Messages)-1].Parts
	for _, part := range *p.parts {
		if r, ok := part.(inference.ToolResult); ok {
			if _, ok := r.Content[0].(inference.Document); ok {
				return fault.New(fault.Unsupported, "Model picky reads no documents.")
			}
		}
	}
	if err := emit(inference.Started{}); err != nil {
		return err
	}
	return emit(inference.Finished{Reason: inference.StopEndTurn})
}

func TestDocumentsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	with := func(content string) string {
		return `{"messages":[{"role":"user","content":[{"text":"Sum up."},` + content + `]}]}`
	}
	for name, tc := range map[string]struct {
		model, body, want string
		documents         bedrockruntime.Documents
	}{
		"encrypted":          {claude3, with(doc("a", "txt", "locked")), "fault invalid: The document a cannot be read: the file is encrypted", shelf{}},
		"nothing but images": {claude3, with(doc("a", "txt", "pictures")), "fault invalid: The document a has no text, and the model that serves this request reads nothing else of documents.", shelf{}},
		"nobody to read it":  {claude3, with(doc("a", "txt", "x")), "fault unsupported: The model that serves this request (mem/chat) reads only text.", nil},
		"an image":           {claude3, with(image("gif", wholeGIF)), "fault unsupported: The model that serves this request (mem/chat) reads only text.", shelf{}},
		"in a bucket":        {"amazon.nova-lite-v1:0", with(`{"document":{"name":"a","format":"txt","source":{"s3Location":{"uri":"s3://b/k"}}}}`), "fault unsupported: The document a is named by its place, and the model that serves this request reads the text of documents alone. Send the document's bytes.", shelf{}},
	} {
		got, err := exchange(t.Context(), newService(t, echo(), bedrockruntime.Params{Documents: tc.documents}), "Converse", "us-east-1", tc.model, nil, tc.body)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(got) != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}
