// Package changelog holds the test of the changelog fragments' form. It
// contains nothing but that.
package changelog

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	title = regexp.MustCompile(`^(Security|Change|Feature|Bugfix|Speed): \S.{4,78}[^.\s]$`)
	slug  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*\.md$`)
)

// problem says what is wrong with a fragment, or nothing.
func problem(name, text string) string {
	first, rest, _ := strings.Cut(text, "\n")
	switch {
	case !slug.MatchString(name):
		return "the file's name is no slug such as stop-sequences.md"
	case !title.MatchString(first):
		return "the first line is no kind and title such as \"Bugfix: stop sequences across token borders\": " + first
	case !strings.HasPrefix(rest, "\n"):
		return "there is no blank line after the title"
	case strings.TrimSpace(rest) == "":
		return "there is nothing below the title"
	case !strings.HasSuffix(text, "\n"):
		return "the last line has no end"
	}
	return ""
}

func TestFragments(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "changelog", "unreleased", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := problem(filepath.Base(file), string(text)); got != "" {
			t.Errorf("%s: %s", file, got)
		}
	}
}

func TestProblem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file, text string
		wantProblem      bool
	}{
		{"good", "stop-sequences.md", "Bugfix: stop sequences end an answer\n\nThey did not.\n", false},
		{"name with spaces", "Stop sequences.md", "Bugfix: stop sequences end an answer\n\nThey did not.\n", true},
		{"unknown kind", "stop.md", "Fix: stop sequences end an answer\n\nThey did not.\n", true},
		{"title with a full stop", "stop.md", "Bugfix: stop sequences end an answer.\n\nThey did not.\n", true},
		{"no blank line", "stop.md", "Bugfix: stop sequences end an answer\nThey did not.\n", true},
		{"no text", "stop.md", "Bugfix: stop sequences end an answer\n\n", true},
		{"no last newline", "stop.md", "Bugfix: stop sequences end an answer\n\nThey did not.", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := problem(tt.file, tt.text); (got != "") != tt.wantProblem {
				t.Errorf("problem: got %q, want one: %v", got, tt.wantProblem)
			}
		})
	}
}
