package schema

import "context"

// Unary binds a unary method of a service; generated code uses it.
func Unary[I, O any](op *Operation, call func(context.Context, *I) (*O, error)) Handler {
	return Handler{Op: op, Unary: func(ctx context.Context, in any) (any, error) {
		out, err := call(ctx, in.(*I))
		if err != nil {
			return nil, err
		}
		return out, nil
	}}
}

// OutputStream binds a method that answers with an event stream.
func OutputStream[I, O, E any](op *Operation, call func(context.Context, *I, EventSink[O, E]) error) Handler {
	return Handler{Op: op, Stream: func(ctx context.Context, in any, _ RawSource, raw RawSink) error {
		return call(ctx, in.(*I), Sink[O, E](raw))
	}}
}

// Duplex binds a method whose input and output are both event streams.
func Duplex[I, S, O, E any](op *Operation, call func(context.Context, *I, EventSource[S], EventSink[O, E]) error) Handler {
	return Handler{Op: op, Stream: func(ctx context.Context, in any, src RawSource, raw RawSink) error {
		return call(ctx, in.(*I), Source[S](src), Sink[O, E](raw))
	}}
}
