package app

import (
	"context"
	"crypto/rand"

	"github.com/outcrop/outcrop/internal/asyncinvoke"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/service/bedrockruntime"
)

// invokeAsync gives the service asynchronous invocations, whose work is done while
// the server runs.
func (a *App) invokeAsync(s *bedrockruntime.Service) error {
	writer, err := a.bucketWriter(context.Background())
	if err != nil {
		return err
	}
	v := asyncinvoke.New(asyncinvoke.Params{
		Store: a.state, Putter: writer, Run: s.RunAsync, Partition: a.catalog.Partition, NewID: newInvocationID, Now: a.p.Now, Lease: a.p.Config.Ingestion.Lease,
	})
	s.UseAsync(v, a.usedAsync)
	a.gov.run = append(a.gov.run, func(ctx context.Context) { v.Work(ctx, a.p.Logger) })
	return nil
}

// usedAsync puts what an asynchronous invocation used into the bill.
func (a *App) usedAsync(c *call.Call, used call.Usage) {
	a.gov.ledger.Beside(c, newRequestID(), used)
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
