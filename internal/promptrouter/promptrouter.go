// Package promptrouter is prompt routers: two models of one family behind one
// ARN, and for each prompt the choice of the one that answers it.
//
// The choice asks no model: it is made from what is seen in the prompt, and from
// what the models cost, which is taken for what they can do. It runs nothing; a
// service asks for the choice and goes on with the model.
package promptrouter

import (
	"strings"
	"unicode"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/resource"
)

// Setting is what a router is made of.
type Setting struct {
	Description string   `json:"description,omitempty"`
	Models      []string `json:"models"`   // ARNs of models or profiles, the fallback model among them or not
	Fallback    string   `json:"fallback"` // ARN of the model that answers unless another one is good enough
	// Difference is how much better, in percent, the fallback model's answer has
	// to be for a prompt to be worth it.
	Difference float64 `json:"difference"`
}

// Router is a prompt router.
type Router = resource.Resource[Setting]

// New is what Create is asked for.
type New = resource.New[Setting]

// maxRouters is how many an account may have in a region, as in AWS.
const maxRouters = 500

// Registry makes, finds and drops routers. It is safe for concurrent use.
type Registry struct{ *resource.Registry[Setting] }

// NewRegistry returns a registry that knows nothing yet: see Refresh. Kind, Noun
// and Limit of p are set here.
func NewRegistry(p resource.Params) *Registry {
	p.Kind, p.Noun, p.Limit = string(catalog.PromptRouter), "prompt router", maxRouters
	return &Registry{resource.NewRegistry[Setting](p)}
}

// Prompt is what a choice is made from.
type Prompt struct {
	Text  string // of the last user message
	Turns int    // messages before it
	Tools bool   // tools are on offer
}

// Price tells what a thousand tokens of a model's answers cost; 0 when that is
// not known.
type Price func(arn string) float64

// Choose returns the ARN of the model that answers a prompt: the cheapest of
// those whose answer is not worse than the fallback model's by Difference
// percent, or else the fallback model.
func Choose(s *Setting, p Prompt, price Price) string {
	best, least := s.Fallback, price(s.Fallback)
	if least == 0 {
		return s.Fallback // nothing says which is the better one
	}
	difficulty := p.Difficulty()
	for _, model := range s.Models {
		cost := price(model)
		if cost == 0 || model == s.Fallback {
			continue
		}
		// A model at a tenth of the price is taken to be worse by nine tenths of
		// how difficult the prompt is.
		worse := 100 * difficulty * (1 - cost/price(s.Fallback))
		if worse < s.Difference && cost < least {
			best, least = model, cost
		}
	}
	return best
}

// What is found in prompts that are not easy, in lower case. Their number is
// what counts, not their weight: no list is right for everybody.
var (
	thinking = []string{
		"why", "prove", "derive", "explain", "analy", "compare", "evaluate", "design", "optimi", "debug", "refactor", "step by step",
		"trade-off", "architecture", "strategy", "reason", "calculate", "algorithm", "complexity", "theorem", "implement",
	}
	code = []string{"```", "func ", "def ", "class ", "select ", "#include", "import ", "{\n", ");", "traceback", "exception"}
)

// Difficulty is between 0, for a greeting, and 1. Half of it is the length of
// the text, the rest what stands in it and around it.
func (p Prompt) Difficulty() float64 {
	text := strings.ToLower(p.Text)
	d := 0.5 * float64(min(len(text), 4000)) / 4000
	d += 0.08 * float64(min(count(text, thinking), 3))
	d += 0.07 * float64(min(count(text, code), 2))
	digits := 0
	for _, r := range text {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if digits > 4 {
		d += 0.05
	}
	if p.Turns > 4 {
		d += 0.1
	}
	if p.Tools {
		d += 0.1
	}
	return min(d, 1)
}

func count(text string, words []string) int {
	n := 0
	for _, w := range words {
		if strings.Contains(text, w) {
			n++
		}
	}
	return n
}
