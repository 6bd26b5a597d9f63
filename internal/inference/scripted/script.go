package scripted

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/outcrop/outcrop/internal/inference"
)

// Script is a rule file that has been read. It never changes.
type Script struct {
	seed   uint64
	head   map[string]*yaml.Node // what stands beside the rules, as it was written
	models []model
	rules  []*rule
	set    settings
}

// settings are what holds for all answers that do not say otherwise.
type settings struct {
	chunk      chunking
	start      time.Duration
	token      time.Duration
	dimensions int
}

// model says what is known about the models that a pattern matches.
type model struct {
	match      string
	kind       string
	window     int
	dimensions int
}

// The kinds of calls of a backend.
const (
	kindGenerate = "generate"
	kindEmbed    = "embed"
	kindRerank   = "rerank"
	kindCount    = "count"
	kindImage    = "image"
)

// rule is what is answered to which calls.
type rule struct {
	name   string
	when   conditions
	answer answer
	source *yaml.Node // as it was written
}

// conditions all have to hold.
type conditions struct {
	operations  []string
	models      []string
	principals  []string
	text        *matcher
	chat        *matcher
	system      *matcher
	tools       []string
	choice      []string
	result      *string // name or pattern of the tool whose result comes last; "" that there is none
	output      *bool
	turn        *span
	nth         *span
	probability float64
	chance      bool // probability was given
}

// matcher is a condition on a text.
type matcher struct {
	contains, equals, prefix string
	fold                     bool
	regex                    *regexp.Regexp
}

// span is a condition on a number: 2, 2-3, >3, every 2.
type span struct{ low, high, every int }

func (s *span) has(n int) bool {
	if s.every > 0 {
		return n%s.every == 0
	}
	return n >= s.low && (s.high == 0 || n <= s.high)
}

// chunking is how an answer is cut into events.
type chunking string

const (
	chunkToken chunking = "token"
	chunkWord  chunking = "word"
	chunkWhole chunking = "whole"
)

// answer is what a rule answers. Each is for one kind of call, but for a fault
// alone.
type answer struct {
	blocks    []block
	stop      inference.StopReason
	usage     *usage
	set       settings
	unchecked bool
	fault     *fail

	embed      bool
	vector     []float32
	dimensions int
	rerank     bool
	scores     []float64
	count      bool
	tokens     int
	image      bool
	pictures   []picture
}

// usage replaces what would be counted; nil members are counted.
type usage struct{ input, output, cacheRead, cacheWrite, reasoning *int }

// block is one block of an answer. One of its members is set.
type block struct {
	text      *text
	citations []citation
	json      *value
	echo      bool
	reasoning *text
	signature *text
	redacted  *text
	tool      *toolCall
}

type citation struct {
	title, source *text
	quotes        []*text
	location      *inference.Location
}

type toolCall struct {
	name  *text
	id    *text
	input *value // nil: made from the tool's schema
	raw   *text  // instead of input, as it is: no JSON
}

// Parse reads rules, YAML or JSON, that name no files. Its error has a line for each mistake.
func Parse(data []byte) (*Script, error) {
	return parse(data, settings{chunk: chunkWord}, "")
}

// parse reads rules; dir is where the files are that they name.
func parse(data []byte, set settings, dir string) (*Script, error) {
	r := &reader{dir: dir}
	s := &Script{set: set, head: make(map[string]*yaml.Node)}
	doc := r.parse(data)
	if doc == nil {
		return nil, r.err()
	}
	if doc.Kind == yaml.SequenceNode { // rules alone
		r.list(doc, func(n *yaml.Node) { s.rules = append(s.rules, r.rule(n, s)) })
		return s, r.err()
	}
	// The settings come first: rules inherit them.
	r.mapping(doc, "the file", fields{
		"seed": func(n *yaml.Node) {
			seed, err := strconv.ParseUint(r.str(n), 10, 64)
			if err != nil {
				r.wrong(n, "a whole number is wanted")
			}
			s.seed = seed
		},
		"settings": func(n *yaml.Node) { r.mapping(n, "settings", r.settings(&s.set)) },
		"models":   func(n *yaml.Node) { r.list(n, func(n *yaml.Node) { s.models = append(s.models, r.model(n)) }) },
		"rules":    func(*yaml.Node) {},
	})
	if doc.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(doc.Content); i += 2 {
			key, n := doc.Content[i].Value, doc.Content[i+1]
			switch {
			case key != "rules":
				s.head[key] = n
			case n.ShortTag() != "!!null":
				r.list(n, func(n *yaml.Node) { s.rules = append(s.rules, r.rule(n, s)) })
			}
		}
	}
	r.unique(s.rules)
	return s, r.err()
}

