package restjson

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Router finds operations by method and path. It works on the path as it was
// sent: labels are percent-decoded one by one, so that an escaped slash stays
// inside its label. It is immutable and safe for concurrent use.
type Router struct {
	methods map[string]*node
}

// Match is an operation that a request may be meant for.
type Match struct {
	Service *schema.Service
	Op      *schema.Operation
	Labels  map[string]string // percent-decoded, by wire name
}

type node struct {
	literal map[string]*node
	label   *node
	routes  []*route // of paths that end here
	greedy  []*route // of paths whose last label begins here, with the literals behind it
}

type route struct {
	service  *schema.Service
	op       *schema.Operation
	labels   []string
	constant url.Values // what the query string must have
	tail     []string   // literal segments behind a greedy label
}

// NewRouter builds the routes of all rest-json services among services.
func NewRouter(services ...*schema.Service) *Router {
	r := &Router{methods: map[string]*node{}}
	for _, svc := range services {
		if svc.Protocol != "rest-json" {
			continue
		}
		for _, op := range svc.Operations {
			r.add(svc, op)
		}
	}
	return r
}

func (r *Router) add(svc *schema.Service, op *schema.Operation) {
	n := r.methods[op.Method]
	if n == nil {
		n = &node{}
		r.methods[op.Method] = n
	}
	path, query, _ := strings.Cut(op.URI, "?")
	rt := &route{service: svc, op: op}
	if query != "" {
		rt.constant, _ = url.ParseQuery(query)
	}
	segments := split(path)
	for i, seg := range segments {
		name, isLabel := strings.CutPrefix(seg, "{")
		switch {
		case isLabel && strings.HasSuffix(name, "+}"):
			rt.labels, rt.tail = append(rt.labels, strings.TrimSuffix(name, "+}")), segments[i+1:]
			n.greedy = append(n.greedy, rt)
			return
		case isLabel:
			rt.labels = append(rt.labels, strings.TrimSuffix(name, "}"))
			if n.label == nil {
				n.label = &node{}
			}
			n = n.label
		default:
			if n.literal == nil {
				n.literal = map[string]*node{}
			}
			if n.literal[seg] == nil {
				n.literal[seg] = &node{}
			}
			n = n.literal[seg]
		}
	}
	n.routes = append(n.routes, rt)
	// Routes that demand more of the query string come first.
	slices.SortStableFunc(n.routes, func(a, b *route) int { return cmp.Compare(len(b.constant), len(a.constant)) })
}

// split cuts a path at its slashes. One slash at the end says nothing: some
// operations are declared with it, and clients leave it off or put it on.
func split(path string) []string {
	path = strings.TrimPrefix(path, "/")
	path = strings.TrimSuffix(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// maxSegments bounds the search; no operation has nearly as many.
const maxSegments = 64

// Match returns the operations that the request line may mean, the most
// specific first: paths with fewer labels, then those that demand query
// parameters, then those that end as the path does, with or without a slash.
// More than one is left when services share a path (/tags/{arn}, POST
// /agents/{id}): who called decides. nil means that there is none.
func (r *Router) Match(method, escapedPath, rawQuery string) []Match {
	root := r.methods[method]
	if root == nil {
		return nil
	}
	var room [17]int
	path := strings.TrimSuffix(strings.TrimPrefix(escapedPath, "/"), "/")
	s := search{query: rawQuery, path: path, starts: room[:0]}
	for i, more := 0, path != ""; more; {
		if len(s.starts) == maxSegments {
			return nil
		}
		s.starts = append(s.starts, i)
		next := strings.IndexByte(path[i:], '/')
		i, more = i+next+1, next >= 0
	}
	s.walk(root, 0, 0)
	if s.found == nil {
		// An ARN with raw slashes: a label that begins one takes the next segments too.
		s.span = true
		s.walk(root, 0, 0)
	}
	if len(s.found) > 1 {
		slash := strings.HasSuffix(escapedPath, "/")
		slices.SortStableFunc(s.found, func(a, b Match) int {
			return cmp.Or(cmp.Compare(len(a.Labels), len(b.Labels)), cmp.Compare(misfit(a, slash), misfit(b, slash)))
		})
	}
	return s.found
}

// misfit is 1 when the template of the operation ends otherwise than the path.
func misfit(m Match, slash bool) int {
	path, _, _ := strings.Cut(m.Op.URI, "?")
	if strings.HasSuffix(path, "/") == slash {
		return 0
	}
	return 1
}

type search struct {
	query  string
	parsed url.Values
	path   string
	starts []int // of the segments of path
	span   bool
	values [8]string
	found  []Match
	steps  int
}

// slice returns the segments from i up to but not including j.
func (s *search) slice(i, j int) string {
	if j == len(s.starts) {
		return s.path[s.starts[i]:]
	}
	return s.path[s.starts[i] : s.starts[j]-1]
}

const (
	maxSteps   = 4096 // of the search among spans of raw ARNs
	maxLiteral = 256  // escaped bytes of a literal segment
)

func (s *search) walk(n *node, i, labels int) {
	if s.steps++; s.steps > maxSteps {
		return
	}
	if i == len(s.starts) {
		s.collect(n.routes, labels)
	}
	if i < len(s.starts) {
		seg := s.slice(i, i+1)
		next := n.literal[seg]
		if next == nil && n.literal != nil && len(seg) <= maxLiteral && strings.IndexByte(seg, '%') >= 0 {
			next = n.literal[unescape(seg)]
		}
		if next != nil {
			s.walk(next, i+1, labels)
		}
		if n.label != nil && labels < len(s.values) {
			s.values[labels] = seg
			s.walk(n.label, i+1, labels+1)
			if s.span && (strings.HasPrefix(seg, "arn:") || strings.HasPrefix(seg, "arn%3A") || strings.HasPrefix(seg, "arn%3a")) {
				for j := i + 2; j <= len(s.starts) && s.found == nil; j++ {
					s.values[labels] = s.slice(i, j)
					s.walk(n.label, j, labels+1)
				}
			}
		}
	}
	for _, rt := range n.greedy {
		end := len(s.starts) - len(rt.tail)
		if end > i && labels < len(s.values) && (len(rt.tail) == 0 || s.slice(end, len(s.starts)) == strings.Join(rt.tail, "/")) {
			s.values[labels] = s.slice(i, end)
			s.collect([]*route{rt}, labels+1)
		}
	}
}

func (s *search) collect(routes []*route, labels int) {
	for _, rt := range routes {
		if !s.satisfies(rt.constant) {
			continue
		}
		m := Match{Service: rt.service, Op: rt.op}
		if labels > 0 {
			m.Labels = make(map[string]string, labels)
			for i, name := range rt.labels {
				m.Labels[name] = unescape(s.values[i])
			}
		}
		s.found = append(s.found, m)
	}
}

func (s *search) satisfies(constant url.Values) bool {
	if len(constant) == 0 {
		return true
	}
	if s.parsed == nil {
		s.parsed, _ = url.ParseQuery(s.query)
	}
	for k, want := range constant {
		got, ok := s.parsed[k]
		if !ok || want[0] != "" && !slices.Contains(got, want[0]) {
			return false
		}
	}
	return true
}

// unescape percent-decodes what it can: a stray percent sign stands for itself.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}
