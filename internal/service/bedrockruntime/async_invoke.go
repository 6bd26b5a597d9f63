package bedrockruntime

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/asyncinvoke"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Async keeps asynchronous invocations; *asyncinvoke.Invoker does.
type Async interface {
	Start(ctx context.Context, inv asyncinvoke.Invocation) (asyncinvoke.Invocation, error)
	Get(ctx context.Context, account, region, arn string) (asyncinvoke.Invocation, error)
	List(ctx context.Context, account, region string) ([]asyncinvoke.Invocation, error)
}

// asynchrony is what asynchronous invocations need; nil members: there are none,
// and nobody is told.
type asynchrony struct {
	invocations Async
	used        func(c *call.Call, try asyncinvoke.Try, used call.Usage)
}

// UseAsync gives the service asynchronous invocations, before it serves anything.
// used is told what each try used.
func (s *Service) UseAsync(v Async, used func(c *call.Call, try asyncinvoke.Try, used call.Usage)) {
	s.async = asynchrony{v, used}
}

// StartAsyncInvoke begins an invocation whose results go to a bucket. What can be
// known to be wrong is refused now.
func (s *Service) StartAsyncInvoke(ctx context.Context, in *api.StartAsyncInvokeInput) (*api.StartAsyncInvokeOutput, error) {
	if s.async.invocations == nil {
		return s.Unimplemented.StartAsyncInvoke(ctx, in)
	}
	c := call.From(ctx)
	out := in.OutputDataConfig.S3OutputDataConfig
	if out == nil {
		return nil, fault.New(fault.Invalid, "The outputDataConfig must have an s3OutputDataConfig.")
	}
	if out.KmsKeyId != nil {
		return nil, fault.New(fault.Unsupported, "Results are not encrypted with KMS keys here. Leave kmsKeyId out.")
	}
	model := schema.Deref(in.ModelId)
	t, err := s.router.Resolve(ctx, model, c.Region, c.Account, "")
	if err != nil {
		return nil, err
	}
	if _, err := s.asynchronous(t, in.ModelInput); err != nil {
		return nil, err
	}
	inv := asyncinvoke.Invocation{
		Account: c.Account, Region: c.Region, Model: model, ModelARN: t.ARN, Input: []byte(in.ModelInput), URI: schema.Deref(out.S3Uri),
		Owner: schema.Deref(out.BucketOwner), Token: schema.Deref(in.ClientRequestToken), Principal: c.Principal, Source: c.Source, Tags: map[string]string{},
	}
	for _, tag := range in.Tags {
		inv.Tags[schema.Deref(tag.Key)] = schema.Deref(tag.Value)
	}
	if inv, err = s.async.invocations.Start(ctx, inv); err != nil {
		return nil, err
	}
	return &api.StartAsyncInvokeOutput{InvocationArn: &inv.ARN}, nil
}

// GetAsyncInvoke describes an invocation.
func (s *Service) GetAsyncInvoke(ctx context.Context, in *api.GetAsyncInvokeInput) (*api.GetAsyncInvokeOutput, error) {
	if s.async.invocations == nil {
		return s.Unimplemented.GetAsyncInvoke(ctx, in)
	}
	c := call.From(ctx)
	inv, err := s.async.invocations.Get(ctx, c.Account, c.Region, schema.Deref(in.InvocationArn))
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Wrap(fault.Invalid, err, "The invocation %s does not exist.", schema.Deref(in.InvocationArn))
	}
	if err != nil {
		return nil, err
	}
	a := summary(inv)
	return &api.GetAsyncInvokeOutput{
		ClientRequestToken: a.ClientRequestToken, EndTime: a.EndTime, FailureMessage: a.FailureMessage, InvocationArn: a.InvocationArn,
		LastModifiedTime: a.LastModifiedTime, ModelArn: a.ModelArn, OutputDataConfig: a.OutputDataConfig, Status: a.Status, SubmitTime: a.SubmitTime,
	}, nil
}

// mostInvocations is how many invocations a page has at most.
const mostInvocations = 1000