func (r *reader) unique(rules []*rule) {
	names := make(map[string]bool, len(rules))
	for _, rule := range rules {
		if rule.name != "" && names[rule.name] {
			r.wrong(rule.source, "there are two rules of the name %s", shorten(rule.name))
		}
		names[rule.name] = true
	}
}

func (r *reader) settings(s *settings) fields {
	return fields{
		"chunk": func(n *yaml.Node) {
			s.chunk = chunking(r.oneOf(n, string(chunkToken), string(chunkWord), string(chunkWhole)))
		},
		"delay": func(n *yaml.Node) {
			if r.follow(n).Kind == yaml.ScalarNode {
				s.start = r.duration(n)
				return
			}
			r.mapping(n, "delay", fields{
				"start": func(n *yaml.Node) { s.start = r.duration(n) },
				"token": func(n *yaml.Node) { s.token = r.duration(n) },
			})
		},
		"dimensions": func(n *yaml.Node) { s.dimensions = r.integer(n, 1, maxDimensions) },
	}
}

func (r *reader) model(n *yaml.Node) model {
	var m model
	r.mapping(n, "a model", fields{
		"match":         func(n *yaml.Node) { m.match = r.pattern(n) },
		"kind":          func(n *yaml.Node) { m.kind = r.oneOf(n, "text", "embedding", "rerank", "image") },
		"contextWindow": func(n *yaml.Node) { m.window = r.integer(n, 1, 1<<30) },
		"dimensions":    func(n *yaml.Node) { m.dimensions = r.integer(n, 1, maxDimensions) },
	})
	if m.match == "" {
		r.wrong(n, "a model needs match")
	}
	return m
}

// pattern reads a pattern with * and ?.
func (r *reader) pattern(n *yaml.Node) string {
	s := r.str(n)
	if _, err := path.Match(s, ""); err != nil || s == "" {
		r.wrong(n, "%q is not a pattern", shorten(s))
	}
	return s
}

func (r *reader) patterns(n *yaml.Node) []string {
	var out []string
	r.list(n, func(n *yaml.Node) { out = append(out, r.pattern(n)) })
	return out
}

func (r *reader) rule(n *yaml.Node, s *Script) *rule {
	n = r.follow(n)
	out := &rule{source: n}
	out.answer.set = s.set
	answered := false
	r.mapping(n, "a rule", fields{
		"name":   func(n *yaml.Node) { out.name = r.str(n) },
		"when":   func(n *yaml.Node) { out.when = r.conditions(n) },
		"answer": func(n *yaml.Node) { r.answer(n, &out.answer); answered = true },
	})
	if !answered && n.Kind == yaml.MappingNode {
		r.wrong(n, "a rule needs an answer")
	}
	return out
}

func (r *reader) conditions(n *yaml.Node) conditions {
	var c conditions
	r.mapping(n, "when", fields{
		"operation":    func(n *yaml.Node) { c.operations = r.patterns(n) },
		"model":        func(n *yaml.Node) { c.models = r.patterns(n) },
		"principal":    func(n *yaml.Node) { c.principals = r.patterns(n) },
		"text":         func(n *yaml.Node) { c.text = r.matcher(n) },
		"conversation": func(n *yaml.Node) { c.chat = r.matcher(n) },
		"system":       func(n *yaml.Node) { c.system = r.matcher(n) },
		"tools":        func(n *yaml.Node) { c.tools = r.strs(n) },
		"toolChoice": func(n *yaml.Node) {
			r.list(n, func(n *yaml.Node) { c.choice = append(c.choice, r.oneOf(n, "auto", "any", "tool", "none")) })
		},
		"toolResult": func(n *yaml.Node) {
			name := "*"
			if !r.isBool(n) {
				name = r.pattern(n)
			} else if !r.boolean(n) {
				name = ""
			}
			c.result = &name
		},
		"output":      func(n *yaml.Node) { v := r.boolean(n); c.output = &v },
		"turn":        func(n *yaml.Node) { c.turn = r.span(n) },
		"nth":         func(n *yaml.Node) { c.nth = r.span(n) },
		"probability": func(n *yaml.Node) { c.probability, c.chance = r.number(n, 0, 1), true },
	})
	return c
}

