// Package authn joins the ways in which a request can say who sent it: a
// Signature Version 4 in a header or a presigned URL, an API key, or nothing at
// all where authentication has been switched off.
//
// It verifies nothing itself (packages sigv4 and apikey do) and decides no
// permission (package iam does). Package edge asks it twice: for the claim,
// before the body is read, and for the proof, after.
package authn

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/apikey"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/sigv4"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Claim is what a request says about its sender.
type Claim interface {
	// Region is the region that the request is for. A short-term API key tells
	// it only once it has been checked.
	Region() string
	// Service is the signing name in the credential scope; empty when the
	// request does not say.
	Service() string
	// Check refuses what can be refused before the body is read: a scope or a
	// kind of credential that the operation does not take, an unknown key, and
	// every proof that does not cover the body.
	Check(svc *schema.Service, op *schema.Operation) error
	// Verify proves the claim over the whole body and returns the sender and
	// the body without the framing that some signatures wrap it in. The body of
	// an operation whose input is an event stream is nil.
	Verify(body []byte) (iam.Principal, []byte, error)
	// Events returns the events of an input stream: those of the frames, or
	// what is inside of them where each frame is signed.
	Events(frames Frames) Frames
}

// Frames gives the frames of an event stream, io.EOF after the last;
// *eventstream.Decoder does.
type Frames interface {
	Decode() (*eventstream.Message, error)
}

// Params are the parts of an Authenticator; all are required.
type Params struct {
	Signatures *sigv4.Verifier
	APIKeys    *apikey.Verifier
	Now        func() time.Time
	// Region is that of requests which name none: long-term API keys, sent to
	// an address that is not a regional host name.
	Region string
}

// Authenticator makes claims of requests. It is safe for concurrent use.
type Authenticator struct{ p Params }

// New returns an Authenticator that insists on a credential.
func New(p Params) *Authenticator { return &Authenticator{p} }

// Claim reads who a request says it is from. Errors are fault.Unauthenticated
// or fault.Denied in AWS's words.
func (a *Authenticator) Claim(r *http.Request) (Claim, error) {
	if err := sigv4.CheckOnce(r); err != nil {
		return nil, err
	}
	if token, ok := apikey.FromRequest(r); ok {
		return &bearer{a: a, token: token, region: hostRegion(r.Host)}, nil
	}
	cred, err := sigv4.Parse(r)
	if err != nil {
		return nil, err
	}
	return &signed{a: a, cred: cred, r: r}, nil
}

type signed struct {
	a    *Authenticator
	cred *sigv4.Credential
	r    *http.Request
	id   *sigv4.Identity // once the signature has been verified
}

func (s *signed) Region() string  { return s.cred.Region }
func (s *signed) Service() string { return s.cred.Service }

func (s *signed) Check(svc *schema.Service, op *schema.Operation) (err error) {
	if !slices.Contains(svc.AlsoSigned, s.cred.Service) {
		if err := s.cred.CheckService(svc.SigningName); err != nil {
			return err
		}
	}
	// Events are signed one by one, or not at all; nothing else is: a payload
	// that nobody verifies would be as good as unsigned.
	if (s.cred.Payload == sigv4.PayloadEvents) != (op.InputStream != nil) && s.cred.Payload != sigv4.PayloadUnsigned {
		return fault.New(fault.Unauthenticated, "The x-amz-content-sha256 header does not fit the operation.").WithCode("InvalidSignatureException")
	}
	if s.cred.Payload.Hashed() {
		return s.a.p.Signatures.Check(s.cred)
	}
	s.id, err = s.a.p.Signatures.Verify(s.cred, s.r, [32]byte{})
	return err
}

func (s *signed) Verify(body []byte) (_ iam.Principal, _ []byte, err error) {
	if s.cred.Payload.Hashed() {
		if s.id, err = s.a.p.Signatures.Verify(s.cred, s.r, sigv4.BodyHash(body)); err != nil {
			return iam.Principal{}, nil, err
		}
	}
	if s.cred.Payload.Chunked() {
		framed := *s.r
		framed.Body = io.NopCloser(bytes.NewReader(body))
		if body, err = io.ReadAll(s.id.Body(s.cred, &framed)); err != nil {
			return iam.Principal{}, nil, err
		}
	}
	return s.id.Principal, body, nil
}

