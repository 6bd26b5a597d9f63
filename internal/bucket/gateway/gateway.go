// Package gateway is the child process that holds the buckets: an S3 server
// (Versity's gateway, with its posix backend) over one folder, for one caller.
//
// It is a process of its own for two reasons. The posix backend changes the
// working directory of the process to the folder of the buckets, which a server
// with relative paths in its configuration could not bear, nor two servers in
// one process. And a server that nobody asks for an object does not pay for it.
//
// It listens on a unix socket alone and knows one credential, which package
// bucket made up for this process and signs everything with that it passes on.
// Who may do what is decided there; nothing here sees a key of a client.
//
// The end of standard input ends the process.
package gateway

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"
)

// Config is what the process is told, as one line of JSON on standard input.
type Config struct {
	Dir     string // holds a folder for each bucket; absolute
	SideCar string // holds the objects' attributes where Dir's file system has none; absolute
	Socket  string // to listen on; absolute
	Region  string // that every request is signed for
	// AccessKeyID is also the owner of every bucket, for the protocol has no
	// other name for one: it is the account.
	AccessKeyID string
	Secret      string
}

// Ready is the line on standard output that says that the socket is there.
const Ready = "ready"

const (
	// RequestIDHeader carries the id under which the server logs a request.
	RequestIDHeader = "X-Outcrop-Request-Id"
	// ContentTypeHeader carries the type of an object. In its own header the
	// library would take the body of one type for a form, parse it before
	// anybody is asked, and keep an empty object.
	ContentTypeHeader = "X-Outcrop-Content-Type"
)

// Exit codes of Main.
const (
	ExitOK     = 0
	ExitConfig = 3 // the first line is no Config
	ExitServe  = 4 // the folder or the socket cannot be used
)

const (
	// maxRequests is how many may be in flight; one more is told to slow down.
	maxRequests = 1024
	// maxFileActions is how many may be at work. An upload is at work for as long
	// as its client takes, so a smaller number would let slow clients keep all
	// others waiting.
	maxFileActions = maxRequests
	// ioBuffer is how much of an object is in memory for each of them, in bytes.
	ioBuffer = 256 << 10
	// maxCopy is how large an object may be that is copied at once, in bytes, and
	// maxParts how many one may be put together of; both are S3's limits.
	maxCopy  = 5 << 30
	maxParts = 10_000
)

// Main serves one folder over the process's own standard files and returns the
// exit code.
func Main(stdin, stdout, stderr *os.File) int {
	// The server decides when this process ends: a signal to the whole group
	// reaches both, and requests in flight are still to be answered.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	// What the library prints is no answer to the server.
	os.Stdout = stderr
	in := bufio.NewReader(stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		if errors.Is(err, io.EOF) {
			return ExitOK // the server has gone before it could say anything
		}
		fmt.Fprintln(stderr, "read the configuration:", err)
		return ExitConfig
	}
	var cfg Config
	if err := json.Unmarshal(line, &cfg); err != nil {
		fmt.Fprintln(stderr, "read the configuration: it is not JSON") // the cause would show the secret
		return ExitConfig
	}
	if err := serve(cfg, in, stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return ExitServe
	}
	return ExitOK
}

// serve runs until the input ends.
func serve(cfg Config, in io.Reader, out io.Writer) error {
	attributes, sideCar, err := attributesOf(cfg.Dir, cfg.SideCar)
	if err != nil {
		return err
	}
	options := posix.PosixOpts{SideCarDir: sideCar, Concurrency: maxFileActions, IOBufferSize: ioBuffer, CopyObjectThreshold: maxCopy}
	options.SetNewDirPerm(0o700)
	options.SetNewFilePerm(0o600)
	backend, err := posix.New(cfg.Dir, attributes, options)
	if err != nil {
		return fmt.Errorf("open the folder of the buckets: %w", err)
	}
	defer backend.Shutdown()
	utils.SetBucketNameValidationStrict(true)
	root := auth.Account{Access: cfg.AccessKeyID, Secret: cfg.Secret, Role: auth.RoleAdmin}
	server, err := s3api.New(
		&guarded{Backend: backend, dir: cfg.Dir}, middlewares.RootUserConfig{Access: root.Access, Secret: root.Secret}, cfg.Region, auth.NewIAMServiceSingle(root),
		nil, nil, nil, nil, // no access log, no administration, no events, no metrics: the server has its own
		s3api.WithQuiet(), s3api.WithKeepAlive(), s3api.WithDisableACL(),
		s3api.WithConcurrencyLimiter(maxRequests, maxRequests), s3api.WithMpMaxParts(maxParts),
		s3api.WithMiddleware("/", adoptRequestID), s3api.WithMiddleware("/", adoptContentType), s3api.WithMiddleware("/", wholeBody),
		s3api.WithOnListen(func() { fmt.Fprintln(out, Ready) }),
	)
	if err != nil {
		return fmt.Errorf("make the S3 server: %w", err)
	}
	served := make(chan error, 1)
	go func() { served <- server.ServeMultiPort([]string{socketAddress(cfg)}) }()
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, in) // nothing more is said; the end is what counts
		close(ended)
	}()
	select {
	case err := <-served:
		return fmt.Errorf("listen on the socket: %w", err)
	case <-ended:
		err := server.ShutDown()
		// A server that was killed cannot remove the socket's folder. The library
		// leaves the socket where it is told to end as soon as it listens.
		_ = os.Remove(cfg.Socket)
		_ = os.Remove(filepath.Dir(cfg.Socket))
		return err
	}
}