func (r *reader) matcher(n *yaml.Node) *matcher {
	m := &matcher{}
	if r.follow(n).Kind == yaml.ScalarNode {
		m.contains = r.str(n)
		return m
	}
	given := 0
	r.mapping(n, "a condition on a text", fields{
		"contains": func(n *yaml.Node) { m.contains = r.str(n); given++ },
		"equals":   func(n *yaml.Node) { m.equals = r.str(n); given++ },
		"prefix":   func(n *yaml.Node) { m.prefix = r.str(n); given++ },
		"regex": func(n *yaml.Node) {
			given++
			var err error
			if m.regex, err = regexp.Compile(r.str(n)); err != nil {
				r.wrong(n, "%s", err)
			}
		},
		"ignoreCase": func(n *yaml.Node) { m.fold = r.boolean(n) },
	})
	if given != 1 {
		r.wrong(n, "a condition on a text has one of contains, equals, prefix and regex")
	}
	if m.fold && m.regex != nil {
		m.regex = regexp.MustCompile("(?i)" + m.regex.String()) // it compiles with the flag, too
	}
	return m
}

// matches reports whether a text fits, and what groups a regular expression
// found, by number and name.
func (m *matcher) matches(s string) (map[string]string, bool) {
	if m.regex != nil {
		found := m.regex.FindStringSubmatch(s)
		if found == nil {
			return nil, false
		}
		groups := make(map[string]string, len(found))
		for i, name := range m.regex.SubexpNames() {
			groups[strconv.Itoa(i)] = found[i]
			if name != "" {
				groups[name] = found[i]
			}
		}
		return groups, true
	}
	contains, equals, prefix := m.contains, m.equals, m.prefix
	if m.fold {
		s, contains, equals, prefix = strings.ToLower(s), strings.ToLower(contains), strings.ToLower(equals), strings.ToLower(prefix)
	}
	switch {
	case equals != "":
		return nil, s == equals
	case prefix != "":
		return nil, strings.HasPrefix(s, prefix)
	}
	return nil, strings.Contains(s, contains)
}

var errSpan = errors.New("a number is wanted, or such as 2-3, >3, every 2")

func (r *reader) span(n *yaml.Node) *span {
	s, err := parseSpan(strings.TrimSpace(r.str(n)))
	if err != nil {
		r.wrong(n, "%s", err)
		return &span{low: 1}
	}
	return s
}

func parseSpan(s string) (*span, error) {
	number := func(s string) (int, error) {
		v, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || v < 1 || v > 1<<30 {
			return 0, errSpan
		}
		return v, nil
	}
	if rest, ok := strings.CutPrefix(s, "every "); ok {
		v, err := number(rest)
		return &span{every: v}, err
	}
	if rest, ok := strings.CutPrefix(s, ">"); ok {
		v, err := number(rest)
		return &span{low: v + 1}, err
	}
	if rest, ok := strings.CutPrefix(s, "<"); ok {
		v, err := number(rest)
		if v == 1 {
			err = errSpan
		}
		return &span{low: 1, high: v - 1}, err
	}
	first, last, isRange := strings.Cut(s, "-")
	low, err := number(first)
	if err != nil {
		return nil, err
	}
	if !isRange {
		return &span{low: low, high: low}, nil
	}
	high, err := number(last)
	if err != nil || high < low {
		return nil, errSpan
	}
	return &span{low: low, high: high}, nil
}

// title is how a rule is called in messages and in the list of calls.
func (s *Script) title(i int) string {
	if name := s.rules[i].name; name != "" {
		return name
	}
	return fmt.Sprintf("#%d", i+1)
}
