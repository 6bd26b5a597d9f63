package remote

import (
	"bufio"
	"context"
	"errors"
	"io"
)

// ReadEvents reads the events of a body without an exchange.
func ReadEvents(body io.Reader, f func(string, []byte) error) error {
	return ReadSomeEvents(body, streamLimit, f)
}

// ReadSomeEvents is ReadEvents with a limit in bytes.
func ReadSomeEvents(body io.Reader, limit int, f func(string, []byte) error) error {
	e := events{r: &Response{c: &Client{ctx: context.Background(), streamLimit: limit}, ctx: context.Background()}, lines: bufio.NewReaderSize(body, 16), f: f}
	if err := e.run(); !errors.Is(err, Stop) {
		return err
	}
	return nil
}
