package embedding_test

import (
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/embedding"
)

func TestCorpus(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, text := range embedding.Corpus() {
		if strings.ContainsAny(text, "{}") {
			t.Errorf("%q has an unfilled place", text)
		}
		if seen[text] {
			t.Errorf("%q is there twice", text)
		}
		seen[text] = true
	}
	// A basis has no more directions than there are texts.
	if len(seen) < 512 {
		t.Errorf("got %d texts, want at least 512", len(seen))
	}
}
