package answer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/knowledge/answer"
)

func TestSplitQuestion(t *testing.T) {
	t.Parallel()
	for question, want := range map[string][]string{
		"How long do refunds take?":                                         {"How long do refunds take?"},
		"How long do refunds take, and what does shipping cost?":            {"How long do refunds take?", "what does shipping cost?"},
		"Who leads the clinic? Where is it? What does it cost?":             {"Who leads the clinic? Where is it?", "What does it cost?"},
		"What is the price of tents and jackets?":                           {"What is the price of tents and jackets?"},
		"When does it open; who runs it and how is it paid?":                {"When does it open?", "who runs it?", "how is it paid?"},
		"Is it? Was it? A? B? C? D tents? E jackets? F bags? G hats? H up?": {"Is it? Was it? A? B? C? D tents? E jackets? F bags? G hats? H up?"},
		"": {""},
	} {
		if diff := cmp.Diff(want, answer.SplitQuestion(question)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", question, diff)
		}
	}
}

func TestSubQuestions(t *testing.T) {
	t.Parallel()
	const question = "How long do refunds take, and what does shipping cost?"
	for text, want := range map[string][]string{
		"How long do refunds take?\nWhat does shipping cost?":                           {"How long do refunds take?", "What does shipping cost?"},
		"1. How long do refunds take?\n\n2) What does shipping cost?\n":                 {"How long do refunds take?", "What does shipping cost?"},
		"- How long do refunds take?\n* What does shipping cost?":                       {"How long do refunds take?", "What does shipping cost?"},
		"Sure! Here are the separate questions of the user:\nHow long do refunds take?": nil,
		"What is the capital of France?":                                                nil,
		"How long do refunds take?":                                                     nil, // half of it is missing
		"":                                                                              nil,
	} {
		if diff := cmp.Diff(want, answer.SubQuestions(question, text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// A number that a question begins with is not its place in a list.
func TestSubQuestionsThatBeginWithANumber(t *testing.T) {
	t.Parallel()
	const question = "2024 revenue was how much, 401(k) plans cost what, and 2.5 percent of what is paid?"
	want := []string{"2024 revenue was how much?", "401(k) plans cost what?", "2.5 percent of what is paid?"}
	for _, text := range []string{
		"2024 revenue was how much?\n401(k) plans cost what?\n2.5 percent of what is paid?",
		"1. 2024 revenue was how much?\n2. 401(k) plans cost what?\n3. 2.5 percent of what is paid?",
		"- **2024 revenue was how much?**\n10) 401(k) plans cost what?\n• 2.5 percent of what is paid?",
	} {
		if diff := cmp.Diff(want, answer.SubQuestions(question, text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestSearchQuery(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"<query>refund time</query>":                "refund time",
		"I think <query>\n refund time </query> so": "refund time",
		"<query>cut off":                            "cut off",
		" \"refund time\"\n":                        "refund time",
		"one line\nand another":                     "",
		"<function_call>x</function_call>":          "",
		"":                                          "",
		"the of":                                    "",
	} {
		if got := answer.SearchQuery(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestIsFollowUp(t *testing.T) {
	t.Parallel()
	for question, want := range map[string]bool{
		"And for jackets?": true, "What about food rations?": true, "How long does it take?": true, "Why?": true, "Is that true for all products?": true,
		"How long is the warranty on backpacks?": false, "What does a Pine Club membership cost?": false,
	} {
		if got := answer.IsFollowUp(question); got != want {
			t.Errorf("%q: got %v, want %v", question, got, want)
		}
	}
}
