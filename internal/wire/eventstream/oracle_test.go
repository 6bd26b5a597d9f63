package eventstream

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"
)

var testTime = time.Date(2026, 11, 20, 23, 59, 59, 123e6, time.UTC)

// The AWS SDK for Go reads what this package writes, byte for byte, and the
// other way round.
func TestSDKAgrees(t *testing.T) {
	t.Parallel()
	for _, name := range goldenCases(t, "positive") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			frame := readFile(t, "testdata/positive/encoded", name+".bin")
			var want jsonMessage
			if err := json.Unmarshal(readFile(t, "testdata/positive/decoded", name+".json"), &want); err != nil {
				t.Fatal(err)
			}
			m := fromJSON(t, want)
			decoded, err := sdk.NewDecoder().Decode(bytes.NewReader(frame), nil)
			if err != nil {
				t.Fatalf("the SDK does not read the frame: %v", err)
			}
			if !bytes.Equal(decoded.Payload, m.Payload) {
				t.Errorf("payload: got %q want %q", decoded.Payload, m.Payload)
			}
			sameTime := cmp.Comparer(func(a, b sdk.TimestampValue) bool { return time.Time(a).Equal(time.Time(b)) })
			if diff := cmp.Diff(sdkHeaders(m.Headers), decoded.Headers, sameTime); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			var again bytes.Buffer
			if err := sdk.NewEncoder().Encode(&again, decoded); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again.Bytes(), frame) {
				t.Errorf("encoded by the SDK: got %x want %x", again.Bytes(), frame)
			}
		})
	}
}

func sdkHeaders(in []Header) sdk.Headers {
	var out sdk.Headers
	for _, h := range in {
		var v sdk.Value
		switch n := h.Value.num; h.Value.Type() {
		case TypeTrue:
			v = sdk.BoolValue(true)
		case TypeFalse:
			v = sdk.BoolValue(false)
		case TypeByte:
			v = sdk.Int8Value(n)
		case TypeShort:
			v = sdk.Int16Value(n)
		case TypeInteger:
			v = sdk.Int32Value(n)
		case TypeLong:
			v = sdk.Int64Value(n)
		case TypeBytes:
			v = sdk.BytesValue(h.Value.bytes)
		case TypeString:
			v = sdk.StringValue(h.Value.str)
		case TypeTimestamp:
			v = sdk.TimestampValue(time.UnixMilli(n))
		case TypeUUID:
			id, _ := h.Value.UUID()
			v = sdk.UUIDValue(id)
		}
		out = append(out, sdk.Header{Name: h.Name, Value: v})
	}
	return out
}

// deriveKey is the Signature Version 4 key derivation, repeated here so that
// the chain can be compared with the SDK's signer.
func deriveKey(secret, day, region, service string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, region, service, "aws4_request"} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return key
}

func testKeys(day string) ([]byte, string, bool) {
	return deriveKey("secret", day, "us-east-1", "bedrock"), day + "/us-east-1/bedrock/aws4_request", true
}

