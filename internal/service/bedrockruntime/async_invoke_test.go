package bedrockruntime

import (
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	nativebody "github.com/outcrop/outcrop/internal/native/body"
)

// A text is cut into pieces that are the text again, none too long, between words
// where there are any.
func TestCut(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                    "",
		"short":               "short",
		"one two three four":  "one two |three four",
		"ééééééééééééé":       "éééééééééé|ééé",
		"0123456789 12345678": "0123456789| 12345678",
		"abcde fghij klmno":   "abcde |fghij |klmno",
	} {
		var got []string
		at := 0
		for _, p := range cut([]rune(text), 10) {
			if p.start != at || p.end-p.start != len([]rune(p.text)) {
				t.Errorf("%q: the piece %q is from %d to %d", text, p.text, p.start, p.end)
			}
			at = p.end
			got = append(got, p.text)
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: got %q, want %q", text, strings.Join(got, "|"), want)
		}
	}
}

// The body of an asynchronous task is closed, as all native bodies are.
func TestSegmentedOutline(t *testing.T) {
	t.Parallel()
	params := func(p string) string {
		return `{"taskType":"SEGMENTED_EMBEDDING","segmentedEmbeddingParams":{` + p + `}}`
	}
	const begin, end = "Malformed input request: ", ", please reformat your input and try again."
	for text, want := range map[string]string{
		`{"foo":1}`: "#: extraneous key [foo] is not permitted#: required key [taskType] not found",
		params(`"embeddingPurpose":"GENERIC_INDEX","texts":{}`):       "#/segmentedEmbeddingParams: extraneous key [texts] is not permitted",
		params(`"text":{"value":"a","trunc":"END"}`):                  "#/segmentedEmbeddingParams/text: extraneous key [trunc] is not permitted",
		params(`"text":{"value":"a","segmentationConfig":{"max":1}}`): "#/segmentedEmbeddingParams/text/segmentationConfig: extraneous key [max] is not permitted",
		params(`"embeddingPurpose":"GENERIC_INDEX","embeddingDimension":384,"text":{"truncationMode":"END","value":"a","segmentationConfig":{"maxLengthChars":800}}`): "",
	} {
		_, err := nativebody.Decode(segmentedSchema(), []byte(text))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case want != "" && (err == nil || fault.As(err).Message != begin+want+end):
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
