// Package price says what the use of a model costs: whole pico-dollars, from the
// catalog's prices or the operator's own.
//
// It keeps nothing and counts no tokens. Prices are written in dollars for a
// million tokens with at most six decimals, so that the price of one token is a
// whole number of pico-dollars (10^-12 dollars) and the cost of a call is exact:
// sums over any number of calls lose nothing. Only what people read is rounded,
// once and at the end, to micro-dollars; see Amount.Micro.
package price

import (
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/outcrop/outcrop/internal/catalog"
)

// Rate is what a model costs. The zero value costs nothing.
type Rate struct {
	Input, Output         Amount // one token
	CacheRead, CacheWrite Amount // one token
	Query                 Amount // one query of a reranker: a hundred documents
	// Above are the rates of long prompts, the longest first.
	Above []Tier
}

// Tier is the rate of a call whose prompt, cached tokens included, is longer
// than a number of tokens. It is for all tokens of the call.
type Tier struct {
	Tokens int
	Rate   Rate
}

// Use is what a call used.
type Use struct {
	Model      string // the identifier that was asked for
	ModelID    string // base model ID; empty for the operator's own
	Resource   string // ARN of the model or profile that is billed
	ServedBy   string // the model that answered
	Input      int    // tokens, beside those of the cache
	Output     int
	CacheRead  int
	CacheWrite int
	Queries    int
}

// Cost is the price of a call by what was used.
type Cost struct {
	Input, Output         Amount
	CacheRead, CacheWrite Amount
	Query                 Amount
}

// Total is the price of the call.
func (c Cost) Total() Amount {
	return c.Input.plus(c.Output).plus(c.CacheRead).plus(c.CacheWrite).plus(c.Query)
}

// Override is a price of the operator's own. It replaces the catalog's whole
// price of what it matches: what it does not name costs nothing.
type Override struct {
	// Match is a pattern with * and ? for the identifier that was asked for, its
	// base model ID, or the model that answers ("llamacpp/*").
	Match string
	// In dollars for a million tokens, and for one query.
	InputPer1M, OutputPer1M, CacheReadPer1M, CacheWritePer1M, PerQuery float64
}

// Catalog finds models by their base model ID; *catalog.Catalog does.
type Catalog interface {
	Lookup(id string) (*catalog.Model, bool)
}

// Book is the price list. It is safe for concurrent use.
type Book struct {
	overrides []override
	catalog   Catalog
	entries   sync.Map // *catalog.Model to *entry, made when first asked for
}

type override struct {
	match string
	rate  Rate
}

type entry struct {
	known     bool
	rate, geo Rate // geo: by a profile of one geography
}

// New makes a price list from the catalog and what the operator set; the first
// override that matches wins.
func New(c Catalog, overrides []Override) (*Book, error) {
	b := &Book{catalog: c}
	for _, o := range overrides {
		if _, err := path.Match(o.Match, ""); err != nil || o.Match == "" {
			return nil, fmt.Errorf("%q is not a pattern", o.Match)
		}
		b.overrides = append(b.overrides, override{o.Match, Rate{
			Input: perMillion(o.InputPer1M), Output: perMillion(o.OutputPer1M),
			CacheRead: perMillion(o.CacheReadPer1M), CacheWrite: perMillion(o.CacheWritePer1M), Query: FromDollars(o.PerQuery),
		}})
	}
	return b, nil
}

func (b *Book) entry(m *catalog.Model) *entry {
	if e, ok := b.entries.Load(m); ok {
		return e.(*entry)
	}
	rate, known := rateOf(m.Price)
	e := &entry{known, rate, rate}
	if m.GeoProfileRatio != 0 {
		e.geo = rate.times(m.GeoProfileRatio)
	}
	b.entries.Store(m, e)
	return e
}

