package restjson_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
	"github.com/outcrop/outcrop/internal/wire/vectortest"
)

// botocoreNotPassed are the vectors of botocore that say nothing to a server,
// or that a server cannot follow.
var botocoreNotPassed = map[string]string{
	"RestJsonHostWithPath":                           "the first segment of the path belongs to the endpoint, not to the operation",
	"RestJsonHttpPrefixHeadersAreNotPresent":         "nothing in the request tells an empty map from no map",
	"RestJsonOmitsEmptyListQueryValues":              "nothing in the request tells an empty list from no list",
	"RestJsonQueryIdempotencyTokenAutoFill":          "the client makes up the token, it is not among its parameters",
	"RestJsonQueryParamsStringListMap":               "a server gives the map the whole query string, as smithy's vectors demand",
	"RestJsonQueryPrecedence":                        "a server gives the map the whole query string, as smithy's vectors demand",
	"SDKAppliedContentEncoding_restJson1":            "the vector is about compression and holds no body",
	"SDKAppendedGzipAfterProvidedEncoding_restJson1": "the vector is about compression and holds no body",
	"RestJsonDateTimeWithNegativeOffset":             "a form that clients read and the codec does not write",
	"RestJsonDateTimeWithPositiveOffset":             "a form that clients read and the codec does not write",
	"RestJsonDeserializesDenseSetMapAndSkipsNull":    "a null that clients skip and the codec does not write",
	"RestJsonDeserializeIgnoreType":                  "a __type that clients skip and the codec does not write",
	"RestJsonDoesntDeserializeNullStructureValues":   "a null that clients skip and the codec does not write",
}

func TestBotocoreInputs(t *testing.T) {
	t.Parallel()
	for _, tc := range vectortest.Load(t, "input-rest-json") {
		t.Run(tc.ID, func(t *testing.T) {
			if reason, ok := botocoreNotPassed[tc.ID]; ok {
				t.Skip(reason)
			}
			req := request(t, tc.Service, tc.Op, tc.Op.Method, tc.Serialized.URI, nil, tc.Serialized.Headers, tc.Serialized.Body)
			got, err := restjson.Codec{}.DecodeRequest(req)
			if err != nil {
				t.Fatal(err)
			}
			want := vectortest.Params(t, tc.Op.Input, tc.Params)
			if diff := cmp.Diff(want, got, equal); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBotocoreOutputs(t *testing.T) {
	t.Parallel()
	for _, tc := range vectortest.Load(t, "output-rest-json") {
		t.Run(tc.ID, func(t *testing.T) {
			if reason, ok := botocoreNotPassed[tc.ID]; ok {
				t.Skip(reason)
			}
			if tc.ErrorCode != "" {
				botocoreError(t, tc)
				return
			}
			resp, err := restjson.Codec{}.EncodeResponse(tc.Service, tc.Op, vectortest.Params(t, tc.Op.Output, tc.Result), "id")
			if err != nil {
				t.Fatal(err)
			}
			if resp.Status != tc.Response.Status && tc.Op.Status == tc.Response.Status {
				t.Errorf("status: got %d, want %d", resp.Status, tc.Response.Status)
			}
			for k, v := range tc.Response.Headers {
				if got := resp.Header.Get(k); !strings.EqualFold(k, "Content-Length") && got != v {
					t.Errorf("header %s: got %q, want %q", k, got, v)
				}
			}
			body := tc.Response.Body
			mediaType := "application/json"
			if !json.Valid([]byte(body)) {
				mediaType = ""
			}
			if body == "" && string(resp.Body) == "{}" {
				return // botocore reads both as nothing
			}
			compareBodies(t, string(resp.Body), body, mediaType)
		})
	}
}

func botocoreError(t *testing.T, tc vectortest.Case) {
	t.Helper()
	ex := &schema.Exception{Code: tc.ErrorCode, Status: tc.Response.Status, Message: tc.Message}
	for _, s := range tc.Service.Shapes {
		if s.Error != nil && s.Error.Code == tc.ErrorCode {
			ex.Shape = s
		}
	}
	if ex.Shape != nil && tc.Error != nil {
		ex.Fields = vectortest.Params(t, ex.Shape, tc.Error).(map[string]any)
	}
	resp := restjson.Codec{}.EncodeException(tc.Service, ex, "id")
	code, _, _ := strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
	if code != tc.ErrorCode {
		t.Errorf("code: got %q, want %q", code, tc.ErrorCode)
	}
	if resp.Status != tc.Response.Status {
		t.Errorf("status: got %d, want %d", resp.Status, tc.Response.Status)
	}
	for k, v := range tc.Response.Headers {
		if !strings.HasPrefix(http.CanonicalHeaderKey(k), "X-Amzn") && resp.Header.Get(k) != v {
			t.Errorf("header %s: got %q, want %q", k, resp.Header.Get(k), v)
		}
	}
}
