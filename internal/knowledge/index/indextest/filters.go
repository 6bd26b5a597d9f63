package indextest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/knowledge"
)

func nan() float64 { return math.NaN() }

// The documents that filters are tried on, a chunk each.
var attributes = map[string]knowledge.Metadata{
	"none":   nil,
	"apple":  {"k": knowledge.String("apple"), "n": knowledge.Number(1), "b": knowledge.Bool(true), "l": knowledge.List([]string{"red", "green"})},
	"Apple":  {"k": knowledge.String("Apple"), "n": knowledge.Number(-2.5), "b": knowledge.Bool(false), "l": knowledge.List([]string{"red"})},
	"banana": {"k": knowledge.String("banana"), "n": knowledge.Number(10), "l": knowledge.List([]string{})},
	"äpfel":  {"k": knowledge.String("äpfel"), "n": knowledge.Number(0), "b": knowledge.Bool(true), "l": knowledge.List([]string{"dark red", ""})},
	"empty":  {"k": knowledge.String(""), "n": knowledge.Number(math.Copysign(0, -1))},
	"number": {"k": knowledge.Number(5), "n": knowledge.String("5")},
	"bool":   {"k": knowledge.Bool(true), "n": knowledge.Bool(true)},
	"list":   {"k": knowledge.List([]string{"apple", "pear"}), "l": knowledge.String("red")},
}

func is(key string, operator knowledge.Operator, value knowledge.Value) knowledge.Filter {
	return knowledge.Filter{Operator: operator, Key: key, Value: value}
}

func oneOf(key string, operator knowledge.Operator, values ...knowledge.Value) knowledge.Filter {
	return knowledge.Filter{Operator: operator, Key: key, Values: values}
}

func both(members ...knowledge.Filter) knowledge.Filter {
	return knowledge.Filter{Operator: knowledge.All, Members: members}
}

func either(members ...knowledge.Filter) knowledge.Filter {
	return knowledge.Filter{Operator: knowledge.Any, Members: members}
}

var (
	text   = knowledge.String
	number = knowledge.Number
	truth  = knowledge.Bool
	list   = knowledge.List
)

