package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/progress"
)

// Job is one file to download.
type Job struct {
	Title  string // what the progress calls it
	URL    string
	Header http.Header // such as Authorization; not sent on to another host
	Path   string      // where the file goes; its directory exists
	Size   int64       // bytes; 0 not known
	Digest Digest      // zero: not known
}

// Digest is the expected hash of a file: "sha256" or "sha512" and the sum in
// lower-case hex.
type Digest struct {
	Algorithm string
	Hex       string
}

// SHA256 returns the Digest of a sum in hex, as hubs give it, with or without
// "sha256:" in front.
func SHA256(sum string) (Digest, error) {
	sum = strings.ToLower(strings.TrimPrefix(sum, "sha256:"))
	if raw, err := hex.DecodeString(sum); err != nil || len(raw) != sha256.Size {
		return Digest{}, fault.New(fault.Invalid, "a SHA-256 sum has 64 hexadecimal digits, this is none: %.80q", sum)
	}
	return Digest{"sha256", sum}, nil
}

// Integrity returns the Digest of a subresource integrity string, as npm gives
// it: "sha512-" or "sha256-" and base64.
func Integrity(s string) (Digest, error) {
	algorithm, sum, _ := strings.Cut(s, "-")
	raw, err := base64.StdEncoding.DecodeString(sum)
	size := map[string]int{"sha256": sha256.Size, "sha512": sha512.Size}[algorithm]
	if err != nil || size == 0 || len(raw) != size {
		return Digest{}, fault.New(fault.Invalid, "cannot read the integrity value %.120q", s)
	}
	return Digest{algorithm, hex.EncodeToString(raw)}, nil
}

// IsZero reports whether no digest is known.
func (d Digest) IsZero() bool { return d.Hex == "" }

// String returns "sha256:…", or the empty string.
func (d Digest) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Algorithm + ":" + d.Hex
}

func (d Digest) hash() hash.Hash {
	if d.Algorithm == "sha512" {
		return sha512.New()
	}
	return sha256.New()
}

// Result is a finished download.
type Result struct {
	Size   int64
	Digest Digest // computed; of Job.Digest's algorithm, SHA-256 when that is zero
}

// File downloads a job, going on where an earlier try stopped. Faults as
// Document, and Invalid when size or digest are not the expected ones, and
// Unavailable when the disk is full; the latter leaves what has arrived for the
// next try.
func (c *Client) File(ctx context.Context, job Job) (Result, error) {
	d := &download{client: c, job: job, part: job.Path + ".part", hash: job.Digest.hash(), size: job.Size}
	if d.size == 0 {
		d.size = -1
	}
	if c.offline {
		return Result{}, fault.New(fault.Unavailable, "offline: %s is not downloaded", job.Title)
	}
	file, err := c.open(d.part)
	if err != nil {
		return Result{}, DiskFault(err, "cannot write %s", d.part)
	}
	defer file.Close()
	d.file = file
	if err := d.recall(); err != nil {
		return Result{}, err
	}
	d.bar = c.progress.Begin(job.Title, d.size)
	result, err := d.run(ctx)
	d.bar.End(err)
	if err != nil && d.have == 0 {
		// Nothing that another try could go on from. Remainders do no harm.
		_ = d.file.Close()
		_ = os.Remove(d.part)
		_ = os.Remove(d.part + ".json")
	}
	return result, err
}

type download struct {
	client *Client
	job    Job
	part   string
	file   partFile
	hash   hash.Hash
	have   int64 // bytes in file, all of them in hash
	size   int64 // -1 not known
	memo   memo
	room   int64 // bytes that may be written before the disk is asked again
	bar    progress.Bar
}

// memo is kept beside a part: what it is a part of. The address is hashed as it
// may hold a secret.
type memo struct {
	Address   string `json:"address"`
	Digest    string `json:"digest,omitempty"`
	Validator string `json:"validator,omitempty"` // strong ETag or Last-Modified
}

