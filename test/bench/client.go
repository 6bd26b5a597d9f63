package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	region  = "us-east-1"
	service = "bedrock"

	// costHeader tells the server's own microseconds for a unary call: the time
	// from the request's arrival to its answer, without the backend's.
	costHeader = "X-Outcrop-Server-Microseconds"
)

// call posts a signed request to an operation of bedrock-runtime. The caller
// closes the body.
func (s *server) call(ctx context.Context, model, operation, body string) (*http.Response, error) {
	// Model IDs have colons, which clients escape in the path.
	path := "/model/" + strings.ReplaceAll(model, ":", "%3A") + "/" + operation
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	sign(req, path, body, time.Now())
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) // for the message
		return nil, fmt.Errorf("%s: %s: %s", operation, resp.Status, text)
	}
	return resp, nil
}

// sign adds an AWS Signature Version 4. The bench has its own, so that it sees
// the server as any client does.
func sign(req *http.Request, path, body string, at time.Time) {
	stamp := at.UTC().Format("20060102T150405Z")
	day := stamp[:8]
	req.Header.Set("X-Amz-Date", stamp)
	const signed = "content-type;host;x-amz-date"
	canonical := strings.Join([]string{
		req.Method,
		strings.ReplaceAll(path, "%", "%25"), // the canonical path is escaped once more
		"",
		"content-type:" + req.Header.Get("Content-Type"),
		"host:" + req.URL.Host,
		"x-amz-date:" + stamp,
		"",
		signed,
		hash(body),
	}, "\n")
	scope := strings.Join([]string{day, region, service, "aws4_request"}, "/")
	key := []byte("AWS4" + secretKey)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	signature := hex.EncodeToString(mac(key, strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hash(canonical)}, "\n")))
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+accessKey+"/"+scope+", SignedHeaders="+signed+", Signature="+signature)
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, s string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(s))
	return m.Sum(nil)
}

// frame is one frame of an event stream and when it had arrived.
type frame struct {
	at    time.Time
	event string // "contentBlockDelta", or the exception's name
}

// readFrames reads a whole stream. It looks at lengths and the event's name
// only: whether frames are right is the tests' business.
func readFrames(r io.Reader, now func() time.Time) ([]frame, error) {
	const overhead = 16 // prelude, its checksum, the message's checksum
	var frames []frame
	for {
		var prelude [12]byte
		if _, err := io.ReadFull(r, prelude[:]); errors.Is(err, io.EOF) {
			return frames, nil
		} else if err != nil {
			return nil, err
		}
		total, headers := binary.BigEndian.Uint32(prelude[:]), binary.BigEndian.Uint32(prelude[4:])
		if total < overhead || total > 16<<20 || headers > total-overhead {
			return nil, fmt.Errorf("frame of %d bytes with %d bytes of headers", total, headers)
		}
		rest := make([]byte, total-uint32(len(prelude)))
		if _, err := io.ReadFull(r, rest); err != nil {
			return nil, err
		}
		frames = append(frames, frame{now(), eventName(rest[:headers])})
	}
}

// eventName finds the string header that names the event.
func eventName(headers []byte) string {
	for _, name := range []string{":event-type", ":exception-type"} {
		_, value, ok := bytes.Cut(headers, append([]byte(name), 7)) // 7: a string
		if !ok || len(value) < 2 {
			continue
		}
		n := int(binary.BigEndian.Uint16(value))
		if len(value) >= 2+n {
			return string(value[2 : 2+n])
		}
	}
	return ""
}
