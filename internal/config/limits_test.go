package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/config"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"all of them":                     {`{catalog: true, models: [{match: "a.*", requestsPerMinute: 0, outputBurndown: 2}], principals: [{match: "*", models: "us.*", concurrency: 1}], increases: {approve: automatic, upTo: 1.5x}, slotsPerUnit: 2}`, ""},
		"a number":                        {`{increases: {approve: automatic, upTo: "5000"}}`, ""},
		"negative":                        {`{tokensPerDay: -1}`, "limits.tokensPerDay: must not be negative"},
		"a negative value of a model":     {`{models: [{match: a, tokensPerMinute: -1}]}`, "tokensPerMinute must not be negative"},
		"a model without a match":         {`{models: [{tokensPerMinute: 1}]}`, "a model ID or pattern is needed"},
		"a model without a limit":         {`{models: [{match: a}]}`, "a limit is needed"},
		"a broken pattern":                {`{models: [{match: "[", concurrency: 1}]}`, "is not a pattern"},
		"a principal without a match":     {`{principals: [{concurrency: 1}]}`, "the ARN of a user or role"},
		"a name in place of an ARN":       {`{principals: [{match: alice, concurrency: 1}]}`, `"alice" matches none`},
		"a pattern of names":              {`{principals: [{match: "trial-*", concurrency: 1}]}`, `"trial-*" matches none`},
		"a pattern from its beginning on": {`{principals: [{match: "?rn:*", concurrency: 1}, {match: "ar*", concurrency: 1}, {match: "arn:aws:iam::1:user/a", concurrency: 1}]}`, ""},
		"a principal without a limit":     {`{principals: [{match: a}]}`, "a limit is needed"},
		"a principal's models are broken": {`{principals: [{match: a, models: "[", concurrency: 1}]}`, "is not a pattern"},
		"who approves":                    {`{increases: {approve: maybe}}`, `"maybe" is not one of manual, automatic`},
		"how much":                        {`{increases: {upTo: 0x}}`, "neither a factor"},
		"no slots":                        {`{slotsPerUnit: 0}`, "limits.slotsPerUnit: must be at least 1"},
		"an unknown key":                  {`{models: [{match: a, rpm: 1}]}`, "field rpm not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "outcrop.yaml")
			if err := os.WriteFile(file, []byte("limits: "+tt.text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, lines, err := config.Load(file, func(string) string { return "" })
			if err == nil {
				err = cfg.Validate(lines)
			}
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
