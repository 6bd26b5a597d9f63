package answer

import (
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
)

// The placeholders of prompt templates.
const (
	searchResults = "$search_results$"
	query         = "$query$"
	outputFormat  = "$output_format_instructions$"
	currentTime   = "$current_time$"
	history       = "$conversation_history$"
)

// check finds what is wrong with the templates of a request.
func (r *Request) check() error {
	if t := r.Generation.Template; t != "" && !strings.Contains(t, searchResults) {
		return errPlaceholder("generationConfiguration", searchResults)
	}
	if t := r.Orchestration.Template; t != "" {
		for _, placeholder := range []string{history, outputFormat} {
			if !strings.Contains(t, placeholder) {
				return errPlaceholder("orchestrationConfiguration", placeholder)
			}
		}
	}
	return nil
}

func errPlaceholder(where, placeholder string) error {
	return fault.New(fault.Invalid, "The prompt template at %s.promptTemplate.textPromptTemplate must contain the placeholder %s. Add it and try your request again.", where, placeholder)
}

// render puts values into the places that a template has for them. What looks
// like a placeholder inside a value stays as it is.
func render(template string, values map[string]string) string {
	pairs := make([]string, 0, 2*len(values))
	for placeholder, value := range values {
		pairs = append(pairs, placeholder, value)
	}
	return strings.NewReplacer(pairs...).Replace(template)
}

// clock writes the time as prompts say it.
func clock(now time.Time) string { return now.UTC().Format("Monday, 2 January 2006, 15:04 MST") }
