// Package pegasus is the native format of TwelveLabs' Pegasus: a film and a
// question about it in, a text out.
//
// It translates and validates; it calls nobody, and it opens no film.
package pegasus

import (
	"encoding/json"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// Family implements native.Family. Its zero value is ready.
type Family struct{}

var _ native.Family = Family{}

// The documented default and limit.
const (
	defaultTemperature = 0.2
	maxTokens          = 4096
)

// Decode implements native.Family. The film comes before the question.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	s := extraSchema(m)
	s.Required = []string{"inputPrompt", "mediaSource"}
	s.Properties["inputPrompt"] = &body.Schema{Type: body.TypeString, MinLength: 1}
	s.Properties["mediaSource"] = body.ObjectOf(body.Properties{
		"base64String": body.StringOf(),
		"s3Location":   body.ObjectOf(body.Properties{"uri": body.StringOf(), "bucketOwner": body.StringOf()}, "uri"),
	})
	o, err := body.Decode(s, data)
	if err != nil {
		return nil, err
	}
	film, err := source(o.Object("mediaSource"))
	if err != nil {
		return nil, err
	}
	req := &inference.Request{Temperature: new(defaultTemperature)}
	req.Messages = []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{film, inference.Text{Text: o.String("inputPrompt")}}}}
	return req, parameters(data, o, req)
}

func source(o body.Object) (inference.Video, error) {
	const at = "#/mediaSource"
	if o.Has("base64String") == o.Has("s3Location") {
		return inference.Video{}, body.Malformed(at + ": expected exactly one of [base64String, s3Location]")
	}
	if s3 := o.Object("s3Location"); s3 != nil {
		uri := s3.String("uri")
		if !strings.HasPrefix(uri, "s3://") {
			return inference.Video{}, body.Malformed(at + "/s3Location/uri: the value does not match pattern ^s3://")
		}
		format := "mp4"
		if i := strings.LastIndexByte(uri, '.'); i > strings.LastIndexByte(uri, '/') {
			format = strings.ToLower(uri[i+1:])
		}
		return inference.Video{Format: format, URL: uri, Owner: s3.String("bucketOwner")}, nil
	}
	data, err := body.Bytes(at+"/base64String", o.String("base64String"))
	return inference.Video{Format: sniff(data), Bytes: data}, err
}

// sniff tells a film's format by how its bytes begin; most are MP4.
func sniff(data []byte) string {
	switch {
	case strings.HasPrefix(string(data), "\x1a\x45\xdf\xa3"):
		return "mkv"
	case len(data) >= 12 && string(data[4:12]) == "ftypqt  ":
		return "mov"
	}
	return "mp4"
}

// Extra implements native.Family: everything but the film and the question.
func (Family) Extra(m native.Model, fields json.RawMessage, req *inference.Request) error {
	o, err := body.Decode(extraSchema(m), fields)
	if err != nil {
		return err
	}
	return parameters(fields, o, req)
}

func parameters(data []byte, o body.Object, req *inference.Request) error {
	req.MaxTokens = o.Int("maxOutputTokens", req.MaxTokens)
	if o.Has("temperature") {
		req.Temperature = o.FloatPtr("temperature")
	}
	if !o.Has("responseFormat") {
		return nil
	}
	var in struct {
		Format struct {
			Schema json.RawMessage `json:"jsonSchema"`
		} `json:"responseFormat"`
	}
	if err := body.Into(data, &in); err != nil {
		return err
	}
	req.Output = &inference.OutputFormat{Schema: in.Format.Schema}
	return nil
}

func extraSchema(m native.Model) *body.Schema {
	limit := maxTokens
	if m.MaxOutput > 0 {
		limit = m.MaxOutput
	}
	return body.ObjectOf(body.Properties{
		"temperature":     body.NumberOf(0, 1),
		"maxOutputTokens": body.IntegerOf(1, limit),
		"responseFormat":  body.ObjectOf(body.Properties{"jsonSchema": body.OpenObject()}, "jsonSchema"),
	})
}

// answer is the whole answer and each chunk of it.
type answer struct {
	Message string                    `json:"message"`
	Reason  *string                   `json:"finishReason"`
	Metrics *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics,omitempty"`
}

func finishReason(r inference.StopReason) *string {
	switch r {
	case inference.StopMaxTokens, inference.StopContextWindow:
		return new("length")
	}
	return new("stop")
}

// Complete implements native.Family.
func (Family) Complete(_ native.Model, a *inference.Answer) ([]byte, error) {
	return body.Marshal(answer{Message: a.Text, Reason: finishReason(a.Reason)})
}

type stream struct {
	m     native.Model
	write func([]byte) error
	last  answer
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{m: m, write: write}
}

// Event implements native.Stream.
func (s *stream) Event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.TextDelta:
		return s.send(answer{Message: ev.Text})
	case inference.Finished:
		s.last.Reason = finishReason(ev.Reason)
	}
	return nil
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	s.last.Metrics = metrics.Invocation(s.m)
	return s.send(s.last)
}

func (s *stream) send(a answer) error {
	data, err := body.Marshal(a)
	if err != nil {
		return err
	}
	return s.write(data)
}
