package html_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/outcrop/outcrop/internal/document/html"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
)

// Each page in testdata has a file beside it with the text that is found in it.
func TestGolden(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("testdata/*.html")
	if err != nil || len(pages) == 0 {
		t.Fatalf("got %v, %v, want pages", pages, err)
	}
	for _, page := range pages {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text, err := html.Parse(content, "")
		if err != nil {
			t.Errorf("%s: %v", page, err)
			continue
		}
		got := ""
		for _, p := range text.Pages {
			got += p.Text + "\n"
		}
		goldentest.Check(t, strings.TrimSuffix(page, ".html")+".golden.md", got)
	}
}

func parse(t *testing.T, content, charset string) string {
	t.Helper()
	text, err := html.Parse([]byte(content), charset)
	if err != nil {
		t.Fatal(err)
	}
	if len(text.Pages) == 0 {
		return ""
	}
	return text.Pages[0].Text
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	latin, err := charmap.Windows1252.NewEncoder().String("<p>R\u00fcckgabe \u201eunbenutzt\u201c</p>")
	if err != nil {
		t.Fatal(err)
	}
	cyrillic, err := charmap.Windows1251.NewEncoder().String("<p>Возврат товара</p>")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, content, charset, want string }{
		{"UTF-8 without a word", "<p>R\u00fcckgabe</p>", "", "R\u00fcckgabe"},
		{"meta charset", `<meta charset="windows-1251">` + cyrillic, "", "Возврат товара"},
		{"meta http-equiv", `<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">` + cyrillic, "", "Возврат товара"},
		{"declared by the caller", cyrillic, "windows-1251", "Возврат товара"},
		{"guessed", latin, "", "R\u00fcckgabe \u201eunbenutzt\u201c"},
		{"the page is wrong", `<meta charset="iso-8859-1"><p>R` + "\u00fcckgabe</p>", "", "R\u00fcckgabe"},
	} {
		if got := parse(t, c.content, c.charset); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if _, err := html.Parse([]byte(cyrillic), ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("an encoding that nobody says: got %v, want invalid", err)
	}
}

// What a page hides is not its content, and what is its content stays, wherever
// the page puts it.
func TestContent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, content, want string }{
		{"hidden main", `<main hidden>old</main><p>real</p>`, "real"},
		{"main that a style hides", `<main style="display: none">old</main><p>real</p>`, "real"},
		{"main in something hidden", `<div hidden><main>old</main></div><p>real</p>`, "real"},
		{"one main of several is shown", `<main hidden>old</main><div>menu</div><main>real</main>`, "real"},
		{"several mains", `<main>first</main><div>menu</div><div role="main">second</div>`, "first\n\nsecond"},
		{"main in main", `<main>first<main>second</main></main>`, "first\n\nsecond"},
		{"empty main", `<main> <!-- x --></main><p>real</p>`, "real"},
		{"body is main", `<body role="main"><header>Refunds</header><p>real</p><footer>foot</footer></body>`, "Refunds\n\nreal"},
		{"page that shows itself later", `<html style="visibility:hidden"><body style="visibility: hidden"><p>real</p></body></html>`, "real"},
		{"notes beside the text", `<body><aside>menu</aside><main><aside>Never open it.</aside><p>real</p><footer>foot</footer></main></body>`, "Never open it.\n\nreal"},
		{"questions that unfold", `<h2><button>How long?</button></h2><div hidden="until-found">Thirty days.</div><button>Buy</button>`, "## How long?\n\nThirty days."},
	} {
		if got := parse(t, c.content, ""); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// Pages that are nested without end are read without their structure.
func TestDeepNesting(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"div", "b", "blockquote", "ul><li", "table><tr><td", "svg", "font"} {
		content := "<title>Deep</title><p>first</p>" + strings.Repeat("<"+tag+">", 100_000) + "last<script>no()</script>"
		text, err := html.Parse([]byte(content), "")
		if err != nil || len(text.Pages) != 1 {
			t.Errorf("%s: got %+v, %v, want a text", tag, text, err)
			continue
		}
		if got := text.Pages[0].Text; !strings.Contains(got, "first") || !strings.HasSuffix(got, "last") || len(text.Notes) == 0 {
			t.Errorf("%s: got %q with the notes %q, want both texts and a note", tag, got[:min(len(got), 100)], text.Notes)
		}
	}
}

// What takes a quadratic time in a browser must not keep a worker for minutes.
func TestLargePages(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"paragraphs": strings.Repeat("<p>text</p>", 100_000),
		"open tags":  strings.Repeat("<p><b>text", 100_000),
		"cells":      "<table>" + strings.Repeat("<tr><td>a<td>b</tr>", 30_000) + "</table>",
		"wide cells": "<table><tr>" + strings.Repeat(`<td colspan=1000 rowspan=65534>a`, 1000) + "</table>",
		"attributes": "<p " + strings.Repeat("a ", 300_000) + ">x",
		"comments":   strings.Repeat("<!-- x --", 100_000),
		"entities":   strings.Repeat("&amp;", 200_000),
		"list":       "<ul>" + strings.Repeat("<li>x", 50_000),
		"nested":     strings.Repeat("<ul><li>x", 200),
		"quotes":     strings.Repeat("<blockquote><p>x</p>", 400),
		"tables":     strings.Repeat("<table><tr><td>x", 150),
	} {
		start := time.Now()
		text, err := html.Parse([]byte(content), "")
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: took %v", name, took)
		} else {
			t.Logf("%s: %v", name, took)
		}
		if text != nil && len(text.Pages) > 0 && len(text.Pages[0].Text) > 10*len(content) {
			t.Errorf("%s: got %d bytes of text from %d", name, len(text.Pages[0].Text), len(content))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`<html><title>T</title><main><h1>H</h1><table><tr><th>a<th>b<tr><td>1<td>2</table><ul><li>x<ul><li>y</ul></ul></main>`))
	f.Add([]byte(`<p><b><i>x</b></i><svg><p>y</svg><template><p>z`))
	f.Add([]byte(`<meta charset=shift_jis><body hidden>x</body>`))
	f.Fuzz(func(t *testing.T, content []byte) {
		if _, err := html.Parse(content, ""); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v, want a text or invalid", err)
		}
	})
}
