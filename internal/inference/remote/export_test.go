package remote

import (
	"bufio"
	"errors"
	"io"
)

// ReadEvents reads the events of a body without an exchange.
func ReadEvents(body io.Reader, f func(string, []byte) error) error {
	e := events{r: &Response{c: &Client{}}, lines: bufio.NewReaderSize(body, 16), f: f}
	if err := e.run(); !errors.Is(err, Stop) {
		return err
	}
	return nil
}