// ListAsyncInvokes lists the invocations of the account in the region, the newest
// first unless the request says otherwise.
func (s *Service) ListAsyncInvokes(ctx context.Context, in *api.ListAsyncInvokesInput) (*api.ListAsyncInvokesOutput, error) {
	if s.async.invocations == nil {
		return s.Unimplemented.ListAsyncInvokes(ctx, in)
	}
	c := call.From(ctx)
	all, err := s.async.invocations.List(ctx, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	if in.SortOrder != api.SortOrderAscending {
		slices.Reverse(all)
	}
	if in.NextToken != nil {
		after, err := base64.RawURLEncoding.DecodeString(*in.NextToken)
		i := slices.IndexFunc(all, func(v asyncinvoke.Invocation) bool { return v.ID == string(after) })
		if err != nil || i < 0 {
			return nil, fault.New(fault.Invalid, "The provided pagination token is invalid. Start again without one.")
		}
		all = all[i+1:]
	}
	limit := min(int(cmp.Or(schema.Deref(in.MaxResults), mostInvocations)), mostInvocations)
	out := &api.ListAsyncInvokesOutput{AsyncInvokeSummaries: []api.AsyncInvokeSummary{}}
	last := ""
	for _, inv := range all {
		if in.StatusEquals != "" && string(in.StatusEquals) != string(inv.Status) ||
			in.SubmitTimeAfter != nil && !inv.Submitted.After(*in.SubmitTimeAfter) ||
			in.SubmitTimeBefore != nil && !inv.Submitted.Before(*in.SubmitTimeBefore) {
			continue
		}
		if len(out.AsyncInvokeSummaries) == limit {
			out.NextToken = new(base64.RawURLEncoding.EncodeToString([]byte(last)))
			break
		}
		out.AsyncInvokeSummaries = append(out.AsyncInvokeSummaries, summary(inv))
		last = inv.ID
	}
	return out, nil
}

func summary(inv asyncinvoke.Invocation) api.AsyncInvokeSummary {
	s3 := &api.AsyncInvokeS3OutputDataConfig{S3Uri: &inv.URI}
	if inv.Owner != "" {
		s3.BucketOwner = &inv.Owner
	}
	a := api.AsyncInvokeSummary{
		InvocationArn: &inv.ARN, ModelArn: &inv.ModelARN, Status: api.AsyncInvokeStatus(inv.Status), SubmitTime: &inv.Submitted,
		LastModifiedTime: &inv.Modified, OutputDataConfig: &api.AsyncInvokeOutputDataConfig{S3OutputDataConfig: s3},
	}
	if inv.Token != "" {
		a.ClientRequestToken = &inv.Token
	}
	if inv.Failure != "" {
		a.FailureMessage = &inv.Failure
	}
	if !inv.Ended.IsZero() {
		a.EndTime = &inv.Ended
	}
	return a
}

// novaEmbed is the format of the embedding model whose texts and films Bedrock
// cuts into segments, asynchronously alone.
const novaEmbed = "nova-embed"

// asynchronous checks that a model takes asynchronous invocations, and its input.
// Bedrock has them for the models that make films or vectors of long texts; here
// models of the operator's own have them, too. The result is set for inputs that
// are cut into segments.
func (s *Service) asynchronous(t *router.Target, input []byte) (*segmented, error) {
	m := s.nativeModel(t)
	own := t.Entry.Provider == catalog.OwnProvider
	switch {
	case t.Entry.NativeFormat == novaEmbed && !own:
		return s.segments(t, m, input)
	case !own && !strings.HasPrefix(t.Entry.NativeFormat, "twelvelabs-marengo"):
		return nil, fault.New(fault.Invalid, "The provided model doesn't support asynchronous invocation.")
	case t.Entry.Kind() == catalog.Embedding:
		family, ok := s.families.Embeddings[t.Entry.NativeFormat]
		if !ok {
			return nil, serving.NoFormat(t)
		}
		_, err := family.Decode(m, input)
		return nil, err
	}
	family, err := s.families.Family(t)
	if err != nil {
		return nil, err
	}
	_, err = family.Decode(m, input)
	return nil, err
}

// RunAsync computes an invocation as its caller would have done. What it used is
// told to who gave UseAsync; the gate is asked as for any call. It is an
// asyncinvoke.Run.
func (s *Service) RunAsync(ctx context.Context, inv *asyncinvoke.Invocation, try asyncinvoke.Try) ([]asyncinvoke.File, error) {
	c := &call.Call{
		RequestID: try.RequestID, Account: inv.Account, Region: inv.Region, Service: "bedrock-runtime", Operation: "StartAsyncInvoke",
		Principal: inv.Principal, Start: s.params.Now(), Resource: inv.ModelARN,
	}
	ctx = call.With(ctx, c)
	defer c.End()
	defer func() {
		if u := c.Usage(); s.async.used != nil && u.InputTokens+u.OutputTokens > 0 {
			s.async.used(c, try, u)
		}
	}()
	t, err := s.resolve(ctx, inv.Model, "")
	if err != nil {
		return nil, err
	}
	cut, err := s.asynchronous(t, inv.Input)
	if err != nil {
		return nil, err
	}
	if cut != nil {
		return s.embedSegments(ctx, t, cut, try.Folder)
	}
	out, err := s.InvokeModel(ctx, &api.InvokeModelInput{ModelId: &inv.Model, Body: inv.Input})
	if err != nil {
		return nil, err
	}
	return []asyncinvoke.File{{Name: "output.json", ContentType: jsonType, Body: out.Body}}, nil
}
