package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseExports(t *testing.T) {
	t.Parallel()
	const text = `# set these in your shell
export AWS_ENDPOINT_URL=http://127.0.0.1:8484
export AWS_SECRET_ACCESS_KEY='a/b+c=='
export AWS_CA_BUNDLE="/home/some user/ca.pem"
not an export
`
	want := []string{
		"AWS_ENDPOINT_URL=http://127.0.0.1:8484",
		"AWS_SECRET_ACCESS_KEY=a/b+c==",
		"AWS_CA_BUNDLE=/home/some user/ca.pem",
	}
	if diff := cmp.Diff(want, parseExports(text)); diff != "" {
		t.Errorf("exports (-want +got):\n%s", diff)
	}
}

func TestCleanEnv(t *testing.T) {
	t.Parallel()
	got := cleanEnv([]string{"PATH=/bin", "AWS_PROFILE=mine", "OUTCROP_DATA=/x", "https_proxy=http://p", "HOME=/home/u"})
	if diff := cmp.Diff([]string{"PATH=/bin", "HOME=/home/u"}, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}
