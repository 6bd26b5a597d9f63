// Package client calls a running server as any client of Bedrock does: signed
// requests to its public API, answers and events as JSON.
//
// It has what the outcrop command needs and no more: it is no SDK, does not retry
// and knows no other server than the one it is given. Errors of the API are
// *Error with the exception's name; a server that is not there is ErrNoServer, one
// that goes away before it has answered is ErrHungUp.
package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/sigv4"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
)

// signingName is that of all Bedrock services.
const signingName = "bedrock"

// ErrNoServer is in the chain of an error when nobody listens at the address.
var ErrNoServer = errors.New("no server answers")

// ErrHungUp is in the chain of an error when the server ended the connection
// before its answer was whole.
var ErrHungUp = errors.New("the server ended the connection")

// Error is an exception of the API.
type Error struct {
	Code    string // "ResourceNotFoundException"
	Message string
	Status  int // HTTP status; 200 when it came in a stream
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code
	}
	return e.Code + ": " + e.Message
}

// IsCode reports whether err is an exception of that name.
func IsCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// Params is what a Client gets. All but HTTP and Now are required.
type Params struct {
	Endpoint        string // "http://127.0.0.1:8484"
	Region          string
	AccessKeyID     string
	SecretAccessKey iam.Secret
	HTTP            *http.Client // nil: one without a time limit of its own
	Now             func() time.Time
}

// Client calls one server in one region. It is safe for concurrent use.
type Client struct {
	p      Params
	signer sigv4.Signer
}

// New returns a Client. It opens nothing.
func New(p Params) *Client {
	if p.HTTP == nil {
		// No proxy stands between this machine and its own server.
		p.HTTP = &http.Client{Transport: &http.Transport{}}
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	return &Client{p, sigv4.Signer{AccessKeyID: p.AccessKeyID, Secret: p.SecretAccessKey, Region: p.Region, Service: signingName}}
}

// Region is the region whose resources the client sees.
func (c *Client) Region() string { return c.p.Region }

// Endpoint is the address that the client calls.
func (c *Client) Endpoint() string { return c.p.Endpoint }

// Call makes one request and decodes the answer into out, unless that is nil.
// The path is as it goes over the wire, escaped where it must be.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	response, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the answer: %w", c.lost(ctx, err))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("understand the answer to %s %s: %w", method, path, err)
	}
	return nil
}

// Stream makes one request and calls event for each event of the answer, in
// order, with the name of the union's member and its JSON, which is valid until
// event returns. begin gets the headers of the answer before that. An exception
// in the stream is an *Error.
func (c *Client) Stream(ctx context.Context, path string, in any, begin func(http.Header), event func(name string, payload []byte) error) error {
	response, err := c.do(ctx, http.MethodPost, path, in)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	begin(response.Header)
	frames := eventstream.NewDecoder(response.Body, eventstream.Limits{})
	for {
		frame, err := frames.Decode()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the stream: %w", c.lost(ctx, err))
		}
		switch frame.Text(eventstream.NameMessageType) {
		case eventstream.MessageEvent:
			if err := event(frame.Text(eventstream.NameEventType), frame.Payload); err != nil {
				return err
			}
		case eventstream.MessageException:
			name := frame.Text(eventstream.NameExceptionType)
			return &Error{Code: strings.ToUpper(name[:min(1, len(name))]) + name[min(1, len(name)):], Message: messageIn(frame.Payload), Status: response.StatusCode}
		default:
			return &Error{Code: frame.Text(eventstream.NameErrorCode), Message: frame.Text(eventstream.NameErrorMessage), Status: response.StatusCode}
		}
	}
}

// do sends a signed request and returns an answer that is no error.
func (c *Client) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.p.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	c.signer.Sign(request, sha256.Sum256(body), c.p.Now())
	response, err := c.p.HTTP.Do(request)
	if err != nil {
		return nil, c.lost(ctx, err)
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close()
		return nil, c.exception(ctx, response)
	}
	return response, nil
}

// lost finds in an error of the network what a caller may want to know: that the
// server is not there, or that it was and went away.
func (c *Client) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err // the caller gave up
	}
	var network *net.OpError
	switch on := errors.As(err, &network); {
	case on && network.Op == "dial":
		return fmt.Errorf("%w at %s", ErrNoServer, c.p.Endpoint)
	case on && !network.Timeout(), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w to %s", ErrHungUp, c.p.Endpoint)
	}
	return err
}

// exception reads an answer that is an error.
func (c *Client) exception(ctx context.Context, response *http.Response) error {
	const enough = 1 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err != nil {
		return fmt.Errorf("read the answer: %w", c.lost(ctx, err))
	}
	code, _, _ := strings.Cut(response.Header.Get("X-Amzn-Errortype"), ":")
	if code == "" {
		code = response.Status
	}
	return &Error{Code: code, Message: messageIn(body), Status: response.StatusCode}
}

// messageIn finds the message of an exception; its key's case tells which layer
// of the service answered.
func messageIn(body []byte) string {
	var e struct {
		Message string `json:"message"` // encoding/json ignores the case
	}
	_ = json.Unmarshal(body, &e) // a body that is no JSON has no message
	return e.Message
}
