package huggingface

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		ref  string
		want Ref
	}{
		{"org/repo", Ref{Repo: "org/repo", Revision: "main"}},
		{"org/repo:Q4_K_M", Ref{Repo: "org/repo", Revision: "main", Quant: "Q4_K_M"}},
		{"org/repo:latest", Ref{Repo: "org/repo", Revision: "main"}},
		{"org/repo:m.gguf", Ref{Repo: "org/repo", Revision: "main", File: "m.gguf"}},
		{"org/repo@v1.0:Q8_0", Ref{Repo: "org/repo", Revision: "v1.0", Quant: "Q8_0"}},
		{"org/repo@v1.0/sub/m.gguf", Ref{Repo: "org/repo", Revision: "v1.0", File: "sub/m.gguf"}},
		{"org/repo/blob/dev/sub/m.gguf", Ref{Repo: "org/repo", Revision: "dev", File: "sub/m.gguf"}},
		{"org/repo/resolve/main/m.gguf", Ref{Repo: "org/repo", Revision: "main", File: "m.gguf"}},
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
		})
	}
	for _, bad := range []string{"", "org", "org/", "/repo", "../repo", "org/..", "org/repo/../../x.gguf", "org/repo/x.bin", "org/repo@a/b", "org/re po", "org/repo@..%2f:Q4"} {
		if got, err := Parse(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("Parse(%q): got %+v, %v, want invalid", bad, got, err)
		}
	}
}

func TestQuantOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Llama-3.2-1B-Instruct-Q4_K_M.gguf": "Q4_K_M", "m.q8_0.gguf": "Q8_0", "sub/m-IQ3_XXS-00001-of-00002.gguf": "IQ3_XXS", "m-UD-Q4_K_XL.gguf": "UD-Q4_K_XL", "gpt-oss-20b-MXFP4.gguf": "MXFP4",
		"m-bf16.gguf": "BF16", "m_f16.gguf": "F16", "Qwen3-8B.gguf": "", "Q4_0.gguf": "Q4_0", "m-TQ1_0.gguf": "TQ1_0", "m-Q4_0_4_4.gguf": "Q4_0_4_4", "faq4.gguf": "",
	} {
		if got := quantOf(name); got != want {
			t.Errorf("quantOf(%q): got %q, want %q", name, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, ref := range []string{"org/repo", "org/repo@v1:Q4_K_M", "org/repo/blob/main/a/b.gguf", "a/b:c.gguf"} {
		f.Add(ref)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := Parse(s)
		if err != nil {
			return
		}
		for _, part := range []string{ref.Repo, ref.Revision, ref.File} {
			for segment := range strings.SplitSeq(part, "/") {
				if segment == ".." {
					t.Errorf("Parse(%q): got %+v, want no way out of the repository", s, ref)
				}
			}
		}
		if strings.Count(ref.Repo, "/") != 1 || ref.Revision == "" || ref.File != "" && ref.Quant != "" {
			t.Errorf("Parse(%q): got %+v, which is no reference", s, ref)
		}
	})
}