// sdkSigned makes the signed frames as the SDK's clients do. The two messages
// lie on either side of midnight, so key and scope change in between.
func sdkSigned(t *testing.T, seed []byte, inner [][]byte) []byte {
	t.Helper()
	signer := v4.NewStreamSigner(aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}, "bedrock", "us-east-1", seed)
	var stream bytes.Buffer
	for i, payload := range inner {
		date := testTime.Add(time.Duration(i) * time.Second)
		headers := sdk.Headers{{Name: ":date", Value: sdk.TimestampValue(date)}}
		var encoded bytes.Buffer
		if err := sdk.EncodeHeaders(&encoded, headers); err != nil {
			t.Fatal(err)
		}
		sig, err := signer.GetSignature(context.Background(), encoded.Bytes(), payload, date)
		if err != nil {
			t.Fatal(err)
		}
		headers.Set(":chunk-signature", sdk.BytesValue(sig))
		if err := sdk.NewEncoder().Encode(&stream, sdk.Message{Headers: headers, Payload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	return stream.Bytes()
}

func TestSignedStream(t *testing.T) {
	t.Parallel()
	seed := bytes.Repeat([]byte{0xa5}, 32)
	first, err := Append(nil, EventHeaders("chunk", "application/json"), []byte(`{"bytes":"e30="}`))
	if err != nil {
		t.Fatal(err)
	}
	inner := [][]byte{first, []byte("second"), {}}
	want := sdkSigned(t, seed, inner)

	var got []byte
	signer := NewSigner(testKeys, seed)
	for i, payload := range inner {
		if got, err = signer.Append(got, testTime.Add(time.Duration(i)*time.Second), payload); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("signed stream: got %x want %x", got, want)
	}

	d := NewDecoder(bytes.NewReader(want), Limits{})
	v := NewVerifier(testKeys, seed)
	for i, payload := range inner {
		m, err := d.Decode()
		if err != nil {
			t.Fatal(err)
		}
		opened, date, err := v.Verify(m)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(opened, payload) {
			t.Errorf("message %d: got %q want %q", i, opened, payload)
		}
		if wantDate := testTime.Add(time.Duration(i) * time.Second); !date.Equal(wantDate) {
			t.Errorf("message %d: got date %v want %v", i, date, wantDate)
		}
	}
	last := Message{}
	if _, _, err := v.Verify(&last); err == nil || err.Error() != "eventstream: message after the end of the signed stream" {
		t.Errorf("after the end: got %v", err)
	}
}

func TestVerifierRefuses(t *testing.T) {
	t.Parallel()
	seed := bytes.Repeat([]byte{0xa5}, 32)
	sign := func(keys KeyFunc, seed []byte, date time.Time, payload string) *Message {
		frame, err := NewSigner(keys, seed).Append(nil, date, []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(frame)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	otherKey := func(day string) ([]byte, string, bool) {
		_, scope, ok := testKeys(day)
		return deriveKey("other", day, "us-east-1", "bedrock"), scope, ok
	}
	good := func() *Message { return sign(testKeys, seed, testTime, "payload") }
	for _, tc := range []struct {
		name string
		make func() *Message
		want string
	}{
		{"other key", func() *Message { return sign(otherKey, seed, testTime, "payload") },
			"eventstream: message signature does not match"},
		{"other seed", func() *Message { return sign(testKeys, make([]byte, 32), testTime, "payload") },
			"eventstream: message signature does not match"},
		{"payload changed", func() *Message { m := good(); m.Payload = []byte("Payload"); return m },
			"eventstream: message signature does not match"},
		{"date changed", func() *Message {
			m := good()
			m.Headers[0].Value = Timestamp(testTime.Add(time.Millisecond))
			return m
		}, "eventstream: message signature does not match"},
		{"header added", func() *Message {
			m := good()
			m.Headers = append(m.Headers, Header{"extra", Bool(true)})
			return m
		}, "eventstream: message signature does not match"},
		{"signature cut", func() *Message {
			m := good()
			sig, _ := m.Headers[1].Value.Bytes()
			m.Headers[1].Value = Bytes(sig[:31])
			return m
		}, "eventstream: message signature does not match"},
		{"no date", func() *Message { m := good(); m.Headers = m.Headers[1:]; return m },
			`eventstream: header ":date" is missing or not a timestamp`},
		{"no signature", func() *Message { m := good(); m.Headers = m.Headers[:1]; return m },
			`eventstream: header ":chunk-signature" is missing or not a byte array`},
		{"signature as string", func() *Message { m := good(); m.Headers[1].Value = String("x"); return m },
			`eventstream: header ":chunk-signature" is missing or not a byte array`},
		{"other day", func() *Message { return sign(testKeys, seed, testTime.AddDate(0, 0, 1), "payload") },
			"eventstream: message is dated 20261121, for which there is no signing key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			key, scope, _ := testKeys("20261120")
			v := NewVerifier(FixedKey(key, scope), seed)
			_, _, err := v.Verify(tc.make())
			if err == nil || err.Error() != tc.want {
				t.Fatalf("got %v want %s", err, tc.want)
			}
			if _, _, again := v.Verify(good()); !errors.Is(again, err) {
				t.Errorf("a good message after it: got %v want the chain to stay broken", again)
			}
		})
	}
}
