package bedrockruntime

import (
	"bytes"
	"context"
	"encoding/json"
	"mime"
	"strconv"
	"strings"
	"time"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/promptrouter"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const jsonType = "application/json"

// The headers that the service model does not have.
const (
	headerInput      = "X-Amzn-Bedrock-Input-Token-Count"
	headerOutput     = "X-Amzn-Bedrock-Output-Token-Count"
	headerLatency    = "X-Amzn-Bedrock-Invocation-Latency"
	headerCacheRead  = "X-Amzn-Bedrock-Cache-Read-Input-Token-Count"
	headerCacheWrite = "X-Amzn-Bedrock-Cache-Write-Input-Token-Count"
)

// InvokeModel answers a native body with a native body.
func (s *Service) InvokeModel(ctx context.Context, in *api.InvokeModelInput) (*api.InvokeModelOutput, error) {
	if err := checkInvoke(in.Accept, in.GuardrailIdentifier, in.GuardrailVersion, in.Body); err != nil {
		return nil, err
	}
	id, _ := s.chosen(ctx, in.ModelId, func() promptrouter.Prompt { return promptrouter.Prompt{Text: string(in.Body)} })
	t, err := s.resolve(ctx, id, "")
	if err != nil {
		return nil, err
	}
	var body []byte
	switch {
	case s.handsOn(t):
		body, err = s.invokeVerbatim(ctx, t, in.Body)
	case t.Entry.Kind() == catalog.Embedding:
		body, err = s.invokeEmbedding(ctx, t, in.Body)
	case t.Entry.Kind() == catalog.Rerank:
		body, err = s.invokeRerank(ctx, t, in.Body)
	case t.Entry.Kind() == catalog.Image:
		body, err = s.invokeImage(ctx, t, in.Body)
	default:
		body, err = s.invokeText(ctx, t, in.Body)
	}
	if err != nil {
		return nil, err
	}
	contentType := jsonType
	return &api.InvokeModelOutput{
		Body: body, ContentType: &contentType,
		PerformanceConfigLatency: in.PerformanceConfigLatency, ServiceTier: in.ServiceTier,
	}, nil
}

func (s *Service) invokeText(ctx context.Context, t *router.Target, body []byte) ([]byte, error) {
	family, err := s.families.Family(t)
	if err != nil {
		return nil, err
	}
	m := s.nativeModel(t)
	m.Now, m.Streaming = s.params.Now(), new(false)
	req, err := family.Decode(m, body)
	if err != nil {
		return nil, err
	}
	family = native.Bind(family, req)
	r := s.newRun(t)
	answer, err := inference.Collect(ctx, s.read(r), req)
	if err != nil {
		return nil, err
	}
	out, err := family.Complete(m, answer)
	if err != nil {
		return nil, err
	}
	c := call.From(ctx)
	setCounts(c, m, answer.Usage, r)
	return out, nil
}

// InvokeModelWithResponseStream answers a native body with the family's own
// chunks, each as soon as it is made.
func (s *Service) InvokeModelWithResponseStream(ctx context.Context, in *api.InvokeModelWithResponseStreamInput, sink schema.EventSink[api.InvokeModelWithResponseStreamOutput, api.ResponseStream]) error {
	if err := checkInvoke(in.Accept, in.GuardrailIdentifier, in.GuardrailVersion, in.Body); err != nil {
		return err
	}
	id, _ := s.chosen(ctx, in.ModelId, func() promptrouter.Prompt { return promptrouter.Prompt{Text: string(in.Body)} })
	t, err := s.resolve(ctx, id, "")
	if err != nil {
		return err
	}
	if err := serving.CheckStreaming(t); err != nil {
		return err
	}
	if s.handsOn(t) {
		return s.streamVerbatim(ctx, t, in, sink)
	}
	family, err := s.families.Family(t)
	if err != nil {
		return err
	}
	m := s.nativeModel(t)
	m.Now, m.Streaming = s.params.Now(), new(true)
	req, err := family.Decode(m, in.Body)
	if err != nil {
		return err
	}
	stream := native.Bind(family, req).Stream(m, func(chunk []byte) error {
		return sink.Send(&api.ResponseStream{Chunk: &api.PayloadPart{Bytes: chunk}})
	})
	r := s.newRun(t)
	opened := false
	err = s.read(r).Generate(ctx, req, func(ev inference.Event) error {
		if !opened {
			opened = true
			contentType := jsonType
			err := sink.Open(&api.InvokeModelWithResponseStreamOutput{
				ContentType:              &contentType,
				PerformanceConfigLatency: in.PerformanceConfigLatency, ServiceTier: in.ServiceTier,
			})
			if err != nil {
				return err
			}
		}
		return stream.Event(ev)
	})
	if err != nil {
		return err
	}
	return stream.End(metricsOf(r))
}

// metricsOf is what the last chunk of a stream says of its run.
func metricsOf(r *serving.Run) native.Metrics {
	latency := r.Elapsed()
	first := r.FirstByte
	if first == 0 {
		first = latency
	}
	return native.Metrics{
		InputTokens: r.Usage.InputTokens, OutputTokens: r.Usage.OutputTokens,
		CacheRead: r.Usage.CacheReadTokens, CacheWrite: r.Usage.CacheWriteTokens,
		Latency: latency.Truncate(time.Millisecond), FirstByteLatency: first.Truncate(time.Millisecond),
	}
}

// checkInvoke checks what the two native operations have in common.
func checkInvoke(accept, guardrail, version *string, body []byte) error {
	if guardrail != nil || version != nil {
		return serving.NoGuardrail()
	}
	if accept != nil && !acceptsJSON(*accept) {
		return fault.New(fault.Invalid, "The accept value %s is not supported. The models answer application/json.", *accept)
	}
	if len(body) == 0 {
		return fault.New(fault.Invalid, "Malformed input request, please reformat your input and try again.")
	}
	return checkGuarded(body)
}

// guardrailMember is what a body tells a guardrail.
const guardrailMember = "amazon-bedrock-guardrailConfig"

// checkGuarded refuses a body that is meant for a guardrail, also where members
// that nobody here knows are carried to the model's server.
func checkGuarded(body []byte) error {
	if !bytes.Contains(body, []byte(guardrailMember)) {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err == nil && members[guardrailMember] != nil {
		return fault.New(fault.Invalid, "Malformed input request: #: extraneous key [%s] is not permitted, please reformat your input and try again.", guardrailMember)
	}
	return nil // what is no object, the family refuses
}

// acceptsJSON reports whether an Accept header lets JSON through. What cannot be
// read counts as no wish.
func acceptsJSON(accept string) bool {
	understood := false
	for part := range strings.SplitSeq(accept, ",") {
		t, _, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		switch t {
		case jsonType, "application/*", "*/*":
			return true
		}
		understood = true
	}
	return !understood
}

func setCount(c *call.Call, header string, n int) { c.SetHeader(header, strconv.Itoa(n)) }

// setCounts sets the headers of a whole answer.
func setCounts(c *call.Call, m native.Model, u inference.Usage, r *serving.Run) {
	setCount(c, headerInput, u.InputTokens)
	setCount(c, headerOutput, u.OutputTokens)
	setCount(c, headerLatency, int(r.Elapsed().Milliseconds()))
	if m.CacheMetrics {
		setCount(c, headerCacheRead, u.CacheReadTokens)
		setCount(c, headerCacheWrite, u.CacheWriteTokens)
	}
}