func (d *download) run(ctx context.Context) (Result, error) {
	for restarted := d.have == 0; ; restarted = true {
		if d.size < 0 || d.have < d.size {
			if err := d.client.retry(ctx, d.job.URL, d.attempt); err != nil {
				return Result{}, err
			}
		}
		got := Digest{d.job.Digest.Algorithm, hex.EncodeToString(d.hash.Sum(nil))}
		if got.Algorithm == "" {
			got.Algorithm = "sha256"
		}
		if d.job.Digest.IsZero() || got == d.job.Digest {
			return Result{Size: d.have, Digest: got}, d.finish()
		}
		if err := d.reset(); err != nil {
			return Result{}, err
		}
		// A part left by an earlier run may be what is wrong: once more from
		// the start. A download in one piece that is wrong stays wrong.
		if restarted {
			return Result{}, fault.New(fault.Invalid, "%s from %s is not the expected file: its digest is %s, expected %s; nothing was kept",
				d.job.Title, Redact(d.job.URL), got, d.job.Digest)
		}
		d.client.progress.Note(d.job.Title + ": the part from an earlier download was damaged; starting again")
	}
}

// recall takes over what an earlier run left, when it belongs to this job.
func (d *download) recall() error {
	address := sha256.Sum256([]byte(d.job.URL))
	d.memo = memo{Address: hex.EncodeToString(address[:]), Digest: d.job.Digest.String()}
	var old memo
	raw, err := os.ReadFile(d.part + ".json")
	if err == nil {
		err = json.Unmarshal(raw, &old)
	}
	switch {
	case err == nil && !d.job.Digest.IsZero() && old.Digest == d.memo.Digest:
	case err == nil && d.job.Digest.IsZero() && old.Address == d.memo.Address && old.Validator != "":
		d.memo.Validator = old.Validator
	default:
		return d.reset()
	}
	n, err := io.Copy(d.hash, d.file)
	if err != nil {
		return DiskFault(err, "cannot read %s", d.part)
	}
	d.have = n
	if d.size >= 0 && d.have > d.size {
		return d.reset()
	}
	return nil
}

func (d *download) reset() error {
	d.hash.Reset()
	d.have = 0
	d.memo.Validator = ""
	if err := d.file.Truncate(0); err != nil {
		return DiskFault(err, "cannot write %s", d.part)
	}
	_, err := d.file.Seek(0, io.SeekStart)
	return err
}

func (d *download) writeMemo() error {
	raw, err := json.Marshal(d.memo)
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.part+".json", raw, 0o644); err != nil {
		return DiskFault(err, "cannot write beside %s", d.part)
	}
	return nil
}

func (d *download) finish() error {
	if err := d.file.Sync(); err != nil {
		return DiskFault(err, "cannot write %s", d.part)
	}
	if err := d.file.Close(); err != nil {
		return DiskFault(err, "cannot write %s", d.part)
	}
	if err := os.Rename(d.part, d.job.Path); err != nil {
		return DiskFault(err, "cannot put %s in place", filepath.Base(d.job.Path))
	}
	// Left behind it does no harm: recall compares what it says.
	_ = os.Remove(d.part + ".json")
	return nil
}

// attempt makes one request and takes what it brings.
func (d *download) attempt(ctx context.Context, advanced func()) (bool, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(d.client.stall, func() { cancel(errStalled) })
	defer stalled.Stop()

	header := d.job.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if d.have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", d.have))
		if d.memo.Validator != "" {
			header.Set("If-Range", d.memo.Validator)
		}
	}
	resp, err := d.client.get(ctx, d.job.URL, header)
	if err != nil {
		return false, d.stallCause(ctx, err)
	}
	defer resp.Body.Close()
	if done, err := d.begin(resp); done || err != nil {
		return done, err
	}
	buffer := make([]byte, 128<<10)
	for {
		n, readErr := resp.Body.Read(buffer)
		if n > 0 {
			stalled.Reset(d.client.stall)
			if d.size >= 0 && d.have+int64(n) > d.size {
				return false, fault.New(fault.Invalid, "%s sent more than the %d bytes that it announced", Redact(d.job.URL), d.size)
			}
			if err := d.write(buffer[:n]); err != nil {
				return false, err
			}
			advanced()
			d.bar.Set(d.have)
		}
		switch {
		case readErr == io.EOF && (d.size < 0 || d.have == d.size):
			return true, nil
		case readErr == io.EOF:
			return false, transient(d.job.URL, io.ErrUnexpectedEOF)
		case readErr != nil:
			return false, d.stallCause(ctx, transient(d.job.URL, readErr))
		}
	}
}

