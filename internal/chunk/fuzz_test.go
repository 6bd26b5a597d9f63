package chunk_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/chunk"
	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// everyStrategy has small sizes, so that short texts are cut.
func everyStrategy(tokens, overlap int) map[string]knowledge.Chunking {
	return map[string]knowledge.Chunking{
		"fixed":        fixed(tokens, overlap),
		"hierarchical": {Strategy: knowledge.Hierarchical, ParentTokens: 4 * tokens, ChildTokens: tokens, OverlapTokens: max(1, tokens*overlap/100)},
		"semantic":     {Strategy: knowledge.Semantic, MaxTokens: tokens, BufferSize: overlap % 2, BreakpointPercentile: 75},
	}
}

// FuzzSplit demands that no text is lost or made up and no chunk too large.
func FuzzSplit(f *testing.F) {
	for _, text := range awkward(300) {
		f.Add(text, "# Two\n\nAnother page. With text.", uint8(7), uint8(30))
	}
	f.Add("One. Two.\r\n\r\nThree\x00\xff. 漢字。", "", uint8(1), uint8(99))
	f.Fuzz(func(t *testing.T, first, second string, tokens, overlap uint8) {
		most := int(tokens%64) + 1
		pages := []document.Page{{Number: 0, Text: first}, {Number: 1, Text: second}}
		for name, how := range everyStrategy(most, int(overlap%99)+1) {
			c, err := chunk.New().Split(t.Context(), &document.Text{Pages: pages}, how, &words{})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			checkSizes(t, c, most)
			checkContent(t, first+second, c)
			for _, ch := range c.Chunks {
				if ch.Page != 0 && ch.Page != 1 {
					t.Errorf("%s: got page %d", name, ch.Page)
				}
			}
		}
	})
}

// awkward are texts of about n bytes that make segmentation slow or leave it
// nowhere to cut.
func awkward(n int) map[string]string {
	texts := map[string]string{"prose": "The sea was wide. A ship (small) was there, and \"we\" saw it! "}
	for name, unit := range map[string]string{
		"letters": "a", "base64": "QmFzZTY0", "spaces": "A. ", "dots": ". ", "line ends": "a\n", "paragraphs": "a\n\n",
		"marks": "\u0301", "joiners": "👩\u200d", "ideographs": "漢字とかな", "emoji": "😀", "quotes": ".) ",
		"rows": "|a|b|\n", "items": "- a\n", "headings": "# a\n", "fences": "```\n", "one-letter words": "a ", "zero width": "\u200b",
	} {
		texts[name] = "A." + strings.Repeat(unit, n/len(unit)) + " End."
	}
	texts["prose"] = strings.Repeat(texts["prose"], n/len(texts["prose"]))
	texts["space after a full stop"] = "A." + strings.Repeat(" ", n) + "b"
	texts["brackets after a full stop"] = "A." + strings.Repeat(")", n) + "b"
	texts["marks after a full stop"] = "A." + strings.Repeat(" \u0301", n/3) + "b"
	return texts
}

// Ten times the text may take ten times as long, not a hundred times; a minute
// is far more than any takes on a slow machine.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long texts take a while")
	}
	for name, text := range awkward(1 << 20) {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			for _, how := range []knowledge.Chunking{{}, fixed(300, 20)} {
				c := split(t, onePage(text), how)
				checkSizes(t, c, 300)
				total := 0
				for i, ch := range c.Chunks {
					total += len(ch.Text)
					if len(ch.Text) > 300*32 {
						t.Fatalf("chunk %d has %d bytes", i, len(ch.Text))
					}
				}
				if least := len(squeeze(text)); total < least {
					t.Errorf("got %d bytes of text, want at least %d", total, least)
				}
			}
			if took := time.Since(begin); took > 15*time.Second {
				t.Errorf("took %v", took)
			} else if testing.Verbose() {
				fmt.Printf("%s: %v\n", name, took)
			}
		})
	}
}
