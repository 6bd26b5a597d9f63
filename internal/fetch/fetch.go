// Package fetch downloads files so that nothing is lost when a download stops:
// it resumes, tries again, checks size and digest, and puts a file in place
// only when it is whole.
//
// It knows no registry and no model hub; packages pack and library ask it with
// addresses they have found out. It is the one place that opens connections
// for them, so that Params.Offline is enforced here. Addresses in errors, notes
// and logs have no credentials and no query, because both may be secret.
//
// Invariants: Job.Path exists only complete and verified; what has arrived of
// it is in Job.Path + ".part" and stays there for the next try, also after a
// full disk. A download never takes the last of a disk, whatever a server sends
// (see Params.Reserve). Two calls for the same Path must not run at once: callers hold a
// lock (see Lock).
package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/outbound"
	"github.com/outcrop/outcrop/internal/progress"
)

// Params are the parts of a Client that have a default.
type Params struct {
	HTTP     *http.Client  // nil: that of package outbound, without a limit on the whole download
	Progress progress.Sink // nil: progress.Silent
	Logger   *slog.Logger  // nil: nothing is logged
	Offline  bool          // every request is refused
	// Retries is how many tries in a row may bring nothing; a try that brought
	// bytes starts the count again. 0 is 5, negative is none.
	Retries int
	// Wait blocks before try number try (1, 2, …). nil: 0.5 s, doubling up to 15 s.
	Wait func(ctx context.Context, try int) error
	// Stall ends a try that has brought no byte for so long. 0 is one minute.
	Stall time.Duration
	// Reserve is how many bytes a download leaves free on its disk: it stops, as
	// on a full disk, before it takes them. 0 is 256 MiB, negative is none.
	Reserve int64
	// Free returns the free bytes of the disk that holds a directory, -1 when
	// they are not known. nil: asks the operating system.
	Free func(dir string) int64
}

// Client downloads. It is safe for concurrent use.
type Client struct {
	http     *http.Client
	progress progress.Sink
	log      *slog.Logger
	offline  bool
	retries  int
	wait     func(context.Context, int) error
	stall    time.Duration
	reserve  int64
	free     func(dir string) int64
	open     func(path string) (partFile, error) // a test fills the disk here
}

// partFile is what a download needs of *os.File.
type partFile interface {
	io.Reader
	io.Writer
	io.Seeker
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// New returns a Client.
func New(p Params) *Client {
	c := &Client{progress: p.Progress, log: p.Logger, offline: p.Offline, retries: p.Retries, wait: p.Wait, stall: p.Stall, reserve: p.Reserve, free: p.Free}
	if p.HTTP == nil {
		p.HTTP = outbound.New(outbound.Params{Offline: p.Offline}).Client()
	}
	httpClient := *p.HTTP
	if httpClient.CheckRedirect == nil {
		httpClient.CheckRedirect = checkRedirect
	}
	c.http = &httpClient
	if c.progress == nil {
		c.progress = progress.Silent{}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.retries == 0:
		c.retries = 5
	case c.retries < 0:
		c.retries = 0
	}
	if c.wait == nil {
		c.wait = backoff
	}
	if c.stall == 0 {
		c.stall = time.Minute
	}
	if c.reserve == 0 {
		c.reserve = 256 << 20
	}
	if c.free == nil {
		c.free = freeSpace
	}
	c.open = func(path string) (partFile, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644) }
	return c
}

// Progress returns the Sink the client reports to.
func (c *Client) Progress() progress.Sink { return c.progress }

// WithProgress returns a client like this one that reports to another Sink.
func (c *Client) WithProgress(sink progress.Sink) *Client {
	other := *c
	other.progress = sink
	return &other
}

// Free returns the bytes that may still be written below a directory, -1 when they
// are not known.
func Free(dir string) int64 { return freeSpace(dir) }

// Offline reports whether the client refuses every request.
func (c *Client) Offline() bool { return c.offline }

func backoff(ctx context.Context, try int) error {
	delay := 500 * time.Millisecond << min(try-1, 5)
	timer := time.NewTimer(min(delay, 15*time.Second))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// checkRedirect keeps a download that began encrypted encrypted.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("more than 10 redirects")
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errors.New("redirected from https to " + req.URL.Scheme)
	}
	return nil
}