func (s *signed) Events(frames Frames) Frames {
	if s.cred.Payload != sigv4.PayloadEvents {
		return frames
	}
	return newSignedFrames(frames, s.id.Chain, s.a.p.Now)
}

type bearer struct {
	a      *Authenticator
	token  string
	region string
	id     apikey.Identity
}

func (b *bearer) Region() string {
	if b.region != "" {
		return b.region
	}
	return b.a.p.Region
}

func (b *bearer) Service() string { return "" }

func (b *bearer) Check(svc *schema.Service, op *schema.Operation) (err error) {
	schemes := op.Auth
	if len(schemes) == 0 {
		schemes = svc.Auth
	}
	if !apikey.Accepted(schemes) || op.InputStream != nil {
		return fault.New(fault.Denied, "API keys are not accepted by this operation. Sign the request instead.")
	}
	if b.id, err = b.a.p.APIKeys.Verify(b.token, b.region); err != nil {
		return err
	}
	b.region = b.id.Region
	return nil
}

func (b *bearer) Verify(body []byte) (iam.Principal, []byte, error) { return b.id.Principal, body, nil }
func (b *bearer) Events(frames Frames) Frames                       { return frames }

// Off is the Authenticator of a server that checks nobody. A request's claim is
// still read where there is one, so that its region counts.
type Off struct{ account, region string }

// NewOff returns it; account and region are those of every request that names
// none.
func NewOff(account, region string) *Off { return &Off{account, region} }

// Claim fails for requests that a web page may have made a browser send: those
// for a name that is not this machine's own, which is how a page gets around
// the rule of one origin, and those that come from another origin.
func (o *Off) Claim(r *http.Request) (Claim, error) {
	if !own(r.Host) {
		return nil, fault.New(fault.Denied, "Without authentication only requests for this machine's own names are answered.")
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || !own(u.Host) {
			return nil, fault.New(fault.Denied, "Without authentication requests of other origins are not answered.")
		}
	}
	c := open{Off: o, region: hostRegion(r.Host)}
	if cred, err := sigv4.Parse(r); err == nil {
		c.region, c.service = cred.Region, cred.Service
	}
	if c.region == "" {
		c.region = o.region
	}
	return c, nil
}

// own reports whether a host name can only be this machine: a loopback name or
// address, or a Bedrock name that has been redirected to it.
func own(host string) bool {
	name := hostName(host)
	if ip := net.ParseIP(strings.Trim(name, "[]")); ip != nil {
		return ip.IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") ||
		strings.HasPrefix(name, "bedrock") && hostRegion(host) != "" && (strings.HasSuffix(name, ".amazonaws.com") || strings.HasSuffix(name, ".api.aws"))
}

type open struct {
	*Off
	region, service string
}

func (o open) Region() string                                 { return o.region }
func (o open) Service() string                                { return o.service }
func (o open) Check(*schema.Service, *schema.Operation) error { return nil }
func (o open) Events(frames Frames) Frames                    { return frames }

func (o open) Verify(body []byte) (iam.Principal, []byte, error) {
	return iam.Principal{
		Type: iam.Anonymous, Account: o.account,
		ARN: "arn:aws:iam::" + o.account + ":user/anonymous", UserID: "ANONYMOUS",
	}, body, nil
}

var regional = regexp.MustCompile(`^[a-z0-9-]+\.([a-z]{2,}(?:-[a-z]+)+-[0-9]+)\.`)

// hostRegion reads the region of a host name such as
// bedrock-runtime.eu-central-1.amazonaws.com, which reaches Outcrop where names
// are redirected. It is empty for every other host.
func hostRegion(host string) string {
	if m := regional.FindStringSubmatch(hostName(host)); m != nil {
		return m[1]
	}
	return ""
}

// hostName is a host without its port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