// filterCases say which documents a filter lets through. Without is all but
// these.
var filterCases = map[string]struct {
	filter  knowledge.Filter
	want    []string
	without []string
}{
	"equals a string":              {filter: is("k", knowledge.Equals, text("apple")), want: []string{"apple"}},
	"equals an empty string":       {filter: is("k", knowledge.Equals, text("")), want: []string{"empty"}},
	"equals beyond ASCII":          {filter: is("k", knowledge.Equals, text("äpfel")), want: []string{"äpfel"}},
	"equals a number":              {filter: is("n", knowledge.Equals, number(1)), want: []string{"apple"}},
	"equals zero":                  {filter: is("n", knowledge.Equals, number(0)), want: []string{"empty", "äpfel"}},
	"equals a boolean":             {filter: is("b", knowledge.Equals, truth(true)), want: []string{"apple", "äpfel"}},
	"equals false":                 {filter: is("b", knowledge.Equals, truth(false)), want: []string{"Apple"}},
	"equals a list":                {filter: is("l", knowledge.Equals, list([]string{"red", "green"})), want: []string{"apple"}},
	"equals an empty list":         {filter: is("l", knowledge.Equals, list(nil)), want: []string{"banana"}},
	"equals another type":          {filter: is("k", knowledge.Equals, text("5"))},
	"equals a missing key":         {filter: is("missing", knowledge.Equals, text("x"))},
	"equals nothing":               {filter: is("k", knowledge.Equals, knowledge.Value{})},
	"not equals a string":          {filter: is("k", knowledge.NotEquals, text("apple")), without: []string{"apple"}},
	"not equals zero":              {filter: is("n", knowledge.NotEquals, number(0)), without: []string{"empty", "äpfel"}},
	"not equals on a missing key":  {filter: is("missing", knowledge.NotEquals, text("x")), without: []string{}},
	"greater than a number":        {filter: is("n", knowledge.GreaterThan, number(0)), want: []string{"apple", "banana"}},
	"greater or equals":            {filter: is("n", knowledge.GreaterThanOrEquals, number(0)), want: []string{"apple", "banana", "empty", "äpfel"}},
	"less than":                    {filter: is("n", knowledge.LessThan, number(0)), want: []string{"Apple"}},
	"less or equals":               {filter: is("n", knowledge.LessThanOrEquals, number(0)), want: []string{"Apple", "empty", "äpfel"}},
	"less than on a missing key":   {filter: is("missing", knowledge.LessThan, number(0))},
	"greater than a string":        {filter: is("k", knowledge.GreaterThan, text("apple")), want: []string{"banana", "äpfel"}},
	"greater or equals a string":   {filter: is("k", knowledge.GreaterThanOrEquals, text("apple")), want: []string{"apple", "banana", "äpfel"}},
	"less than a string":           {filter: is("k", knowledge.LessThan, text("apple")), want: []string{"Apple", "empty"}},
	"less or equals a string":      {filter: is("k", knowledge.LessThanOrEquals, text("apple")), want: []string{"Apple", "apple", "empty"}},
	"greater than a boolean":       {filter: is("b", knowledge.GreaterThan, truth(false))},
	"greater than a list":          {filter: is("l", knowledge.GreaterThan, list(nil))},
	"in":                           {filter: oneOf("k", knowledge.In, text("apple"), text("banana"), text("cherry")), want: []string{"apple", "banana"}},
	"in of several types":          {filter: oneOf("k", knowledge.In, text("apple"), number(5), truth(true)), want: []string{"apple", "bool", "number"}},
	"in an empty list":             {filter: oneOf("k", knowledge.In)},
	"in on a missing key":          {filter: oneOf("missing", knowledge.In, text("x"))},
	"not in":                       {filter: oneOf("k", knowledge.NotIn, text("apple"), text("banana")), without: []string{"apple", "banana"}},
	"not in an empty list":         {filter: oneOf("k", knowledge.NotIn), without: []string{}},
	"not in on a missing key":      {filter: oneOf("missing", knowledge.NotIn, text("x")), without: []string{}},
	"starts with":                  {filter: is("k", knowledge.StartsWith, text("app")), want: []string{"apple"}},
	"starts with everything":       {filter: is("k", knowledge.StartsWith, text("")), want: []string{"Apple", "apple", "banana", "empty", "äpfel"}},
	"starts with beyond ASCII":     {filter: is("k", knowledge.StartsWith, text("ä")), want: []string{"äpfel"}},
	"starts with no string":        {filter: is("k", knowledge.StartsWith, number(5))},
	"starts with on a missing key": {filter: is("missing", knowledge.StartsWith, text(""))},
	"string contains":              {filter: is("k", knowledge.StringContains, text("pp")), want: []string{"Apple", "apple", "list"}},
	"string contains in a list":    {filter: is("l", knowledge.StringContains, text("red")), want: []string{"Apple", "apple", "list", "äpfel"}},
	"string contains missing":      {filter: is("missing", knowledge.StringContains, text("x"))},
	"list contains":                {filter: is("l", knowledge.ListContains, text("red")), want: []string{"Apple", "apple"}},
	"list contains an empty one":   {filter: is("l", knowledge.ListContains, text("")), want: []string{"äpfel"}},
	"list contains no part":        {filter: is("l", knowledge.ListContains, text("re"))},
	"list contains of a string":    {filter: is("k", knowledge.ListContains, text("apple")), want: []string{"list"}},
	"list contains missing":        {filter: is("missing", knowledge.ListContains, text("x"))},
	"and": {
		filter: both(is("k", knowledge.StringContains, text("pp")), is("n", knowledge.LessThan, number(1))), want: []string{"Apple"},
	},
	"or": {
		filter: either(is("k", knowledge.Equals, text("banana")), is("n", knowledge.LessThan, number(0))), want: []string{"Apple", "banana"},
	},
	"nested": {
		filter: both(
			either(is("k", knowledge.Equals, text("apple")), is("k", knowledge.Equals, text("banana")), is("k", knowledge.Equals, text("Apple"))),
			both(is("missing", knowledge.NotEquals, text("x")), either(is("b", knowledge.Equals, truth(true)), is("n", knowledge.Equals, number(10)))),
		), want: []string{"apple", "banana"},
	},
	"and of opposites": {filter: both(is("k", knowledge.Equals, text("apple")), is("k", knowledge.NotEquals, text("apple")))},
	"source URI":       {filter: is(knowledge.KeySourceURI, knowledge.StartsWith, text("app")), want: []string{"apple"}},
	"source URIs":      {filter: oneOf(knowledge.KeySourceURI, knowledge.In, text("list"), text("bool")), want: []string{"bool", "list"}},
	"data source":      {filter: is(knowledge.KeyDataSourceID, knowledge.Equals, text(source)), without: []string{}},
	"unknown source":   {filter: is(knowledge.KeyDataSourceID, knowledge.Equals, text("DS00000009"))},
	"modality":         {filter: is(knowledge.KeyModality, knowledge.Equals, text("TEXT")), without: []string{}},
	"MIME type":        {filter: is(knowledge.KeyMIME, knowledge.Equals, text("application/pdf")), want: []string{"none"}},
	"page":             {filter: is(knowledge.KeyPageNumber, knowledge.LessThanOrEquals, number(1)), want: []string{"apple"}},
	"no page":          {filter: is(knowledge.KeyPageNumber, knowledge.NotEquals, number(1)), without: []string{"apple"}},
	"chunk":            {filter: is(knowledge.KeyChunkID, knowledge.Equals, text("banana")), want: []string{"banana"}},
	"other chunks":     {filter: is(knowledge.KeyChunkID, knowledge.NotEquals, text("banana")), without: []string{"banana"}},
	"chunks":           {filter: oneOf(knowledge.KeyChunkID, knowledge.In, text("banana"), text("bool"), text("x")), want: []string{"banana", "bool"}},
}

