package fulltext

import (
	"bytes"
	"database/sql"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/sqlite"
)

func TestStem(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"caresses": "caress", "ponies": "poni", "ties": "ti", "caress": "caress", "cats": "cat", "feed": "feed", "agreed": "agre", //nolint:misspell // stems are no words
		"plastered": "plaster", "bled": "bled", "motoring": "motor", "sing": "sing", "conflated": "conflat", "troubled": "troubl",
		"sized": "size", "hopping": "hop", "tanned": "tan", "falling": "fall", "hissing": "hiss", "fizzed": "fizz", "failing": "fail",
		"filing": "file", "happy": "happi", "sky": "sky", "relational": "relat", "conditional": "condit", "rational": "ration",
		"valenci": "valenc", "digitizer": "digit", "conformabli": "conform", "radicalli": "radic", "differentli": "differ", "vileli": "vile",
		"analogousli": "analog", "vietnamization": "vietnam", "predication": "predic", "operator": "oper", "feudalism": "feudal",
		"decisiveness": "decis", "hopefulness": "hope", "callousness": "callous", "formaliti": "formal", "sensitiviti": "sensit",
		"sensibiliti": "sensibl", "triplicate": "triplic", "formative": "form", "formalize": "formal", "electriciti": "electr",
		"electrical": "electr", "hopeful": "hope", "goodness": "good", "revival": "reviv", "allowance": "allow", "inference": "infer",
		"airliner": "airlin", "gyroscopic": "gyroscop", "adjustable": "adjust", "defensible": "defens", "irritant": "irrit",
		"replacement": "replac", "adjustment": "adjust", "dependent": "depend", "adoption": "adopt", "homologou": "homolog",
		"communism": "commun", "activate": "activ", "angulariti": "angular", "homologous": "homolog", "effective": "effect",
		"bowdlerize": "bowdler", "probate": "probat", "rate": "rate", "cease": "ceas", "controll": "control", //nolint:misspell // it is one of the algorithm's own examples "roll": "roll",
		"connections": "connect", "connected": "connect", "y": "y", "as": "as", "is": "is",
	} {
		if got := string(stem([]byte(word))); got != want {
			t.Errorf("%s: got %s, want %s", word, got, want)
		}
	}
}

// TestStemLikeSQLite compares with the Porter stemmer of SQLite's FTS5 on every
// word that is in the comments and names of the standard library.
func TestStemLikeSQLite(t *testing.T) {
	t.Parallel()
	words := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(runtime.GOROOT(), "src", "net", "*", "*.go")) //nolint:staticcheck // tests run where they were built
	if err != nil || len(files) == 0 {
		t.Skip("the standard library is not here")
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		collectWords(words, source)
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "fts.db"), sqlite.Options{Migrations: []string{
		"CREATE VIRTUAL TABLE f USING fts5 (word, tokenize='porter unicode61'); CREATE VIRTUAL TABLE v USING fts5vocab(f, instance)",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.Write(t.Context(), func(tx *sql.Tx) error {
		for word := range words {
			if _, err := tx.ExecContext(t.Context(), "INSERT INTO f (word) VALUES (?)", word); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.Reader().QueryContext(t.Context(), "SELECT f.word, v.term FROM f JOIN v ON v.doc = f.rowid")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	compared := 0
	for rows.Next() {
		var word, want string
		if err := rows.Scan(&word, &want); err != nil {
			t.Fatal(err)
		}
		compared++
		if word == "eed" {
			continue // FTS5 removes what it should only shorten; it is no word anyway
		}
		if got := string(stem(bytes.Clone([]byte(word)))); got != want {
			t.Errorf("%s: got %s, want %s", word, got, want)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if compared != len(words) {
		t.Errorf("compared %d words, want %d", compared, len(words))
	}
	t.Logf("compared %d words", compared)
}

func collectWords(words map[string]bool, source []byte) {
	fset := token.NewFileSet()
	var s scanner.Scanner
	s.Init(fset.AddFile("", -1, len(source)), source, func(token.Position, string) {}, scanner.ScanComments)
	for {
		_, tok, text := s.Scan()
		if tok == token.EOF {
			return
		}
		if tok != token.COMMENT && tok != token.IDENT {
			continue
		}
		for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' }) {
			if len(word) <= maxTerm {
				words[word] = true
			}
		}
	}
}