// rateOf reads the catalog's price. ok is false when it has none in tokens or
// queries, which are all that is counted.
func rateOf(p catalog.Price) (Rate, bool) {
	r := Rate{
		Input: perMillion(p.InputPer1M), Output: perMillion(p.OutputPer1M),
		CacheRead: perMillion(p.CacheReadPer1M), CacheWrite: perMillion(p.CacheWritePer1M), Query: FromDollars(p.PerQuery),
	}
	for _, t := range []struct {
		tokens        int
		input, output float64
	}{
		{272_000, p.InputPer1MAbove272k, p.OutputPer1MAbove272k},
		{200_000, p.InputPer1MAbove200k, p.OutputPer1MAbove200k},
		{100_000, p.InputPer1MAbove100k, p.OutputPer1MAbove100k},
	} {
		if t.input == 0 && t.output == 0 {
			continue
		}
		above := r
		above.Above = nil
		above.Input, above.Output = perMillion(t.input), perMillion(t.output)
		if p.InputPer1M > 0 {
			// What a cache costs is a share of what input costs.
			above.CacheRead = r.CacheRead.times(t.input / p.InputPer1M)
			above.CacheWrite = r.CacheWrite.times(t.input / p.InputPer1M)
		}
		r.Above = append(r.Above, Tier{t.tokens, above})
	}
	return r, r.Input != 0 || r.Output != 0 || r.Query != 0
}

func (r Rate) times(f float64) Rate {
	out := Rate{
		Input: r.Input.times(f), Output: r.Output.times(f),
		CacheRead: r.CacheRead.times(f), CacheWrite: r.CacheWrite.times(f), Query: r.Query.times(f),
	}
	for _, t := range r.Above {
		out.Above = append(out.Above, Tier{t.Tokens, t.Rate.times(f)})
	}
	return out
}

// Of is the cost of a use. known is false when no price is known; then it is 0.
func (b *Book) Of(u Use) (cost Cost, known bool) {
	rate, known := b.rate(u)
	if !known {
		return Cost{}, false
	}
	for _, t := range rate.Above {
		if u.Input+u.CacheRead+u.CacheWrite > t.Tokens {
			rate = t.Rate
			break
		}
	}
	return Cost{
		Input: rate.Input.of(u.Input), Output: rate.Output.of(u.Output),
		CacheRead: rate.CacheRead.of(u.CacheRead), CacheWrite: rate.CacheWrite.of(u.CacheWrite), Query: rate.Query.of(u.Queries),
	}, true
}

// Own is the rate that the operator has set for a use; false where the catalog's
// holds.
func (b *Book) Own(u Use) (Rate, bool) {
	asked := catalog.Parse(u.Model).Name
	for _, o := range b.overrides {
		if matches(o.match, u.Model) || matches(o.match, asked) || matches(o.match, u.ModelID) || matches(o.match, u.ServedBy) {
			return o.rate, true
		}
	}
	return Rate{}, false
}

func (b *Book) rate(u Use) (Rate, bool) {
	asked := catalog.Parse(u.Model).Name
	if own, ok := b.Own(u); ok {
		return own, true
	}
	id := u.ModelID
	if id == "" {
		id = asked // a base model's ARN, as a knowledge base names its model
	}
	m, ok := b.catalog.Lookup(id)
	if !ok {
		return Rate{}, false
	}
	e := b.entry(m)
	if byGeography(u.Resource, id) {
		return e.geo, e.known
	}
	return e.rate, e.known
}

// ProfileRatio is what a model's prices are multiplied by where it is called by a
// name: more than 1 where that is a profile of one geography and costs more.
func ProfileRatio(m *catalog.Model, name string) float64 {
	if m.GeoProfileRatio != 0 && byGeography(name, m.ID) {
		return m.GeoProfileRatio
	}
	return 1
}

// byGeography reports whether a model is called by a profile that stays in one
// geography.
func byGeography(name, id string) bool {
	geo, found := strings.CutSuffix(catalog.Parse(name).Name, "."+id)
	return found && geo != "global"
}

func matches(pattern, name string) bool {
	if name == "" {
		return false
	}
	ok, _ := path.Match(pattern, name) // checked in New
	return ok || pattern == name
}