func testFilters(t *testing.T, s Subject) {
	index := open(t, s)
	names := make([]string, 0, len(attributes))
	for name := range attributes {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		d := document(name)
		c := chunk(name, "the same words in each", unit(size, 1, float64(i)))
		switch name {
		case "none":
			d.MIME = "application/pdf"
		case "apple":
			c.Page = 1
		}
		put(t, index, d, attributes[name], c)
	}
	again := open(t, s)
	for name, tc := range filterCases {
		want := tc.want
		if tc.without != nil {
			want = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(tc.without, n) })
		}
		slices.Sort(want)
		for where, index := range map[string]knowledge.Index{"written": index, "opened again": again} {
			got := all(t, index, &tc.filter)
			if diff := gocmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
				t.Errorf("%s, %s: chunks (-want +got):\n%s", name, where, diff)
			}
		}
		for _, mode := range []knowledge.Mode{knowledge.TextSearch, knowledge.HybridSearch} {
			got := ids(search(t, index, knowledge.Query{Mode: mode, Text: "same words", Vector: unit(size, 1), Filter: &tc.filter, Limit: 100}))
			slices.Sort(got)
			if diff := gocmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
				t.Errorf("%s, %s: chunks (-want +got):\n%s", name, mode, diff)
			}
		}
	}
}

// testFilterRecall looks for few among many, all of them far from the query.
func testFilterRecall(t *testing.T, s Subject) {
	const dimensions, documents, perDocument, kept = 64, 60, 100, 20
	sp := spec()
	sp.Dimensions = dimensions
	index := openAs(t, s(t), sp)
	r := rand.New(rand.NewPCG(1, 2))
	rare := map[string][]float32{}
	for d := range documents {
		var chunks []knowledge.Chunk
		for c := range perDocument {
			id := fmt.Sprintf("%d/%d", d, c)
			v := anywhere(r, dimensions)
			v[0] = float32(math.Abs(float64(v[0]))) + 1 // near to the query
			ch := chunk(id, "word", normal(v))
			if n := d*perDocument + c; n%(documents*perDocument/kept) == 7 {
				v[0] = -v[0]
				ch.Vector = normal(v)
				ch.Metadata = knowledge.Metadata{"rare": knowledge.Bool(true)}
				rare[id] = ch.Vector
			}
			chunks = append(chunks, ch)
		}
		put(t, index, document(fmt.Sprint(d)), nil, chunks...)
	}
	q := unit(dimensions, 1)
	hits := search(t, index, knowledge.Query{
		Mode: knowledge.SemanticSearch, Vector: q, Limit: 10,
		Filter: &knowledge.Filter{Operator: knowledge.Equals, Key: "rare", Value: knowledge.Bool(true)},
	})
	wantIDs(t, "the nearest that pass", hits, nearest(rare, q, 10)...)
}

func normal(v []float32) []float32 {
	numbers := make([]float64, len(v))
	for i, n := range v {
		numbers[i] = float64(n)
	}
	return unit(len(v), numbers...)
}

func testChunkMetadata(t *testing.T, s Subject) {
	index := open(t, s)
	row := func(id, color string) knowledge.Chunk {
		c := chunk(id, id, unit(size, 1))
		c.Metadata = knowledge.Metadata{"color": knowledge.String(color), knowledge.KeyMIME: knowledge.String("mine")}
		return c
	}
	put(t, index, document("table"), knowledge.Metadata{"color": knowledge.String("any"), "kind": knowledge.String("table")},
		row("1", "red"), row("2", "blue"), chunk("3", "3", unit(size, 1)))
	for name, tc := range map[string]struct {
		filter knowledge.Filter
		want   []string
	}{
		"own":             {is("color", knowledge.Equals, text("red")), []string{"1"}},
		"document's":      {is("kind", knowledge.Equals, text("table")), []string{"1", "2", "3"}},
		"covered":         {is("color", knowledge.Equals, text("any")), []string{"3"}},
		"service's wins":  {is(knowledge.KeyMIME, knowledge.Equals, text("text/plain")), []string{"1", "2", "3"}},
		"both conditions": {both(is("color", knowledge.NotEquals, text("red")), is("kind", knowledge.Equals, text("table"))), []string{"2", "3"}},
	} {
		if diff := gocmp.Diff(tc.want, all(t, index, &tc.filter)); diff != "" {
			t.Errorf("%s: chunks (-want +got):\n%s", name, diff)
		}
	}
}
