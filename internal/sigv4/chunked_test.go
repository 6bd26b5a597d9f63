package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
)

// chunkedUpload is the example of the S3 documentation ("Signature calculations:
// transferring a payload in multiple chunks"), with and without a trailer.
type chunkedUpload struct {
	payload   string
	signature string
	chunks    [3]string
	trailer   string
}

var documented = map[string]chunkedUpload{
	"chunks": {
		payload:   "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
		signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
		chunks: [3]string{
			"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
			"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
			"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
		},
	},
	"trailer": {
		payload:   "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
		signature: "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
		chunks: [3]string{
			"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
			"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
			"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
		},
		trailer: "x-amz-checksum-crc32c:sOO8/Q==\r\n" +
			"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n",
	},
}

func (u chunkedUpload) request() *http.Request {
	headers := "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class"
	length := "66824"
	h := http.Header{}
	if u.trailer != "" {
		headers = "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer"
		length = "66946"
		h.Set("X-Amz-Trailer", "x-amz-checksum-crc32c")
	}
	h.Set("Content-Length", length)
	h.Set("Content-Encoding", "aws-chunked")
	h.Set("X-Amz-Content-Sha256", u.payload)
	h.Set("X-Amz-Date", "20130524T000000Z")
	h.Set("X-Amz-Decoded-Content-Length", "66560")
	h.Set("X-Amz-Storage-Class", "REDUCED_REDUNDANCY")
	h.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="+
		headers+",Signature="+u.signature)
	return &http.Request{Method: "PUT", RequestURI: "/examplebucket/chunkObject.txt", Host: "s3.amazonaws.com", Header: h}
}

func (u chunkedUpload) body() string {
	var b strings.Builder
	for i, size := range []int{65536, 1024, 0} {
		fmt.Fprintf(&b, "%x;chunk-signature=%s\r\n", size, u.chunks[i])
		if size > 0 {
			b.WriteString(strings.Repeat("a", size) + "\r\n")
		}
	}
	return b.String() + u.trailer + "\r\n"
}

func (u chunkedUpload) open(t *testing.T, r *http.Request) io.Reader {
	t.Helper()
	v := New(Params{
		Keys: oneKey{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		Now:  func() time.Time { return time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC) }, Services: []string{"s3"},
	})
	c, err := Parse(r)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	if !c.Payload.Chunked() || c.Payload.Hashed() {
		t.Fatalf("got payload %d, want a chunked one", c.Payload)
	}
	id, err := v.Verify(c, r, [32]byte{})
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return id.Body(c, r)
}

func TestDocumentedChunks(t *testing.T) {
	t.Parallel()
	want := strings.Repeat("a", 66560)
	for name, u := range documented {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, wrap := range map[string]func(io.Reader) io.Reader{
				"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "early end": iotest.DataErrReader,
			} {
				r := u.request()
				r.Body = io.NopCloser(wrap(strings.NewReader(u.body())))
				got, err := io.ReadAll(u.open(t, r))
				if err != nil || string(got) != want {
					t.Errorf("%s: got %d bytes and error %v, want %d bytes", how, len(got), err, len(want))
				}
			}
		})
	}
}

func TestBadChunks(t *testing.T) {
	t.Parallel()
	plain, trailed := documented["chunks"], documented["trailer"]
	body := plain.body()
	cases := map[string]struct {
		upload chunkedUpload
		body   string
		code   string
		most   int // bytes that may be given out
	}{
		"changed data":      {plain, strings.Replace(body, "aaaa", "aaba", 1), "InvalidSignatureException", 0},
		"changed signature": {plain, strings.Replace(body, "ad80", "ad81", 1), "InvalidSignatureException", 0},
		"changed second":    {plain, strings.Replace(body, "0055627c", "1055627c", 1), "InvalidSignatureException", 65536},
		"changed end":       {plain, strings.Replace(body, "b6c6ea8a", "c6c6ea8a", 1), "InvalidSignatureException", 66560},
		"no signature":      {plain, strings.Replace(body, ";chunk-signature=", ";x=", 1), "", 0},
		"no size":           {plain, "x" + body, "", 0},
		"negative size":     {plain, "-1;chunk-signature=x\r\n", "", 0},
		"huge size":         {plain, "3fffffffffffffff;chunk-signature=x\r\n", "", 0},
		"cut in a chunk":    {plain, body[:1000], "", 0},
		"cut between":       {plain, body[:65536+87], "", 65536},
		"cut before end":    {plain, body[:len(body)-90], "", 66560},
		"empty":             {plain, "", "", 0},
		"endless line":      {plain, strings.Repeat("1", 10000), "", 0},
		"longer than said":  {plain, strings.Replace(body, "10000;", "10401;", 1), "", 0},
		"wrong line end":    {plain, strings.Replace(body, "a\r\n400", "a\rxn400", 1), "", 0},
		"shorter than said": {plain, "0;chunk-signature=" + plain.chunks[2] + "\r\n\r\n", "InvalidSignatureException", 0},
		"changed trailer":   {trailed, strings.Replace(trailed.body(), "sOO8", "sOO9", 1), "InvalidSignatureException", 66560},
		"no trailer":        {trailed, strings.Replace(trailed.body(), trailed.trailer, "", 1), "InvalidSignatureException", 66560},
		"not a header":      {trailed, strings.Replace(trailed.body(), "crc32c:", "crc32c ", 1), "", 66560},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := tc.upload.request()
			r.Body = io.NopCloser(strings.NewReader(tc.body))
			got, err := io.ReadAll(tc.upload.open(t, r))
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != tc.code {
				t.Fatalf("got error %v, want a fault with code %q", err, tc.code)
			}
			if tc.code == "" && f.Kind != fault.Invalid {
				t.Errorf("got kind %v, want %v", f.Kind, fault.Invalid)
			}
			if len(got) > tc.most {
				t.Errorf("got %d bytes before the error, want at most %d", len(got), tc.most)
			}
		})
	}
}

