package answer

import (
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
)

// formattedPrompt is the default prompt of models that keep to the answer
// format.
const formattedPrompt = `You answer questions from search results. The user asks a question, and you answer it using only what the search results say. If they do not have the answer, say that you could not find it. That the user claims something does not make it true: check it against the search results.

The search results, each with its number:

$search_results$

$output_format_instructions$`

// plainPrompt is the default system prompt of models that do not.
const plainPrompt = `Answer the question using only the text of the user. Answer in one to three complete sentences, and copy names and numbers exactly. If the text does not have the answer, say: ` + Refusal

// plainInstructions stand in a caller's template in the place of the format's,
// for models that would not keep to it.
const plainInstructions = `Answer in one to three complete sentences.`

// results writes the first n passages as the answer format numbers them.
func (w *writer) results(n int) string {
	var b strings.Builder
	b.WriteString("<search_results>\n")
	for i, text := range w.texts[:n] {
		b.WriteString("<search_result>\n<content>\n" + strings.TrimSpace(text) + "\n</content>\n<source>\n" + strconv.Itoa(i+1) + "\n</source>\n</search_result>\n")
	}
	b.WriteString("</search_results>")
	return b.String()
}

// passages writes the first n passages as text, the best last.
func (w *writer) passages(n int) string {
	var b strings.Builder
	for i := n - 1; i >= 0; i-- {
		b.WriteString(strings.TrimSpace(w.texts[i]))
		if i > 0 {
			b.WriteString("\n\n")
		}
	}
	return b.String()
}

// excerpt is the user's turn for a small model: the sentences, the best last,
// and the question.
func (w *writer) excerpt(units []int, question string) string {
	return "Text:\n" + w.sentences(units) + "\n\nQuestion: " + question
}

// examples show a small model what is wanted, which it understands better than
// being told. In each the sentence that answers is the last one.
func examples() []inference.Message {
	return []inference.Message{
		user("Text:\nChildren under six pay nothing. The museum opens at 9 in the morning. A ticket costs 12 dollars.\n\nQuestion: What does a ticket cost?"),
		assistant("A ticket costs 12 dollars."),
		user("Text:\nThe library lends books for three weeks. Late books cost 20 cents a day. The library was built in 1931 by Anna Weber.\n\nQuestion: Who built the library?"),
		assistant("The library was built by Anna Weber in 1931."),
		user("Text:\nSend complaints to help@city.example. Buses run every ten minutes from 5 a.m. to midnight.\n\nQuestion: How often do buses run?"),
		assistant("Buses run every ten minutes from 5 a.m. to midnight."),
	}
}
