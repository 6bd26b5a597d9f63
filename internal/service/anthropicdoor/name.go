package anthropicdoor

import (
	"regexp"
	"strings"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/messages"
	"github.com/outcrop/outcrop/internal/native/claude"
)

// date is what ends the full name of a model; without it, the name is the newest
// one's.
var date = regexp.MustCompile(`-20\d{6}$`)

// names finds Anthropic's names of the catalog's models:
// claude-sonnet-4-5-20250929, claude-sonnet-4-5, claude-sonnet-4-5-latest, and
// claude-sonnet-4-0 for one without a minor version. The newest of a name comes
// first in the catalog.
func names(c *catalog.Catalog) map[string]string {
	all := make(map[string]string)
	add := func(name, id string) {
		if _, taken := all[name]; !taken {
			all[name] = id
		}
	}
	for _, m := range c.All("") {
		if m.NativeFormat != messages.Dialect {
			continue
		}
		full := claude.ShortName(m.ID)
		short := date.ReplaceAllString(full, "")
		add(full, m.ID)
		add(short, m.ID)
		add(short+"-latest", m.ID)
		if major.MatchString(short) {
			add(short+"-0", m.ID)
		}
	}
	return all
}

// major is a name with a version of one number.
var major = regexp.MustCompile(`^claude-[a-z]+-\d+$`)

// canonical is a model as bedrock-runtime names it, for the router and for every
// policy.
func (s *service) canonical(model string) string {
	if s.p.Own != nil && s.p.Own(model) {
		return model
	}
	if id, ok := s.names[strings.TrimPrefix(model, "anthropic/")]; ok {
		return id
	}
	return model
}
