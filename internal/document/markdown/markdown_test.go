package markdown_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/document/markdown"
)

func TestHeader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, content, want string }{
		{"none", "# Refunds\n\ntext", "# Refunds\n\ntext"},
		{"title", "---\ntitle: \"Refunds\"\ntags:\n- a\n  - b\n---\ntext", "# Refunds\n\ntext"},
		{"title that the text has", "---\ntitle: Refunds\n---\n# Returns\n", "# Returns"},
		{"comment", "---\n# of the site\ntitle: Refunds\n---\ntext", "# Refunds\n\ntext"},
		{"no end", "---\ntitle: Refunds\ntext", "---\ntitle: Refunds\ntext"},
		{"a line across the page", "---\n\nDear customer: the shop is closed.\n\n---\nrest", "---\n\nDear customer: the shop is closed.\n\n---\nrest"},
		{"a list between lines", "---\n- Refunds: 30 days\n- Shipping: free\n---\nrest", "---\n- Refunds: 30 days\n- Shipping: free\n---\nrest"},
		{"a heading between lines", "---\n# Refunds\n\n- within 30 days\n\n---\nrest", "---\n# Refunds\n\n- within 30 days\n\n---\nrest"},
		{"a sentence between lines", "---\nOur promise to you is simple: 30 days.\n---\nrest", "---\nOur promise to you is simple: 30 days.\n---\nrest"},
	} {
		text, err := markdown.Parse([]byte(c.content), "")
		if err != nil || len(text.Pages) != 1 || text.Pages[0].Text != c.want {
			t.Errorf("%s: got %+v, %v, want %q", c.name, text, err, c.want)
		}
	}
}
