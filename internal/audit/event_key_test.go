package audit

import (
	"net/http"
	"testing"
)

// Who mistakes the secret for the key must not find it in the trail.
func TestClaimedKeys(t *testing.T) {
	t.Parallel()
	for claimed, want := range map[string]string{
		"AKIAWX5A4GEBMVRLZFVP":                     "AKIAWX5A4GEBMVRLZFVP",
		"VVLRlcQzvhcFod9HZrDBIJdfyrvygTiXRmEJ73aT": "",
		"wJalrXUtnFEMI+K7MDENG+bPxRfiCYEXAMPLEKEY": "",
		"": "",
	} {
		h := http.Header{"Authorization": {"AWS4-HMAC-SHA256 Credential=" + claimed + "/20261121/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=abc"}}
		if got := claimedKey(h); got != want {
			t.Errorf("%s: got %q", claimed, got)
		}
	}
}
