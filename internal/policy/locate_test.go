package policy_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/policy"
)

func TestLocate(t *testing.T) {
	t.Parallel()
	const good = `{"Effect":"Deny","Action":"s3:*","Resource":"*"}`
	for name, tc := range map[string]struct{ text, want string }{
		"the JSON":             {"{\n  \"Version\": 2012-10-17\n}", ":2:18"},
		"cut off":              {`{"Version":`, ":1:11"},
		"the second statement": {"{\"Version\":\"2012-10-17\",\"Statement\":[\n" + good + ",\n{\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\",\"Condtion\":{}}]}", ":3: statement 2"},
		"the only one":         {`{"Statement":{"Effect":"Never","Action":"s3:*","Resource":"*"}}`, ":1: statement 1"},
		"the version":          {`{"Version":"2013-01-01","Statement":[` + good + `]}`, ""},
		"no statement":         {`{"Version":"2012-10-17","Statement":[]}`, ""},
		"no object":            {`[]`, ""},
	} {
		if _, err := policy.Parse(policy.Service, tc.text); err == nil {
			t.Errorf("%s: the document is good", name)
		}
		if got := policy.Locate(policy.Service, tc.text); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}
