package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	region = "us-east-1"

	// The signing names.
	bedrock = "bedrock"
	objects = "s3"

	// costHeader tells the server's own microseconds for a unary call: the time
	// from the request's arrival to its answer, without the backend's.
	costHeader = "X-Outcrop-Server-Microseconds"
)

// call posts a signed request to an operation of bedrock-runtime. The caller
// closes the body.
func (s *server) call(ctx context.Context, model, operation, body string) (*http.Response, error) {
	// Model IDs have colons, which clients escape in the path.
	return s.send(ctx, bedrock, http.MethodPost, "/model/"+strings.ReplaceAll(model, ":", "%3A")+"/"+operation, body)
}

// send makes a signed request and returns an answer that is no error. The caller
// closes the body.
func (s *server) send(ctx context.Context, service, method, path, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	sign(req, service, path, body, time.Now())
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) // for the message
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return resp, nil
}

// api calls an operation that speaks JSON both ways. A nil in has no body.
func (s *server) api(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	resp, err := s.send(ctx, bedrock, method, path, string(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// put makes a bucket or an object.
func (s *server) put(ctx context.Context, path, body string) error {
	resp, err := s.send(ctx, objects, http.MethodPut, path, body)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// embed has a text embedded, and throws the vector away.
func (s *server) embed(ctx context.Context, text string) error {
	body, err := json.Marshal(map[string]string{"inputText": text})
	if err != nil {
		return err
	}
	resp, err := s.call(ctx, embeddingModel, "invoke", string(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// sign adds an AWS Signature Version 4. The bench has its own, so that it sees
// the server as any client does.
func sign(req *http.Request, service, path, body string, at time.Time) {
	stamp := at.UTC().Format("20060102T150405Z")
	day := stamp[:8]
	req.Header.Set("X-Amz-Date", stamp)
	headers := "content-type:" + req.Header.Get("Content-Type") + "\nhost:" + req.URL.Host + "\n"
	signed := "content-type;host;"
	if service == objects {
		req.Header.Set("X-Amz-Content-Sha256", hash(body))
		headers += "x-amz-content-sha256:" + hash(body) + "\n"
		signed += "x-amz-content-sha256;"
	} else {
		path = strings.ReplaceAll(path, "%", "%25") // the canonical path is escaped once more, but for S3
	}
	headers += "x-amz-date:" + stamp + "\n"
	signed += "x-amz-date"
	canonical := strings.Join([]string{req.Method, path, "", headers, signed, hash(body)}, "\n")
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
