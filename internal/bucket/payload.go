package bucket

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/sigv4"
)

const (
	contentHash = "X-Amz-Content-Sha256"
	// decodedLength is the length of what is inside of chunks. The gateway
	// believes it where there are none, too, and reserves so much on the disk.
	decodedLength = "X-Amz-Decoded-Content-Length"
	// maxObject is how large a body may be, in bytes; S3's own limit.
	maxObject = 5 << 30
)

// sign signs a request for the gateway. What its hash header says of the body
// stays true.
func (c *process) sign(r *http.Request) {
	now := time.Now() // the gateway looks at the real clock
	switch declared := r.Header.Get(contentHash); declared {
	case "", "UNSIGNED-PAYLOAD":
		c.signer.SignPayload(r, sigv4.PayloadUnsigned, now)
	case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
		c.signer.SignPayload(r, sigv4.PayloadUnsignedTrailer, now)
	default:
		var hash [sha256.Size]byte
		if n, err := hex.Decode(hash[:], []byte(declared[:min(len(declared), 2*sha256.Size)])); err != nil || n != sha256.Size {
			c.signer.SignPayload(r, sigv4.PayloadUnsigned, now)
			return
		}
		c.signer.Sign(r, hash, now)
	}
}

// body is a request's body on its way, with the error that ended it: the
// gateway's connection breaks then, and nobody would know why.
type body struct {
	io.Reader
	io.Closer

	mu  sync.Mutex
	err error
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.mu.Lock()
		b.err = err
		b.mu.Unlock()
	}
	return n, err
}

