package query

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/outcrop/outcrop/internal/wire/schema"
	"github.com/outcrop/outcrop/internal/wire/vectortest"
)

// notForServers lists vectors that a server cannot be held to.
var notForServers = map[string]string{
	"SDKAppliedContentEncoding_awsQuery":                    "the vector names a compression but has no body",
	"SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery": "the vector names a compression but has no body",
	"AwsQueryDateTimeWithNegativeOffset":                    "servers write UTC, this is for clients to read",
	"AwsQueryDateTimeWithPositiveOffset":                    "servers write UTC, this is for clients to read",
}

// load leaves out the vectors that are not for servers. want is how many those
// are in the file, so that the list above cannot outlive them.
func load(t *testing.T, file string, want int) []vectortest.Case {
	t.Helper()
	all := vectortest.Load(t, file)
	cases := slices.DeleteFunc(slices.Clone(all), func(c vectortest.Case) bool { return notForServers[c.ID] != "" })
	if got := len(all) - len(cases); got != want {
		t.Errorf("got %d vectors left out want %d", got, want)
	}
	return cases
}

// The empty result of these may be no body at all for a client; a server
// always says the request id.
var withoutBody = []string{"QueryEmptyInputAndEmptyOutput", "QueryNoInputAndNoOutput", "QueryNoInputAndOutput"}

func TestInputVectors(t *testing.T) {
	t.Parallel()
	for _, c := range load(t, "input-query", 2) {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			req := &schema.Request{Service: c.Service, Op: c.Op, Header: header(c.Serialized.Headers), Body: []byte(c.Serialized.Body)}
			got, err := Codec{}.DecodeRequest(req)
			if err != nil {
				t.Fatal(err)
			}
			want := vectortest.Value(t, c.Op.Input, c.Params)
			tolerate(c.ID, got.(map[string]any), want.(map[string]any))
			if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

// tolerate makes up for what a form does not say.
func tolerate(id string, got, want map[string]any) {
	switch id {
	case "QueryEmptyQueryMaps":
		delete(want, "MapArg") // an empty map is not sent
	case "QueryProtocolIdempotencyTokenAutoFill":
		delete(got, "token") // the client makes one
	}
}

func header(in map[string]string) http.Header {
	h := http.Header{}
	for name, value := range in {
		h.Set(name, value)
	}
	return h
}

func TestOutputVectors(t *testing.T) {
	t.Parallel()
	for _, c := range load(t, "output-query", 2) {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			var got *schema.Response
			if c.ErrorCode != "" {
				got = encodeError(t, &c)
			} else {
				var err error
				got, err = Codec{}.EncodeResponse(c.Service, c.Op, vectortest.Value(t, c.Op.Output, c.Result), "foo-id")
				if err != nil {
					t.Fatal(err)
				}
			}
			if got.Status != c.Response.Status {
				t.Errorf("status: got %d want %d", got.Status, c.Response.Status)
			}
			if typ := got.Header.Get("Content-Type"); typ != "text/xml" {
				t.Errorf("content type: got %q want text/xml", typ)
			}
			tree := parseXML(t, string(got.Body))
			if c.Response.Body == "" && slices.Contains(withoutBody, c.ID) {
				if result := tree.find(c.Op.Name + "Result"); result != nil && len(result.Children) != 0 {
					t.Errorf("got %v want an empty result", result)
				}
				return
			}
			if c.ErrorCode == "" {
				// The vectors leave the metadata out, a server does not.
				if id := tree.find("RequestId"); id == nil || id.Text != "foo-id" {
					t.Errorf("got request id %v want foo-id", id)
				}
				tree.remove("ResponseMetadata")
			}
			if diff := cmp.Diff(parseXML(t, c.Response.Body), tree); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func encodeError(t *testing.T, c *vectortest.Case) *schema.Response {
	t.Helper()
	for _, s := range c.Op.Errors {
		if s.Error.Code == c.ErrorCode {
			fields := vectortest.Value(t, s, c.Error).(map[string]any)
			return Codec{}.EncodeException(c.Service, &schema.Exception{
				Code: s.Error.Code, Status: s.Error.Status, Shape: s, Message: c.Message, Fields: fields, Sender: s.Error.Sender,
			}, "foo-id")
		}
	}
	t.Fatalf("the operation has no exception %s", c.ErrorCode)
	return nil
}

// element is XML without namespaces, whose order inside structures does not
// matter. Outcrop's services have no members with namespaces of their own.
type element struct {
	Name     string
	Text     string
	Children []*element
}

func (e *element) find(name string) *element {
	if e.Name == name {
		return e
	}
	for _, c := range e.Children {
		if found := c.find(name); found != nil {
			return found
		}
	}
	return nil
}

func (e *element) remove(name string) {
	e.Children = slices.DeleteFunc(e.Children, func(c *element) bool { return c.Name == name })
}

func (e *element) key() string {
	var b strings.Builder
	b.WriteString(e.Name + "=" + e.Text + "(")
	for _, c := range e.Children {
		b.WriteString(c.key() + ",")
	}
	b.WriteString(")")
	return b.String()
}

func parseXML(t *testing.T, body string) *element {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(body))
	root := &element{}
	stack := []*element{root}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, body)
		}
		top := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{Name: token.Name.Local}
			top.Children = append(top.Children, e)
			stack = append(stack, e)
		case xml.EndElement:
			if len(top.Children) > 0 {
				top.Text = ""
			}
			top.Text = strings.TrimSpace(top.Text)
			// Stable by name only: the order of a list's elements counts, that
			// of a structure's and of a map's entries does not.
			slices.SortStableFunc(top.Children, func(a, b *element) int { return strings.Compare(a.Name, b.Name) })
			if isMap(top.Children) {
				slices.SortFunc(top.Children, func(a, b *element) int { return strings.Compare(a.key(), b.key()) })
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.Text += string(token)
		}
	}
	if len(root.Children) != 1 {
		t.Fatalf("got %d root elements want 1 in\n%s", len(root.Children), body)
	}
	return root.Children[0]
}

// isMap says whether all elements have exactly a key and a value.
func isMap(elements []*element) bool {
	for _, e := range elements {
		if len(e.Children) != 2 {
			return false
		}
	}
	return len(elements) > 0
}