var errStalled = errors.New("nothing arrived for too long")

func (d *download) stallCause(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return transient(d.job.URL, errStalled)
	}
	return err
}

// roomStep is how much is written between two looks at the disk. It is small
// beside the reserve, so that several downloads at once do not use that up.
const roomStep = 16 << 20

var errReserve = errors.New("the rest of the disk is kept free")

// checkRoom stops a download before the disk is full. It is not asked for each
// write: that would be a system call for every 128 KiB.
func (d *download) checkRoom(n int) error {
	if d.room -= int64(n); d.room >= 0 || d.client.reserve < 0 {
		return nil
	}
	free := d.client.free(filepath.Dir(d.part))
	if free < 0 {
		d.room = roomStep
		return nil
	}
	left := free - d.client.reserve - int64(n)
	if left < 0 {
		d.room = 0
		return d.full(errReserve)
	}
	d.room = min(left, roomStep)
	return nil
}

func (d *download) write(p []byte) error {
	if err := d.checkRoom(len(p)); err != nil {
		return err
	}
	n, err := d.file.Write(p)
	d.hash.Write(p[:n])
	d.have += int64(n)
	if err != nil {
		if diskFull(err) {
			return d.full(err)
		}
		return DiskFault(err, "cannot write %s", d.part)
	}
	return nil
}

func (d *download) full(err error) error {
	of := ""
	if d.size > 0 {
		of = " of " + progress.Bytes(d.size)
	}
	state := "is full"
	if errors.Is(err, errReserve) {
		state = "would have less than " + progress.Bytes(d.client.reserve) + " left"
	}
	return fault.Wrap(fault.Unavailable, err, "the disk that holds %s %s: %s%s of %s have arrived and are kept; free some space and start again, and the download goes on from there",
		filepath.Dir(d.part), state, progress.Bytes(d.have), of, d.job.Title)
}

// begin reads the head of an answer: where its bytes belong and how many the
// whole file has. done means that the part was complete already.
func (d *download) begin(resp *http.Response) (done bool, err error) {
	var total int64
	switch resp.StatusCode {
	case http.StatusPartialContent:
		first, size, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || first != d.have {
			if err := d.reset(); err != nil {
				return false, err
			}
			return false, transient(d.job.URL, errors.New("the answer is not the range that was asked for"))
		}
		total = size
	case http.StatusOK:
		if d.have > 0 {
			if err := d.reset(); err != nil {
				return false, err
			}
		}
		total = resp.ContentLength
		if total < 0 && d.job.Size == 0 {
			d.size = -1
		}
	case http.StatusRequestedRangeNotSatisfiable:
		_, size, _ := contentRange(resp.Header.Get("Content-Range"))
		if size > 0 && size == d.have {
			return true, nil
		}
		if err := d.reset(); err != nil {
			return false, err
		}
		return false, transient(d.job.URL, errors.New("the file has become shorter"))
	default:
		return false, statusFault(d.job.URL, resp)
	}
	if total >= 0 {
		if d.job.Size > 0 && total != d.job.Size {
			return false, fault.New(fault.Invalid, "%s has %d bytes where %d were expected", Redact(d.job.URL), total, d.job.Size)
		}
		d.size = total
		d.bar.Total(total)
	}
	d.memo.Validator = validator(resp.Header)
	d.bar.Set(d.have)
	return false, d.writeMemo()
}

func validator(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return h.Get("Last-Modified")
}

// contentRange reads "bytes 5-9/10" and "bytes */10"; size is -1 for "*".
func contentRange(s string) (first, size int64, ok bool) {
	span, total, found := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	if !found {
		return 0, -1, false
	}
	size = -1
	if total != "*" {
		n, err := strconv.ParseInt(total, 10, 64)
		if err != nil || n < 0 {
			return 0, -1, false
		}
		size = n
	}
	from, _, _ := strings.Cut(span, "-")
	first, err := strconv.ParseInt(from, 10, 64)
	return first, size, err == nil
}