// TestUnsignedTrailer reads the form that clients use over TLS, with each
// checksum. The values are the published ones for "123456789" (the CRC
// catalogue; FIPS 180-4 implementations for the rest).
func TestUnsignedTrailer(t *testing.T) {
	t.Parallel()
	sums := map[string]string{
		"x-amz-checksum-crc32":     "y/Q5Jg==",                                     // cbf43926
		"x-amz-checksum-crc32c":    "4waSgw==",                                     // e3069283
		"x-amz-checksum-crc64nvme": "rosUhgp5mIg=",                                 // ae8b14860a799888
		"x-amz-checksum-sha1":      "98O8HYCOBHMq32eZZczDTKeuNEE=",                 // f7c3bc1d…
		"x-amz-checksum-sha256":    "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=", // 15e2b0d3…
	}
	for name, sum := range sums {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := func(body string) (string, error) {
				r := &http.Request{Method: "PUT", RequestURI: "/b/k", Host: "localhost", Header: http.Header{}}
				r.Header.Set("X-Amz-Trailer", name)
				r.Header.Set("X-Amz-Decoded-Content-Length", "9")
				signer := Signer{AccessKeyID: vectorKey, Secret: vectorSecret, Region: "us-east-1", Service: "s3"}
				signer.SignPayload(r, PayloadUnsignedTrailer, testTime)
				c, err := Parse(r)
				if err != nil {
					t.Fatal(err)
				}
				id, err := testVerifier("").Verify(c, r, [32]byte{})
				if err != nil {
					t.Fatal(err)
				}
				r.Body = io.NopCloser(strings.NewReader(body))
				got, err := io.ReadAll(id.Body(c, r))
				return string(got), err
			}
			good := "4\r\n1234\r\n5\r\n56789\r\n0\r\n" + name + ":" + sum + "\r\n\r\n"
			if got, err := read(good); got != "123456789" || err != nil {
				t.Errorf("got %q, error %v", got, err)
			}
			for what, bad := range map[string]string{
				"changed": strings.Replace(good, "1234\r", "1235\r", 1),
				"absent":  strings.Replace(good, name+":"+sum+"\r\n", "", 1),
			} {
				_, err := read(bad)
				var f *fault.Error
				if !errors.As(err, &f) || f.Code != "BadDigest" {
					t.Errorf("%s: got error %v, want BadDigest", what, err)
				}
			}
			if _, err := read(good[:10]); !fault.Is(err, fault.Invalid) {
				t.Errorf("cut off: got error %v, want an invalid one", err)
			}
		})
	}
}

// TestChunkedReadErrors checks that an error of the connection stays what it is.
func TestChunkedReadErrors(t *testing.T) {
	t.Parallel()
	u := documented["chunks"]
	broken := errors.New("connection reset")
	for _, at := range []int{0, 50, 1000, len(u.body()) - 100} {
		r := u.request()
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(u.body()[:at]), iotest.ErrReader(broken)))
		if _, err := io.ReadAll(u.open(t, r)); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: got error %v, want %v", at, err, broken)
		}
	}
}

func FuzzChunkedBody(f *testing.F) {
	for _, u := range documented {
		f.Add([]byte(u.body()), u.trailer != "")
	}
	f.Add([]byte("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"), true)
	secret := iam.Secret("s")
	f.Fuzz(func(t *testing.T, body []byte, signed bool) {
		id, c := &Identity{}, &Credential{Payload: PayloadUnsignedTrailer}
		if signed {
			id.Chain = &Chain{seed: "00", time: testTime, region: "us-east-1", service: "s3", secret: secret}
			c.Payload = PayloadChunkedTrailer
		}
		r := &http.Request{Header: http.Header{"X-Amz-Trailer": {"x-amz-checksum-crc32"}}, Body: io.NopCloser(bytes.NewReader(body))}
		got, err := io.ReadAll(id.Body(c, r))
		if len(got) > len(body) {
			t.Errorf("got %d bytes out of %d", len(got), len(body))
		}
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Errorf("got an unclassified error %v", err)
		}
	})
}

func TestPayloadNames(t *testing.T) {
	t.Parallel()
	if sum := sha256.Sum256(nil); EmptyHash != hex.EncodeToString(sum[:]) {
		t.Errorf("got EmptyHash %s, want %x", EmptyHash, sum)
	}
}