// adoptRequestID gives a request the id of the server's log in place of one
// that nobody would find anywhere.
func adoptRequestID(ctx fiber.Ctx) error {
	if id := ctx.Get(RequestIDHeader); id != "" {
		utils.ContextKeyRequestID.Set(ctx, id)
		ctx.Set(utils.HeaderAmzRequestID, id)
	}
	return ctx.Next()
}

// adoptContentType puts the type of an object where the library looks for it.
func adoptContentType(ctx fiber.Ctx) error {
	if as := ctx.Get(ContentTypeHeader); as != "" {
		ctx.Request().Header.SetContentType(as)
	}
	return ctx.Next()
}

// wholeBody makes of a body that breaks off an error: the library takes it for
// one that ends there, and would keep half an object. It reads what an early
// answer left of a body, too, for the library closes the connection where that
// is much, and the answer would be lost with it. Who sends is our own server,
// which has set the limits.
func wholeBody(ctx fiber.Ctx) error {
	stream, length := ctx.Request().BodyStream(), int64(ctx.Request().Header.ContentLength())
	if stream == nil || length <= 0 {
		return ctx.Next()
	}
	utils.ContextKeyBodyReader.Set(ctx, &exact{stream: stream, left: length})
	err := ctx.Next()
	if stream = ctx.Request().BodyStream(); stream != nil { // it is gone where the body was read as a whole
		_, _ = io.Copy(io.Discard, stream) // a client that is gone has no use for the answer
	}
	return err
}

// exact is a stream that has to be as long as was said.
type exact struct {
	stream io.Reader
	left   int64
}

// Read implements io.Reader.
func (e *exact) Read(p []byte) (int, error) {
	n, err := e.stream.Read(p)
	if e.left -= int64(n); errors.Is(err, io.EOF) && e.left > 0 {
		err = s3err.GetAPIError(s3err.ErrIncompleteBody) // the library takes io.ErrUnexpectedEOF for an end
	}
	return n, err
}

// socketAddress writes the socket's path so that the library takes it for one:
// on Windows a path with a drive looks like host and port. The working
// directory is the folder of the buckets by now.
func socketAddress(cfg Config) string {
	if runtime.GOOS != "windows" {
		return cfg.Socket
	}
	if relative, err := filepath.Rel(cfg.Dir, cfg.Socket); err == nil {
		return relative
	}
	return cfg.Socket
}

// attributesOf chooses where the attributes of objects are kept: with the files
// where the file system can, otherwise in a folder of their own. Once there is
// such a folder it stays in use, or what is in it would be lost.
func attributesOf(dir, sideCar string) (meta.MetadataStorer, string, error) {
	if _, err := os.Stat(sideCar); errors.Is(err, os.ErrNotExist) && hasAttributes(dir) {
		return sparing{meta.XattrMeta{}}, "", nil
	}
	if err := os.MkdirAll(sideCar, 0o700); err != nil {
		return nil, "", fmt.Errorf("make the folder of the objects' attributes: %w", err)
	}
	store, err := meta.NewSideCar(sideCar)
	if err != nil {
		return nil, "", fmt.Errorf("open the folder of the objects' attributes: %w", err)
	}
	return store, sideCar, nil
}

// hasAttributes tries: that a file system can be asked for an attribute does
// not mean that it can keep one.
func hasAttributes(dir string) bool {
	probe, err := os.CreateTemp(dir, ".attributes-")
	if err != nil {
		return false
	}
	err = meta.XattrMeta{}.StoreAttribute(probe, "", "", "outcrop", []byte("1"))
	_ = probe.Close()           // nothing is in it
	_ = os.Remove(probe.Name()) // an empty file beside the buckets harms nobody
	return err == nil
}
