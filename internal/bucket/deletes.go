package bucket

import (
	"bytes"
	"crypto/md5" //nolint:gosec // what S3 wants the body to be named by
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// maxDeletes is how many objects a DeleteObjects may name.
const maxDeletes = 1000

// deletion is the body of a DeleteObjects.
type deletion struct {
	XMLName xml.Name       `xml:"Delete"`
	Objects []deleteObject `xml:"Object"`
	Quiet   bool           `xml:"Quiet,omitempty"`
}

// deleteObject is one object that it names. What else may be said of one are
// conditions, which the gateway does not keep.
type deleteObject struct {
	Key       string `xml:"Key"`
	VersionID string `xml:"VersionId,omitempty"`
	ETag      string `xml:"ETag,omitempty"`
	Size      string `xml:"Size,omitempty"`
	Modified  string `xml:"LastModifiedTime,omitempty"`
}

// deleteError says that one object was not deleted.
type deleteError struct {
	XMLName   xml.Name `xml:"Error"`
	Key       string   `xml:"Key"`
	VersionID string   `xml:"VersionId,omitempty"`
	Code      string   `xml:"Code"`
	Message   string   `xml:"Message"`
}

// deletes asks for every object that a DeleteObjects names, and leaves those in
// its body that the sender may delete. The gateway gets what was read here, so
// that it cannot read anything else into it. answered is true when none is left
// and errors are all there is to say.
func (s *Server) deletes(x *exchange, out *http.Request) (answered bool, err error) {
	if s.p.Signatures == nil {
		return false, nil
	}
	text, err := x.plain(out)
	if err != nil {
		return false, err
	}
	d, err := parseDeletion(text)
	if err != nil {
		return false, err
	}
	kept := d.Objects[:0]
	values := x.values(out)
	for _, o := range d.Objects {
		action := "DeleteObject"
		if o.VersionID != "" {
			action = "DeleteObjectVersion"
		}
		err := s.ask(x, out, action, "arn:aws:s3:::"+x.target.bucket+"/"+o.Key, values)
		switch {
		case err == nil:
			kept = append(kept, o)
		case fault.Is(err, fault.Denied):
			x.refused = append(x.refused, deleteError{Key: o.Key, VersionID: o.VersionID, Code: "AccessDenied", Message: fault.As(err).Message})
		default:
			return false, err
		}
	}
	d.Objects = kept
	if len(kept) == 0 {
		return true, nil
	}
	return false, x.replace(out, d)
}

func parseDeletion(text []byte) (*deletion, error) {
	malformed := fail(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema.")
	var d deletion
	if err := xml.Unmarshal(text, &d); err != nil { //nolint:gosec // strings and a flag, of a bounded text
		return nil, malformed.because(err)
	}
	if len(d.Objects) == 0 || len(d.Objects) > maxDeletes {
		return nil, malformed
	}
	d.XMLName = xml.Name{Space: s3Namespace, Local: "Delete"}
	return &d, nil
}

const s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// plain reads the body of a request, within maxDocument, as it is inside of any
// chunks, and verifies it.
func (x *exchange) plain(out *http.Request) ([]byte, error) {
	if x.payload == sigv4.PayloadEvents {
		return nil, fail(http.StatusBadRequest, "InvalidArgument", "The x-amz-content-sha256 header does not fit the operation.")
	}
	var body io.Reader = out.Body
	if x.payload.Chunked() || x.payload == sigv4.PayloadUnsignedTrailer {
		dropChunkedEncoding(out.Header)
		body = x.identity.Body(x.credential, out)
	}
	text, err := io.ReadAll(io.LimitReader(body, maxDocument+1))
	switch {
	case err != nil:
		return nil, failureOf(err)
	case len(text) > maxDocument:
		return nil, fail(http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too big.")
	case x.payload != sigv4.PayloadHash:
		return text, nil
	}
	if sum := sha256.Sum256(text); x.hash != hex.EncodeToString(sum[:]) {
		return nil, fail(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return text, nil
}

// replace makes d the body. It has been read: what wrap finds is the plain one.
func (x *exchange) replace(out *http.Request, d *deletion) error {
	text, err := xml.Marshal(d)
	if err != nil {
		return internal(err)
	}
	h := out.Header
	for name := range h {
		if strings.HasPrefix(name, "X-Amz-Checksum-") || strings.HasPrefix(name, "X-Amz-Sdk-Checksum-") {
			h.Del(name)
		}
	}
	h.Del("X-Amz-Trailer")
	h.Del(decodedLength)
	digest := md5.Sum(text) //nolint:gosec // as above
	h.Set("Content-MD5", base64.StdEncoding.EncodeToString(digest[:]))
	sum := sha256.Sum256(text)
	x.payload, x.hash = sigv4.PayloadHash, hex.EncodeToString(sum[:])
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return nil
}

// refusals are the errors of what was left out of a DeleteObjects, as XML.
func (x *exchange) refusals() ([]byte, error) {
	var b bytes.Buffer
	e := xml.NewEncoder(&b)
	for _, r := range x.refused {
		if err := e.Encode(r); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// answerRefusals answers a DeleteObjects that deletes nothing.
func (x *exchange) answerRefusals(w http.ResponseWriter) error {
	errs, err := x.refusals()
	if err != nil {
		return internal(err)
	}
	text := append([]byte(xml.Header+`<DeleteResult xmlns="`+s3Namespace+`">`), errs...)
	text = append(text, "</DeleteResult>"...)
	x.outcome.Status = http.StatusOK
	x.send(w, http.StatusOK, text)
	return nil
}

// addRefusals puts the errors into the gateway's answer.
func (x *exchange) addRefusals(response *http.Response) error {
	if len(x.refused) == 0 || response.StatusCode != http.StatusOK {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxDocument))
	if err != nil {
		return err
	}
	errs, err := x.refusals()
	if err != nil {
		return err
	}
	end := bytes.LastIndex(text, []byte("</DeleteResult>"))
	if end < 0 {
		// The gateway closed it in one tag, or says something else.
		if text = bytes.TrimSuffix(bytes.TrimSpace(text), []byte("/>")); !bytes.Contains(text, []byte("<DeleteResult")) {
			return internal(nil)
		}
		text = append(append(append(text, '>'), errs...), "</DeleteResult>"...)
	} else {
		text = append(append(append([]byte{}, text[:end]...), errs...), text[end:]...)
	}
	closer := response.Body
	response.Body = &part{Reader: bytes.NewReader(text), Closer: closer}
	response.ContentLength = int64(len(text))
	response.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}
