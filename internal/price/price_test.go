package price_test

import (
	"math"
	"testing"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/price"
)

type models []*catalog.Model

func (ms models) Lookup(id string) (*catalog.Model, bool) {
	for _, m := range ms {
		if m.ID == id {
			return m, true
		}
	}
	return nil, false
}

func some() models {
	return models{
		{ID: "a.plain", Price: catalog.Price{InputPer1M: 0.3125, OutputPer1M: 34.375, CacheReadPer1M: 0.03, CacheWritePer1M: 0.375}},
		{ID: "a.long", Price: catalog.Price{
			InputPer1M: 3, OutputPer1M: 15, CacheReadPer1M: 0.3, CacheWritePer1M: 3.75, InputPer1MAbove200k: 6, OutputPer1MAbove200k: 22.5, GeoProfileRatio: 1.1,
		}},
		{ID: "a.rerank", Price: catalog.Price{PerQuery: 0.002}},
		{ID: "a.embed", Price: catalog.Price{InputPer1M: 0.02}},
		{ID: "a.images", Price: catalog.Price{OutputPerImage: 0.04}},
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	b, err := price.New(some(), []price.Override{
		{Match: "eu.a.long", InputPer1M: 1, OutputPer1M: 2, CacheReadPer1M: 0.5, CacheWritePer1M: 0.25},
		{Match: "mine-*", PerQuery: 1},
		{Match: "llamacpp/free", InputPer1M: 0},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		use   price.Use
		want  string
		known bool
	}{
		"one token":                {price.Use{ModelID: "a.plain", Input: 1}, "0.0000003125", true},
		"all of it":                {price.Use{ModelID: "a.plain", Input: 1e6, Output: 1e6, CacheRead: 1e6, CacheWrite: 1e6}, "35.0925", true},
		"at the border":            {price.Use{ModelID: "a.long", Input: 150_000, CacheRead: 50_000, Output: 10}, "0.46515", true},
		"above it, all tokens":     {price.Use{ModelID: "a.long", Input: 150_001, CacheRead: 50_000, Output: 10}, "0.930231", true},
		"a geography's profile":    {price.Use{ModelID: "a.long", Resource: "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.a.long", Input: 10}, "0.000033", true},
		"the global profile":       {price.Use{ModelID: "a.long", Resource: "arn:aws:bedrock:us-east-1:000000000000:inference-profile/global.a.long", Input: 10}, "0.00003", true},
		"on demand":                {price.Use{ModelID: "a.long", Resource: "arn:aws:bedrock:us-east-1::foundation-model/a.long", Input: 10}, "0.00003", true},
		"a knowledge base's ARN":   {price.Use{Model: "arn:aws:bedrock:us-east-1::foundation-model/a.embed", Input: 5}, "0.0000001", true},
		"own price of the profile": {price.Use{Model: "eu.a.long", ModelID: "a.long", Input: 10, Output: 1, CacheRead: 2, CacheWrite: 4}, "0.000014", true},
		"own model":                {price.Use{Model: "mine-7", Queries: 3}, "3", true},
		"free by who answers":      {price.Use{Model: "a.plain", ModelID: "a.plain", ServedBy: "llamacpp/free", Input: 100}, "0", true},
		"a reranker":               {price.Use{ModelID: "a.rerank", Input: 1000, Queries: 2}, "0.004", true},
		"no price":                 {price.Use{Model: "other", Input: 100}, "0", false},
		"only of images":           {price.Use{ModelID: "a.images", Input: 100}, "0", false},
		"nonsense costs nothing":   {price.Use{ModelID: "a.plain", Input: -4}, "0", true},
		"stays at the largest":     {price.Use{ModelID: "a.plain", Input: math.MaxInt, Output: math.MaxInt}, "9223372.036854775807", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cost, known := b.Of(tt.use)
			if got := cost.Total().String(); got != tt.want || known != tt.known {
				t.Errorf("got %s, known %v, want %s, %v", got, known, tt.want, tt.known)
			}
		})
	}
}

func TestOverridesAreChecked(t *testing.T) {
	t.Parallel()
	for _, match := range []string{"", "[", "a["} {
		if _, err := price.New(some(), []price.Override{{Match: match}}); err == nil {
			t.Errorf("%q: got no error, want one", match)
		}
	}
}

// Every price of the real catalog is a whole number of pico-dollars a token, so
// that ten million small calls cost what one large one does.
func TestTheCatalogIsExact(t *testing.T) {
	t.Parallel()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	b, err := price.New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	priced := 0
	for _, m := range c.All("") {
		one, known := b.Of(price.Use{ModelID: m.ID, Input: 1, Output: 1})
		if !known {
			continue
		}
		priced++
		for name, v := range map[string]struct {
			dollars float64
			amount  price.Amount
		}{"input": {m.InputPer1M, one.Input}, "output": {m.OutputPer1M, one.Output}} {
			if exact := v.dollars * 1e6; math.Abs(exact-float64(v.amount)) > 1e-3 {
				t.Errorf("%s, %s: got %d pico-dollars for %v dollars a million", m.ID, name, v.amount, v.dollars)
			}
		}
		var sum price.Sum
		for range 1000 {
			sum = sum.Plus(one.Total())
		}
		many, _ := b.Of(price.Use{ModelID: m.ID, Input: 1000, Output: 1000})
		if sum.String() != many.Total().String() {
			t.Errorf("%s: a thousand calls cost %v, one of a thousand tokens %v", m.ID, sum, many.Total())
		}
	}
	if priced < 100 {
		t.Errorf("got %d models with a price, want most of them", priced)
	}
}

func TestRounding(t *testing.T) {
	t.Parallel()
	for amount, want := range map[price.Amount]int64{0: 0, 499_999: 0, 500_000: 1, 1_499_999: 1, price.Dollar: 1_000_000} {
		if got := amount.Micro(); got != want {
			t.Errorf("%d: got %d micro-dollars, want %d", amount, got, want)
		}
	}
	var s price.Sum
	for range 3 {
		s = s.Plus(math.MaxInt64).Join(price.Sum{Pico: 2 * price.MicroDollar})
	}
	if got, want := s.String(), "27670116.110570327421"; got != want {
		t.Errorf("sum: got %s, want %s", got, want)
	}
	if got, want := s.Rounded(), int64(27670116110570); got != want {
		t.Errorf("rounded sum: got %d, want %d", got, want)
	}
}

func TestOwn(t *testing.T) {
	t.Parallel()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	b, err := price.New(c, []price.Override{{Match: "amazon.*", InputPer1M: 1}, {Match: "llamacpp/*", OutputPer1M: 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		use  price.Use
		want price.Rate
		ok   bool
	}{
		{price.Use{Model: "amazon.nova-lite-v1:0"}, price.Rate{Input: price.MicroDollar}, true},
		{price.Use{Model: "x", ServedBy: "llamacpp/y"}, price.Rate{Output: 2 * price.MicroDollar}, true},
		{price.Use{Model: "anthropic.claude-haiku-5-5"}, price.Rate{}, false},
	} {
		if got, ok := b.Own(tt.use); ok != tt.ok || got.Input != tt.want.Input || got.Output != tt.want.Output {
			t.Errorf("%+v: got %+v, %v", tt.use, got, ok)
		}
	}
}

func TestProfileRatio(t *testing.T) {
	t.Parallel()
	long, _ := some().Lookup("a.long")
	plain, _ := some().Lookup("a.plain")
	for name, want := range map[string]float64{
		"a.long": 1, "us.a.long": 1.1, "global.a.long": 1, "us.a.plain": 1,
		"arn:aws:bedrock:us-east-1:000000000000:inference-profile/eu.a.long": 1.1,
	} {
		if got := price.ProfileRatio(long, name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if got := price.ProfileRatio(plain, "us.a.plain"); got != 1 {
		t.Errorf("a model without a ratio: got %v, want 1", got)
	}
}
