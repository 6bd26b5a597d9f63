package bucket

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/bucket/gateway"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// serverName is what S3 calls itself in its answers.
const serverName = "AmazonS3"

// exchange is one request on its way.
type exchange struct {
	requestID string
	method    string
	target    target
	outcome   *Outcome

	payload    sigv4.Payload
	hash       string // of the body as it was declared, for PayloadHash
	credential *sigv4.Credential
	identity   *sigv4.Identity
	body       *body
	now        time.Time
	byURL      bool          // without a header that only a program sends: a browser may show what is answered
	refused    []deleteError // of a DeleteObjects, for the answer
	source     *source       // of a copy, as it was decided on
	// absent says whether the sender may know that an object is not there; nil
	// for requests that read none.
	absent func() error
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// Serve answers a request in S3's words, with bodies of any length. requestID is
// what client and log know it by. What becomes of it is in o, also when the
// answer is torn by http.ErrAbortHandler.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, requestID string, o *Outcome) {
	x := &exchange{requestID: requestID, method: r.Method, target: parseTarget(r, s.p.Domain), outcome: o, now: s.p.Now(), byURL: r.Header.Get("Authorization") == ""}
	out, err := s.prepare(x, r)
	if err == nil && out == nil {
		err = x.answerRefusals(w)
		if err == nil {
			return
		}
	}
	if err != nil {
		if r.Header.Get("Expect") == "" && r.ContentLength > 0 {
			// A client that finds the connection closed while it writes would
			// never read the answer. One that waits to be told does.
			_, _ = io.CopyN(io.Discard, r.Body, mostDrained) // as above
		}
		x.fail(w, failureOf(err))
		return
	}
	if r.ContentLength == 0 && strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		// net/http says nothing to a client that announces an empty body, as it
		// may. botocore before 1.44 then takes the answer for that of its next
		// request, and waits for a minute.
		w.WriteHeader(http.StatusContinue)
	}
	s.proxy.ServeHTTP(&spelling{ResponseWriter: w}, out)
}

// maxDocument bounds a body that is no object but says what to do, in bytes. The
// gateway reads it whole and makes a tree of it; the largest honest one names the
// ten thousand parts of an upload with their checksums.
const maxDocument = 4 << 20

// mostDrained is how much of the body of a refused request is thrown away.
const mostDrained = 16 << 20

