package app

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"

	apiruntime "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/asyncinvoke"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/service/bedrockruntime"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// invokeAsync gives the service asynchronous invocations, whose work is done while
// the server runs.
func (a *App) invokeAsync(s *bedrockruntime.Service) error {
	writer, err := a.bucketWriter(context.Background())
	if err != nil {
		return err
	}
	v := asyncinvoke.New(asyncinvoke.Params{
		Store: a.state, Putter: writer, Run: s.RunAsync, May: a.mayInvokeAsync, Owner: a.bucketsOwner(), Partition: a.catalog.Partition, NewID: newInvocationID, Now: a.p.Now, Lease: a.p.Config.Ingestion.Lease,
	})
	s.UseAsync(v, a.usedAsync)
	a.gov.run = append(a.gov.run, func(ctx context.Context) { v.Work(ctx, a.p.Logger) })
	return nil
}

// bucketsOwner is the account that the buckets belong to, where they are
// Outcrop's own.
func (a *App) bucketsOwner() string {
	if a.p.Config.Objects.Endpoint != "" {
		return ""
	}
	return a.p.Config.Account
}

// mayInvokeAsync asks once more what was asked when an invocation was started:
// its caller may be gone, or denied, when its turn comes.
func (a *App) mayInvokeAsync(_ context.Context, inv *asyncinvoke.Invocation) error {
	s := apiruntime.Schema()
	i := slices.IndexFunc(s.Operations, func(op *schema.Operation) bool { return op.Name == "StartAsyncInvoke" })
	in := &apiruntime.StartAsyncInvokeInput{ModelId: &inv.Model, OutputDataConfig: &apiruntime.AsyncInvokeOutputDataConfig{
		S3OutputDataConfig: &apiruntime.AsyncInvokeS3OutputDataConfig{S3Uri: &inv.URI},
	}}
	for _, key := range slices.Sorted(maps.Keys(inv.Tags)) {
		in.Tags = append(in.Tags, apiruntime.Tag{Key: &key, Value: new(inv.Tags[key])})
	}
	return a.authorizer.Authorize(&observe.View{Service: s, Op: s.Operations[i], Input: in, Call: &call.Call{
		Account: inv.Account, Region: inv.Region, Service: s.ID, Operation: s.Operations[i].Name, Principal: inv.Principal, Start: a.p.Now(), Source: inv.Source,
	}})
}

// usedAsync puts what an asynchronous invocation used into the bill, instead of
// what an earlier try did.
func (a *App) usedAsync(c *call.Call, try asyncinvoke.Try, used call.Usage) {
	a.gov.ledger.Again(c, try.Record, try.Number, used)
}

// newInvocationID returns 12 lower-case letters and digits.
func newInvocationID() string {
	const alphabet = "0123456789abcdefghijklmnopqrstuv" // 32: no character is favoured
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return string(b[:])
}