// failure returns the error that ended the body; nil: none has.
func (b *body) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// wrap makes the body of out one that the gateway can check without the
// client's key. Hashed and unsigned ones are that already. Chunks that are
// signed are verified and lose their signatures; the checksum in the trailer,
// which the gateway keeps with the object, stays.
func (x *exchange) wrap(out *http.Request) error {
	sent := *out // with the body as it comes
	x.body = &body{Reader: out.Body, Closer: out.Body}
	out.Body = x.body
	if x.payload == sigv4.PayloadHash {
		out.Header.Del(decodedLength)
		out.Header.Set(contentHash, x.hash)
		return x.needLength(out)
	}
	if x.payload == sigv4.PayloadUnsigned {
		out.Header.Del(decodedLength)
		out.Header.Set(contentHash, "UNSIGNED-PAYLOAD")
		return x.needLength(out)
	}
	if x.payload == sigv4.PayloadEvents {
		return fail(http.StatusBadRequest, "InvalidArgument", "The x-amz-content-sha256 header does not fit the operation.")
	}
	dropChunkedEncoding(out.Header)
	length, err := strconv.ParseInt(out.Header.Get(decodedLength), 10, 64)
	switch {
	case err != nil || length < 0:
		return fail(http.StatusLengthRequired, "MissingContentLength", "You must provide the x-amz-decoded-content-length HTTP header.").because(err)
	case length > maxObject:
		return fail(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
	case x.payload == sigv4.PayloadUnsignedTrailer && out.ContentLength >= 0:
		out.Header.Set(contentHash, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
		return nil
	}
	chunks := x.identity.Body(x.credential, &sent)
	trailer := strings.ToLower(strings.TrimSpace(out.Header.Get("X-Amz-Trailer")))
	if size, ok := trailerSizes[trailer]; ok && x.payload != sigv4.PayloadChunked {
		framed := &framer{in: chunks, left: length, trailer: trailer}
		x.body.Reader = framed
		out.ContentLength = framedLength(length, len(trailer)+len(":")+size+len("\r\n"))
		out.Header.Set(contentHash, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
		return nil
	}
	x.body.Reader = chunks
	out.ContentLength = length
	out.Header.Set(contentHash, "UNSIGNED-PAYLOAD")
	out.Header.Del(decodedLength)
	out.Header.Del("X-Amz-Trailer")
	return nil
}

// needLength refuses a body of unknown length, as S3 does.
func (x *exchange) needLength(out *http.Request) error {
	if out.ContentLength < 0 {
		return fail(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	return nil
}

// dropChunkedEncoding removes what is not the object's own encoding.
func dropChunkedEncoding(h http.Header) {
	var kept []string
	for _, value := range h.Values("Content-Encoding") {
		for encoding := range strings.SplitSeq(value, ",") {
			if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "aws-chunked") {
				kept = append(kept, encoding)
			}
		}
	}
	h.Del("Content-Encoding")
	if len(kept) > 0 {
		h.Set("Content-Encoding", strings.Join(kept, ","))
	}
}

// trailerSizes are the lengths of the checksums that a trailer may carry, in
// base64.
var trailerSizes = map[string]int{
	"x-amz-checksum-crc32": 8, "x-amz-checksum-crc32c": 8, "x-amz-checksum-crc64nvme": 12,
	"x-amz-checksum-sha1": 28, "x-amz-checksum-sha256": 44,
}

// frameSize is the size of the chunks that framer makes. The gateway wants no
// smaller ones than 8 KiB, except for the last.
const frameSize = 64 << 10

// framedLength is how long a body is once it is framed, so that it can be
// announced before it is read.
func framedLength(length int64, trailer int) int64 {
	whole, rest := length/frameSize, length%frameSize
	total := whole * int64(len(fmt.Sprintf("%x\r\n", frameSize))+frameSize+len("\r\n"))
	if rest > 0 {
		total += int64(len(fmt.Sprintf("%x\r\n", rest))) + rest + int64(len("\r\n"))
	}
	return total + int64(len("0\r\n")+trailer+len("\r\n"))
}

// framer puts a body into aws-chunked framing without signatures.
type framer struct {
	in interface {
		io.Reader
		Trailer(name string) string
	}
	left    int64 // of the body
	trailer string
	out     bytes.Buffer
	ended   bool
}

// Read implements io.Reader.
func (f *framer) Read(p []byte) (int, error) {
	for f.out.Len() == 0 {
		if f.ended {
			return 0, io.EOF
		}
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	return f.out.Read(p)
}

func (f *framer) next() error {
	if f.left > 0 {
		size := min(f.left, frameSize)
		fmt.Fprintf(&f.out, "%x\r\n", size)
		if _, err := io.CopyN(&f.out, f.in, size); err != nil {
			f.out.Reset()
			return err
		}
		f.out.WriteString("\r\n")
		f.left -= size
		return nil
	}
	// The end is verified before it is passed on.
	if _, err := io.Copy(io.Discard, f.in); err != nil {
		return err
	}
	fmt.Fprintf(&f.out, "0\r\n%s:%s\r\n\r\n", f.trailer, f.in.Trailer(f.trailer))
	f.ended = true
	return nil
}

// maxConfiguration bounds the body that says how to make a bucket.
const maxConfiguration = 64 << 10

// location is the part of it that the gateway compares with its own region;
// here every region is as good as another.
var location = regexp.MustCompile(`(?s)<(?:\w+:)?LocationConstraint(?:\s[^>]*)?(?:/>|>.*?</(?:\w+:)?LocationConstraint\s*>)`)

// relocate reads the body of a CreateBucket and takes the region out of it.
func (x *exchange) relocate(out *http.Request) error {
	text, err := io.ReadAll(io.LimitReader(out.Body, maxConfiguration+1))
	switch {
	case err != nil:
		return failureOf(err)
	case len(text) > maxConfiguration:
		return fail(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema.")
	}
	if declared := out.Header.Get(contentHash); len(declared) == 2*sha256.Size {
		if sum := sha256.Sum256(text); !strings.EqualFold(declared, hex.EncodeToString(sum[:])) {
			return fail(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
		}
	}
	changed := location.ReplaceAll(text, nil)
	if len(changed) != len(text) {
		out.Header.Del("Content-MD5")
		for name := range out.Header {
			if strings.HasPrefix(name, "X-Amz-Checksum-") || strings.HasPrefix(name, "X-Amz-Sdk-Checksum-") {
				out.Header.Del(name)
			}
		}
	}
	sum := sha256.Sum256(changed)
	out.Header.Set(contentHash, hex.EncodeToString(sum[:]))
	out.ContentLength = int64(len(changed))
	x.body.Reader = bytes.NewReader(changed)
	return nil
}