// spelling writes the names of headers as S3 does. The names of an object's own
// attributes are a part of them, and lower case for every client.
type spelling struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (s *spelling) WriteHeader(status int) {
	h := s.Header()
	for name, values := range h {
		if name == "Etag" {
			delete(h, name)
			h["ETag"] = values
		}
		if strings.HasPrefix(name, "X-Amz-") {
			delete(h, name)
			h[strings.ToLower(name)] = values
		}
	}
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what else the writer can do.
func (s *spelling) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// prepare decides whether the request is passed on, and makes what is; nil: all
// that is to be said is what was refused.
func (s *Server) prepare(x *exchange, r *http.Request) (*http.Request, error) {
	op := operationOf(r, &x.target)
	x.outcome.Operation, x.outcome.Resource = op.name, x.target.resource()
	if err := s.identify(x, r); err != nil {
		return nil, err
	}
	switch {
	case op.name == "":
		return nil, fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	case op.conflict != "":
		return nil, fail(http.StatusBadRequest, "InvalidArgument", "Conflicting query string parameters: "+op.conflict)
	case op.refused:
		return nil, notImplemented(op.name)
	case x.target.key != "" && !representable(x.target.key):
		return nil, fail(http.StatusBadRequest, "InvalidArgument", gateway.KeyRule)
	}
	if err := promise(op, x, r); err != nil {
		return nil, err
	}
	if err := s.authorize(x, r, op); err != nil {
		return nil, err
	}
	out := r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	out.Header = r.Header.Clone()
	if err := x.unsign(out.Header); err != nil {
		return nil, err
	}
	out.Header.Set(gateway.RequestIDHeader, x.requestID)
	if x.source != nil {
		out.Header.Set(copySource, x.source.String())
	}
	if op.name == "DeleteObjects" {
		if answered, err := s.deletes(x, out); err != nil || answered {
			return nil, err
		}
	}
	if err := x.wrap(out); err != nil {
		return nil, err
	}
	if op.name != "PutObject" && op.name != "UploadPart" && out.ContentLength > maxDocument {
		return nil, fail(http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too big.")
	}
	if op.name == "CreateBucket" {
		if err := x.relocate(out); err != nil {
			return nil, err
		}
	}
	out.URL = &url.URL{Scheme: "http", Host: "gateway", Opaque: x.target.path, RawQuery: x.target.rawQuery()}
	out.RequestURI, out.TransferEncoding = "", nil // the length is known by now
	return out, nil
}

// promise refuses what the gateway would say yes to and not do, or could never
// undo.
func promise(op operation, x *exchange, r *http.Request) error {
	switch lock := x.target.asked(r, "X-Amz-Bucket-Object-Lock-Enabled"); {
	case lock != "" && !strings.EqualFold(lock, "false"):
		return notImplemented("Object Lock")
	case x.target.asked(r, "X-Amz-Server-Side-Encryption-Customer-Algorithm") != "":
		return notImplemented("Encryption with a key of the client")
	case strings.HasPrefix(x.target.asked(r, "X-Amz-Server-Side-Encryption"), "aws:kms"):
		return notImplemented("Encryption with a key of AWS KMS")
	case !x.sharesByACL(r):
		return nil
	}
	// A bucket that is made today takes no ACLs at Amazon S3 either.
	switch op.name {
	case "CreateBucket":
		return fail(http.StatusBadRequest, "InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
	case "PutObject", "CopyObject", "CreateMultipartUpload":
		return fail(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
	}
	return nil
}

// sharesByACL reports whether a request wants others to have what it makes.
func (x *exchange) sharesByACL(r *http.Request) bool {
	switch x.target.asked(r, "X-Amz-Acl") {
	case "", "private", "bucket-owner-full-control", "bucket-owner-read":
	default:
		return true
	}
	for _, grant := range []string{"Full-Control", "Read", "Read-Acp", "Write", "Write-Acp"} {
		if x.target.asked(r, "X-Amz-Grant-"+grant) != "" {
			return true
		}
	}
	return false
}

// unsign takes the client's signature out of a request. Of a presigned URL it
// makes headers of what would have been headers.
func (x *exchange) unsign(h http.Header) error {
	// Connection names headers that a proxy leaves out: nobody has signed it,
	// and those that it may name are signed.
	for _, name := range []string{"Authorization", "X-Amz-Security-Token", "Expect", "Connection", gateway.RequestIDHeader, gateway.ContentTypeHeader} {
		h.Del(name)
	}
	if as := h.Get("Content-Type"); as != "" {
		h.Del("Content-Type")
		h.Set(gateway.ContentTypeHeader, as)
	}
	kept := x.target.query[:0]
	for _, p := range x.target.query {
		lower := strings.ToLower(p.name)
		switch {
		case strings.HasPrefix(lower, "x-amz-"):
			switch lower {
			case "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature",
				"x-amz-security-token", "x-amz-content-sha256":
			default:
				if !p.fitsHeader() {
					return fail(http.StatusBadRequest, "InvalidArgument", "The query has a parameter that stands for a header and cannot be one.")
				}
				if h.Get(p.name) == "" {
					h.Set(p.name, p.value)
				}
			}
		case p.name == oldKey, p.name == oldSignature, p.name == oldExpiration && !x.target.has("X-Amz-Signature"):
		default:
			kept = append(kept, p)
		}
	}
	x.target.query = kept
	return nil
}

// adjust changes an answer of the gateway into ours.
func adjust(response *http.Response) error {
	x := exchangeOf(response.Request.Context())
	h := response.Header
	h.Set("Server", serverName)
	for _, name := range []string{"X-Amz-Id-2", "X-Amz-Request-Id"} {
		if values := h[name]; len(values) > 1 {
			h[name] = values[:1] // the library says some things twice, and clients join them
		}
	}
	if h.Get("X-Amz-Bucket-Region") != "" && x.outcome.Region != "" {
		h.Set("X-Amz-Bucket-Region", x.outcome.Region) // a bucket is in every region
	}
	switch {
	case x.outcome.Principal.Type == iam.Anonymous:
		// Where nobody is checked, a page that is an object would be of the
		// same origin as the API, and its scripts could call it; and a page of
		// anybody could have an object for its script, which it then reads.
		h.Set("Content-Security-Policy", "sandbox")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
	case x.byURL && h.Get("Content-Type") != "application/pdf": // which runs nothing, and no browser shows in a sandbox
		// A page that is an object would be of the same origin as the console, and
		// its scripts could do there what the person may do who opens its URL. They
		// run, but as of no origin.
		h.Set("Content-Security-Policy", "sandbox allow-scripts allow-forms allow-modals allow-popups allow-downloads")
	}
	x.outcome.Status = response.StatusCode
	if err := x.addRefusals(response); err != nil {
		return err
	}
	if response.StatusCode < http.StatusBadRequest {
		return nil
	}
	x.outcome.Code = http.StatusText(response.StatusCode)
	head, err := io.ReadAll(io.LimitReader(response.Body, errorHead))
	if err != nil {
		return err
	}
	if _, after, ok := bytes.Cut(head, []byte("<Code>")); ok {
		if code, _, ok := bytes.Cut(after, []byte("</Code>")); ok {
			x.outcome.Code = string(code)
		}
	}
	if x.outcome.Operation == "CreateBucket" && x.outcome.Code == "BucketAlreadyOwnedByYou" && x.outcome.Region == usEast1 {
		return x.createdAgain(response)
	}
	response.Body = &part{Reader: io.MultiReader(bytes.NewReader(head), response.Body), Closer: response.Body}
	return x.hideAbsent(response)
}

// usEast1 is the region where a bucket can be created again by who owns it:
// Amazon S3 says yes there, and programs that begin with it are run twice.
const usEast1 = "us-east-1"

// createdAgain says that a bucket was created.
func (x *exchange) createdAgain(response *http.Response) error {
	x.outcome.Status, x.outcome.Code = http.StatusOK, ""
	response.StatusCode, response.Status = http.StatusOK, "200 OK"
	response.ContentLength = 0
	response.Header.Del("Content-Type")
	response.Header.Set("Content-Length", "0")
	response.Header.Set("Location", "/"+x.target.bucket)
	body := response.Body
	response.Body = http.NoBody
	return body.Close()
}

// part is a body that was begun to be read.
type part struct {
	io.Reader
	io.Closer
}

// errorHead is how much of an error is looked at for its code.
const errorHead = 1 << 10
