package sigv4

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestServiceName(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ target, authorization, want string }{
		"header":               {"/", "AWS4-HMAC-SHA256 Credential=AKIA/20261120/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00", "s3"},
		"no spaces":            {"/", "AWS4-HMAC-SHA256 Credential=AKIA/20261120/us-east-1/bedrock/aws4_request,SignedHeaders=host,Signature=00", "bedrock"},
		"nothing else right":   {"/", "AWS4-ECDSA-P256-SHA256 Credential=AKIA/x/y/s3", "s3"},
		"no credential":        {"/", "AWS4-HMAC-SHA256 Signature=00", ""},
		"short credential":     {"/", "AWS4-HMAC-SHA256 Credential=AKIA/s3", ""},
		"bearer":               {"/", "Bearer Credential=a/b/c/s3/e", ""},
		"version 2":            {"/", "AWS AKIA:00", "s3"},
		"presigned":            {"/a?X-Amz-Credential=AKIA%2F20261120%2Fus-east-1%2Fs3%2Faws4_request", "", "s3"},
		"presigned, version 2": {"/a?AWSAccessKeyId=AKIA&Expires=1&Signature=x", "", "s3"},
		"a parameter alone":    {"/a?AWSAccessKeyId=AKIA", "", ""},
		"nothing":              {"/a?X-Amz-Meta-A=1", "", ""},
		"the header counts":    {"/a?AWSAccessKeyId=AKIA&Signature=x", "AWS4-HMAC-SHA256 Credential=AKIA/20261120/us-east-1/bedrock/aws4_request", "bedrock"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, tc.target, nil)
			if tc.authorization != "" {
				r.Header.Set("Authorization", tc.authorization)
			}
			if got := ServiceName(r); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
