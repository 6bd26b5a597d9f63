package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
)

const (
	// maxChunk bounds what has to be held in memory until its signature is
	// checked. Clients send 64 KiB to 1 MiB.
	maxChunk = 16 << 20
	// maxChunkLine bounds a chunk header and a trailer line.
	maxChunkLine = 4 << 10
	// maxTrailers bounds the number of trailer lines.
	maxTrailers = 16
)

// Body returns the contents of an aws-chunked body (c.Payload.Chunked), read
// from r.Body, as a reader that gives no byte of a signed chunk before its
// signature is verified. At the end it checks the announced length, the trailer
// signature and the checksums in the trailer. Its errors are faults, or those of
// r.Body. An Identity without a chain (the zero one) verifies no chunks.
func (id *Identity) Body(c *Credential, r *http.Request) *BodyReader {
	d := &BodyReader{
		in:       bufio.NewReaderSize(r.Body, maxChunkLine),
		expected: -1,
		trailer:  c.Payload != PayloadChunked,
	}
	if id.Chain != nil {
		d.chain, d.previous = id.Chain, id.Chain.seed
		d.key = id.Chain.SigningKey(id.Chain.time)
	}
	if text := r.Header.Get("X-Amz-Decoded-Content-Length"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			d.err = malformed("x-amz-decoded-content-length is not a length")
		}
		d.expected = n
	}
	if d.trailer {
		for name := range strings.SplitSeq(r.Header.Get("X-Amz-Trailer"), ",") {
			if sum := newChecksum(strings.ToLower(strings.TrimSpace(name))); sum != nil {
				d.sums = append(d.sums, sum)
			}
		}
	}
	return d
}

// BodyReader undoes aws-chunked framing. It is not safe for concurrent use.
type BodyReader struct {
	in       *bufio.Reader
	chain    *Chain // nil when the chunks are not signed
	key      [32]byte
	previous string // signature of the part before

	expected int64 // decoded length, -1 when not announced
	seen     int64
	trailer  bool
	sums     []*checksum

	verified bytes.Buffer // the rest of a signed chunk
	open     int64        // bytes left of an unsigned chunk
	err      error
}

// Trailer returns the checksum of the trailer by its header name, in lower case
// and as it was sent, once Read has returned io.EOF; an empty one when it has
// none that is known here.
func (d *BodyReader) Trailer(name string) string {
	for _, sum := range d.sums {
		if sum.name == name {
			return sum.sent
		}
	}
	return ""
}

// Read implements io.Reader.
func (d *BodyReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for d.verified.Len() == 0 && d.open == 0 && d.err == nil {
		d.err = d.next()
	}
	switch {
	case d.verified.Len() > 0:
		return d.verified.Read(p)
	case d.open > 0:
		return d.readOpen(p)
	}
	return 0, d.err
}

// readOpen reads from the unsigned chunk that is open.
func (d *BodyReader) readOpen(p []byte) (int, error) {
	if int64(len(p)) > d.open {
		p = p[:d.open]
	}
	n, err := d.in.Read(p)
	d.account(p[:n])
	if d.open -= int64(n); d.open == 0 && err == nil {
		err = d.lineEnd()
	}
	if err != nil {
		d.open, d.err = 0, cutOff(err)
		if n > 0 {
			return n, nil
		}
	}
	return n, d.err
}