// StatusError is the cause of an error that an HTTP status stands for.
type StatusError struct {
	Code int
}

// Error implements error.
func (e *StatusError) Error() string {
	return strconv.Itoa(e.Code) + " " + http.StatusText(e.Code)
}

// Status returns the HTTP status that caused err, or 0.
func Status(err error) int {
	if status, ok := errors.AsType[*StatusError](err); ok {
		return status.Code
	}
	return 0
}

// Redact returns an address without user, password, query and fragment, fit
// for errors and logs.
func Redact(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "(an address that cannot be read)"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// Document is a small answer.
type Document struct {
	URL    *url.URL // where it came from after redirects
	Header http.Header
	Body   []byte
}

// Document gets a small document, of limit bytes at most, with retries. Faults:
// NotFound, Denied (401, 403), Unavailable (no connection, other statuses),
// Invalid (too long, an address that is none).
func (c *Client) Document(ctx context.Context, address string, header http.Header, limit int64) (*Document, error) {
	var doc *Document
	err := c.retry(ctx, address, func(ctx context.Context, _ func()) (bool, error) {
		resp, err := c.get(ctx, address, header)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return false, statusFault(address, resp)
		}
		var body bytes.Buffer
		if _, err := io.Copy(&body, io.LimitReader(resp.Body, limit+1)); err != nil {
			return false, transient(address, err)
		}
		if int64(body.Len()) > limit {
			return false, fault.New(fault.Invalid, "%s is longer than %s", Redact(address), progress.Bytes(limit))
		}
		doc = &Document{URL: resp.Request.URL, Header: resp.Header, Body: body.Bytes()}
		return true, nil
	})
	return doc, err
}

// get sends one request. The caller closes the body.
func (c *Client) get(ctx context.Context, address string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil || req.URL.Host == "" {
		return nil, fault.New(fault.Invalid, "%s cannot be read as an address", Redact(address))
	}
	maps.Copy(req.Header, header)
	// A compressed transfer would make offsets and digests mean something else.
	req.Header.Set("Accept-Encoding", "identity")
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "outcrop")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, transient(address, err)
	}
	return resp, nil
}

// retry calls attempt until it is done, fails for good, or has failed too often
// without progress. attempt calls advanced when bytes have arrived.
func (c *Client) retry(ctx context.Context, address string, attempt func(ctx context.Context, advanced func()) (bool, error)) error {
	if c.offline {
		return fault.New(fault.Unavailable, "offline: %s is not asked", Redact(address))
	}
	for try := 1; ; try++ {
		done, err := attempt(ctx, func() { try = 1 })
		if err == nil && done {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var again *transientError
		if err != nil && !errors.As(err, &again) {
			return err
		}
		if try > c.retries {
			return err
		}
		c.log.InfoContext(ctx, "download interrupted", "address", Redact(address), "try", try, "error", err)
		c.progress.Note(fmt.Sprintf("%s; trying again", fault.As(err).Message))
		if err := c.wait(ctx, try); err != nil {
			return err
		}
	}
}

// transientError marks a failure that another try may not meet.
type transientError struct{ cause error }

func (e *transientError) Error() string { return e.cause.Error() }
func (e *transientError) Unwrap() error { return e.cause }

// transient makes the fault for a connection that failed. The text of a
// url.Error is left out since it repeats the whole address.
func transient(address string, err error) error {
	if urlError, ok := errors.AsType[*url.Error](err); ok {
		err = urlError.Err
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fault.Wrap(fault.Unavailable, err, "%s shows a certificate that this machine does not trust (%v); name your CA in SSL_CERT_FILE", Redact(address), certificate.Err)
	}
	return fault.Wrap(fault.Unavailable, &transientError{err}, "no answer from %s (%v)", Redact(address), err)
}

func statusFault(address string, resp *http.Response) error {
	cause := error(&StatusError{resp.StatusCode})
	kind := fault.Unavailable
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound || code == http.StatusGone:
		kind = fault.NotFound
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		kind = fault.Denied
	case code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500:
		cause = &transientError{cause}
	}
	return fault.Wrap(kind, cause, "%s answered %d %s", Redact(address), resp.StatusCode, http.StatusText(resp.StatusCode))
}
