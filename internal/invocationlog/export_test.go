package invocationlog

import "context"

// Flush writes and delivers what is there now. Run must not be running.
func (l *Log) Flush(ctx context.Context) error {
	l.drain()
	return l.p.Delivery.Flush(ctx)
}