// next reads one chunk header and, of a signed chunk, the data. It returns
// io.EOF after a complete and correct end.
func (d *BodyReader) next() error {
	line, err := d.line()
	if err != nil {
		return err
	}
	digits, extension, _ := strings.Cut(line, ";")
	size, err := strconv.ParseUint(digits, 16, 62)
	if err != nil {
		return malformed("a chunk has no size")
	}
	if d.expected >= 0 && d.seen+int64(size) > d.expected {
		return malformed("the chunks are longer than x-amz-decoded-content-length says")
	}
	if d.chain == nil {
		if size == 0 {
			return d.end()
		}
		d.open = int64(size)
		return nil
	}
	signature, ok := strings.CutPrefix(extension, "chunk-signature=")
	if !ok {
		return malformed("a chunk has no signature")
	}
	if size > maxChunk {
		return malformed("a chunk is larger than 16 MiB")
	}
	// CopyN grows the buffer with what arrives, not with what is announced.
	d.verified.Reset()
	if _, err := io.CopyN(&d.verified, d.in, int64(size)); err != nil {
		d.verified.Reset()
		return cutOff(err)
	}
	sum := sha256.Sum256(d.verified.Bytes())
	if err := d.check(signature, Algorithm+"-PAYLOAD", EmptyHash+"\n"+hex.EncodeToString(sum[:])); err != nil {
		d.verified.Reset() // nothing of a chunk that nobody vouches for
		return err
	}
	if size == 0 {
		return d.end()
	}
	d.account(d.verified.Bytes())
	if err := d.lineEnd(); err != nil {
		d.verified.Reset()
		return err
	}
	return nil
}

// check verifies the signature of one part and makes it the predecessor of the
// next. what are the last lines of the string to sign.
func (d *BodyReader) check(signature, algorithm, what string) error {
	t := d.chain.time
	toSign := algorithm + "\n" + t.Format(timeFormat) + "\n" + d.chain.Scope(t) + "\n" + d.previous + "\n" + what
	if subtle.ConstantTimeCompare([]byte(hexMAC(d.key, toSign)), []byte(signature)) != 1 {
		return invalid("%s", mismatchText)
	}
	d.previous = signature
	return nil
}

// end reads what follows the last chunk.
func (d *BodyReader) end() error {
	if d.expected >= 0 && d.seen != d.expected {
		return malformed("the chunks are shorter than x-amz-decoded-content-length says")
	}
	if !d.trailer {
		if err := d.lineEnd(); err != nil && !errors.Is(err, errCut) {
			return err // some clients leave the last line end out
		}
		return io.EOF
	}
	var canonical strings.Builder
	signature := ""
	for lines := 0; ; lines++ {
		line, err := d.line()
		if errors.Is(err, errCut) {
			break // as above
		}
		if err != nil {
			return err
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || lines == maxTrailers {
			return malformed("the trailer is not a list of headers")
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if name == "x-amz-trailer-signature" {
			signature = value
			continue
		}
		canonical.WriteString(name + ":" + value + "\n")
		for _, sum := range d.sums {
			if sum.name == name {
				sum.sent = value
			}
		}
	}
	if d.chain != nil {
		sum := sha256.Sum256([]byte(canonical.String()))
		if err := d.check(signature, Algorithm+"-TRAILER", hex.EncodeToString(sum[:])); err != nil {
			return err
		}
	}
	for _, sum := range d.sums {
		if err := sum.check(); err != nil {
			return err
		}
	}
	return io.EOF
}

func (d *BodyReader) account(data []byte) {
	d.seen += int64(len(data))
	for _, sum := range d.sums {
		sum.hash.Write(data)
	}
}

// line reads up to a line end, which is not returned.
func (d *BodyReader) line() (string, error) {
	line, err := d.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", malformed("a line is too long")
	case err != nil:
		return "", cutOff(err)
	}
	return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
}

func (d *BodyReader) lineEnd() error {
	line, err := d.line()
	if err == nil && line != "" {
		err = malformed("a chunk does not end where it says")
	}
	return err
}

// errCut marks a body that ended too early.
var errCut = errors.New("unexpected end of body")

// cutOff classifies a read error: an early end is the client's mistake, the
// rest belongs to whoever gave the body.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Wrap(fault.Invalid, errCut, "The aws-chunked request body ended too early.")
	}
	return err
}

func malformed(what string) error {
	return fault.New(fault.Invalid, "The aws-chunked request body is malformed: %s.", what)
}
