package embedded

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/outcrop/outcrop/internal/fulltext"
)

// analyst turns texts into terms within a transaction. Terms that are new get
// numbers at once, and come into the dictionary when the transaction was
// committed.
type analyst struct {
	analyzer   fulltext.Analyzer
	dictionary *fulltext.Dictionary
	fresh      []string
	numbers    map[string]uint32 // of fresh
	all        []uint32
}

func (a *analyst) begin(d *fulltext.Dictionary) {
	a.dictionary, a.fresh, a.numbers = d, nil, map[string]uint32{}
}

// terms returns the different terms of a text, ascending, with how often each
// is there.
func (a *analyst) terms(text string) []fulltext.Count {
	a.all = a.all[:0]
	a.analyzer.Each(text, func(term []byte) {
		number, known := a.dictionary.Find(term)
		if !known {
			if number, known = a.numbers[string(term)]; !known {
				number = uint32(a.dictionary.Len() + len(a.fresh))
				word := string(term)
				a.fresh = append(a.fresh, word)
				a.numbers[word] = number
			}
		}
		a.all = append(a.all, number)
	})
	return count(a.all)
}

// count counts the different numbers. It sorts them.
func count(numbers []uint32) []fulltext.Count {
	slices.Sort(numbers)
	var counts []fulltext.Count
	for _, n := range numbers {
		if last := len(counts) - 1; last >= 0 && counts[last].Term == n {
			counts[last].Count++
			continue
		}
		counts = append(counts, fulltext.Count{Term: n, Count: 1})
	}
	return counts
}

// query returns the terms of a search that are in the dictionary.
func query(d *fulltext.Dictionary, text string) []fulltext.Count {
	var a fulltext.Analyzer
	var numbers []uint32
	a.EachOfQuery(text, func(term []byte) {
		if number, known := d.Find(term); known {
			numbers = append(numbers, number)
		}
	})
	return count(numbers)
}

const manyTerms = 100_000 // unless Params.ManyTerms says otherwise

// forgetTerms makes the terms anew where most are of texts that are gone: each
// number and name in documents that change every day is one. Nobody else has the
// index yet.
func (x *Index) forgetTerms(ctx context.Context, many int) error {
	if known := x.memory.dictionary.Len(); known < cmp.Or(many, manyTerms) || known < 2*x.memory.texts.Terms() {
		return nil
	}
	err := x.db.Write(ctx, func(tx *sql.Tx) error { return reanalyze(ctx, tx) })
	switch {
	case err == nil:
		return x.reload(ctx)
	case isContext(err):
		return err
	}
	return nil // on a full disk the index is as good as it was
}

// reanalyze makes the terms of all chunks anew, after the analyzer was changed.
func reanalyze(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM term"); err != nil {
		return err
	}
	var a analyst
	a.begin(fulltext.NewDictionary())
	for last, done := int64(-1), false; !done; {
		texts, err := nextTexts(ctx, tx, last)
		if err != nil {
			return err
		}
		done = len(texts) == 0
		for _, t := range texts {
			last = t.number
			encoded := fulltext.Encode([]byte{}, a.terms(t.text))
			if _, err := tx.ExecContext(ctx, "UPDATE entry SET terms = ? WHERE number = ?", encoded, t.number); err != nil {
				return err
			}
		}
	}
	for number, term := range a.fresh {
		if _, err := tx.ExecContext(ctx, "INSERT INTO term (number, term) VALUES (?, ?)", number, []byte(term)); err != nil {
			return err
		}
	}
	// Other processes load everything anew.
	_, err := tx.ExecContext(ctx, "UPDATE meta SET analyzer = ?, generation = generation + ?", analyzer, remembered+1)
	return err
}

type numbered struct {
	number int64
	text   string
}

// nextTexts reads the texts of some chunks after the one with a number.
func nextTexts(ctx context.Context, tx *sql.Tx, after int64) ([]numbered, error) {
	rows, err := tx.QueryContext(ctx, "SELECT number, text FROM chunk WHERE number > ? ORDER BY number LIMIT 1000", after)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var texts []numbered
	for rows.Next() {
		var t numbered
		if err := rows.Scan(&t.number, &t.text); err != nil {
			return nil, err
		}
		texts = append(texts, t)
	}
	return texts, rows.Err()
}
