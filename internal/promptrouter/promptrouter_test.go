package promptrouter_test

import (
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/promptrouter"
)

const (
	easy = "Hello, how are you?"
	hard = "Explain step by step why this algorithm has quadratic complexity, compare it with merge sort, and implement the better one:\n```go\nfunc sort(x []int) {\n"
)

func prices(arn string) float64 {
	return map[string]float64{"large": 10, "small": 1, "tiny": 0.5}[arn]
}

func TestChoice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		setting promptrouter.Setting
		prompt  promptrouter.Prompt
		want    string
	}{
		{"an easy one", promptrouter.Setting{Models: []string{"small", "large"}, Fallback: "large", Difference: 10}, promptrouter.Prompt{Text: easy}, "small"},
		{"a hard one", promptrouter.Setting{Models: []string{"small", "large"}, Fallback: "large", Difference: 10}, promptrouter.Prompt{Text: hard}, "large"},
		{"a hard one that nobody pays for", promptrouter.Setting{Models: []string{"small", "large"}, Fallback: "large", Difference: 100}, promptrouter.Prompt{Text: hard}, "small"},
		{"no difference is small enough", promptrouter.Setting{Models: []string{"small", "large"}, Fallback: "large"}, promptrouter.Prompt{Text: easy}, "large"},
		{"the cheapest that is good enough", promptrouter.Setting{Models: []string{"small", "tiny"}, Fallback: "large", Difference: 10}, promptrouter.Prompt{Text: easy}, "tiny"},
		{"the fallback is the cheap one", promptrouter.Setting{Models: []string{"large", "small"}, Fallback: "small", Difference: 10}, promptrouter.Prompt{Text: hard}, "small"},
		{"nothing is known of the models", promptrouter.Setting{Models: []string{"x", "y"}, Fallback: "y", Difference: 10}, promptrouter.Prompt{Text: easy}, "y"},
		{"a long conversation with tools", promptrouter.Setting{Models: []string{"small", "large"}, Fallback: "large", Difference: 15}, promptrouter.Prompt{Text: easy, Turns: 9, Tools: true}, "large"},
	} {
		if got := promptrouter.Choose(&c.setting, c.prompt, prices); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestDifficultyGrows(t *testing.T) {
	t.Parallel()
	last := -1.0
	for _, text := range []string{"", easy, hard, strings.Repeat(hard, 40)} {
		d := promptrouter.Prompt{Text: text}.Difficulty()
		if d <= last || d > 1 {
			t.Errorf("%d bytes: got %v after %v, want more, up to 1", len(text), d, last)
		}
		last = d
	}
}
