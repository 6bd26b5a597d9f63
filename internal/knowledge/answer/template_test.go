package answer_test

import (
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge/answer"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		size         int64
		template     string
		want, lacks  []string
		system       bool
		answer, text string
		cites        bool
	}{
		"with the question, large": {
			largeSize, "Results: $search_results$ Question: $query$ Now: $current_time$ $output_format_instructions$",
			[]string{"<search_result>", "Question: How many days do refunds take?", "Saturday, 21 November 2026, 13:00 UTC", "<answer_part>"}, []string{"$"},
			false, "<answer><answer_part><text>A week.</text><sources><source>1</source></sources></answer_part></answer>", "A week.", true,
		},
		"without the question": {
			largeSize, "Use $search_results$ $output_format_instructions$", []string{"[user] How many days do refunds take?"}, nil,
			true, "<answer><answer_part><text>A week.</text><sources><source>1</source></sources></answer_part></answer>", "A week.", true,
		},
		"without the format": {
			largeSize, "Use $search_results$", nil, []string{"answer_part"}, true, "Refunds take seven days.", "Refunds take seven days.", false,
		},
		"plain": {
			plainSize, "Use $search_results$ $output_format_instructions$ $query$", []string{"Refunds take seven days."}, []string{"<"},
			false, "Refunds take seven days.", "Refunds take seven days.", true,
		},
		"small": {
			tinySize, "Use $search_results$ $output_format_instructions$", []string{"Refunds take seven days.", "Question: How many days do refunds take?"}, []string{"<", "Tents"},
			false, "Refunds take seven days.", "Refunds take seven days.", true,
		},
		"small, without the format": {
			tinySize, "Use $search_results$ for $query$", []string{"Refunds take seven days. for How many days do refunds take?"}, nil,
			false, "Refunds take seven days.", "Refunds take seven days.", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{answers: []string{tc.answer}}
			w := newScripted(t, tc.size, s)
			req := w.request(t, "How many days do refunds take?")
			req.Generation.Template = tc.template
			got, err := w.answerer.Collect(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			checkCitations(t, got)
			if got.Text != tc.text || (len(references(got)) > 0) != tc.cites {
				t.Errorf("got %q from %v", got.Text, references(got))
			}
			for _, want := range tc.want {
				if !strings.Contains(s.asked[0], want) {
					t.Errorf("the prompt lacks %q:\n%s", want, s.asked[0])
				}
			}
			for _, lacks := range tc.lacks {
				if strings.Contains(s.asked[0], lacks) {
					t.Errorf("the prompt has %q:\n%s", lacks, s.asked[0])
				}
			}
			if got := strings.HasPrefix(s.asked[0], "[system]"); got != tc.system {
				t.Errorf("the template is in the system prompt: got %v", got)
			}
		})
	}
}

func TestTemplatesWithoutTheirPlaceholders(t *testing.T) {
	t.Parallel()
	w := newScripted(t, largeSize, &script{answers: []string{"x"}})
	for want, change := range map[string]func(*answer.Request){
		"$search_results$":             func(r *answer.Request) { r.Generation.Template = "Answer $query$" },
		"$conversation_history$":       func(r *answer.Request) { r.Orchestration.Template = "$output_format_instructions$" },
		"$output_format_instructions$": func(r *answer.Request) { r.Orchestration.Template = "$conversation_history$" },
	} {
		req := w.request(t, "Why?")
		change(&req)
		_, err := w.answerer.Collect(t.Context(), req)
		if f := fault.As(err); err == nil || f.Kind != fault.Invalid || !strings.Contains(f.Message, want) {
			t.Errorf("got %v, want an error about %s", err, want)
		}
	}
}

// What documents say is not taken for a placeholder.
func TestRenderOnce(t *testing.T) {
	t.Parallel()
	got := answer.Render("a $query$ b $search_results$", map[string]string{"$query$": "$search_results$", "$search_results$": "$query$"})
	if want := "a $search_results$ b $query$"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
