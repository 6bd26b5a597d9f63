package ollama

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		ref  string
		want Ref
		text string
	}{
		{"ollama.com/llama3.2", Ref{"registry.ollama.ai", "library/llama3.2", "latest"}, "ollama.com/library/llama3.2:latest"},
		{"ollama.com/library/llama3.2:1b", Ref{"registry.ollama.ai", "library/llama3.2", "1b"}, "ollama.com/library/llama3.2:1b"},
		{"registry.ollama.ai/me/m:t", Ref{"registry.ollama.ai", "me/m", "t"}, "ollama.com/me/m:t"},
		{"localhost:5000/me/m", Ref{"localhost:5000", "me/m", "latest"}, "localhost:5000/me/m:latest"},
	}
	for _, tt := range tests {
		t.Run(tt.ref, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tt.ref)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("reference (-want +got):\n%s", diff)
			}
			if got.String() != tt.text {
				t.Errorf("text: got %s, want %s", got, tt.text)
			}
		})
	}
	for _, bad := range []string{"", "ollama.com", "ollama.com/", "ollama.com/a/b/c", "ollama.com/../b", "ollama.com/a:", "ollama.com/a:b/c", "user@host/a/b", "host/a/b:..%2f"} {
		if got, err := Parse(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("Parse(%q): got %+v, %v, want invalid", bad, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("ollama.com/library/llama3.2:1b")
	f.Add("localhost:5000/me/m")
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(ref.String())
		if err != nil || again != ref {
			t.Errorf("Parse(%q).String() is %q, which reads as %+v, %v", s, ref, again, err)
		}
	})
}
