package schema

import (
	"cmp"
	"reflect"
	"slices"
)

// Generation1 is named by every generated file. A change of the tables that
// old generated files would misread renames it, so that they stop compiling
// instead of being linked wrongly.
const Generation1 = 1

// Table is a service as the generator writes it: constant data that the
// compiler lays out, with shapes referring to each other by position. Link
// makes a Service of it.
type Table struct {
	ID, Name, SigningName, Protocol, APIVersion, JSONVersion, TargetPrefix, XMLNamespace string
	Auth                                                                                 []string
	Shapes                                                                               []ShapeRow
	Operations                                                                           []OperationRow
}

// ShapeRow is a Shape in a Table. Members has the value of a list, and the key
// and the value of a map.
type ShapeRow struct {
	Name      string
	Kind      Kind
	Traits    ShapeTrait
	Timestamp TimestampFormat
	Members   []MemberRow
	Bounds    *Bounds
	Pattern   string
	Enum      []string
	Payload   string
	MediaType string
	Error     *ErrorInfo
	Go        any // typed nil pointer to the Go struct
}

// ShapeTrait is a set of the yes-or-no traits of a shape.
type ShapeTrait uint16

// The traits of shapes.
const (
	SensitiveShape ShapeTrait = 1 << iota
	SparseShape
	StreamingShape
	EventStreamShape
	EventShape
	FlattenedShape
	UniqueShape
)

// Bounds are the limits of a shape; Has tells which exist.
type Bounds struct {
	Has      BoundSet
	Min, Max float64
}

// BoundSet says which limits exist.
type BoundSet uint8

// The limits.
const (
	HasMin BoundSet = 1 << iota
	HasMax
)

// MemberRow is a Member in a Table.
type MemberRow struct {
	Name         string
	Shape        uint16
	Traits       MemberTrait
	Location     Location
	Timestamp    TimestampFormat
	Order        uint8 // position in the model
	LocationName string
	Default      any
}

// MemberTrait is a set of the yes-or-no traits of a member.
type MemberTrait uint16

// The traits of members.
const (
	RequiredMember MemberTrait = 1 << iota
	TokenMember
	SensitiveMember
	EventPayloadMember
	EventHeaderMember
	HostLabelMember
	JSONValueMember
	DefaultMember
)

// OperationRow is an Operation in a Table; shapes are positions.
type OperationRow struct {
	Name, Method, URI string
	Status            int
	Input, Output     uint16
	Errors            []uint16
	ResultWrapper     string
	Auth              []string
}

// Link makes the service of a table. It panics when the table is not one that
// the generator wrote.
func Link(t *Table) *Service {
	svc := &Service{
		ID: t.ID, Name: t.Name, SigningName: t.SigningName, Protocol: t.Protocol, APIVersion: t.APIVersion,
		JSONVersion: t.JSONVersion, TargetPrefix: t.TargetPrefix, XMLNamespace: t.XMLNamespace, Auth: t.Auth,
		Shapes: make(map[string]*Shape, len(t.Shapes)),
	}
	var n int
	for i := range t.Shapes {
		n += len(t.Shapes[i].Members)
	}
	shapes, members, refs := make([]Shape, len(t.Shapes)), make([]Member, n), make([]*Member, n)
	n = 0
	for i := range t.Shapes {
		row, s := &t.Shapes[i], &shapes[i]
		first := n
		field := 0
		for j := range row.Members {
			m := &members[n]
			row.Members[j].link(m, shapes)
			m.Field = -1
			// The stream itself is not a field: it arrives through the sink or the source.
			if t.Shapes[row.Members[j].Shape].Traits&EventStreamShape == 0 && row.Go != nil {
				m.Field = field
				field++
			}
			refs[n] = m
			n++
		}
		row.link(s, refs[first:n:n])
		if _, ok := svc.Shapes[s.Name]; !ok {
			svc.Shapes[s.Name] = s
		}
	}
	ops := make([]Operation, len(t.Operations))
	svc.Operations = make([]*Operation, len(t.Operations))
	for i := range t.Operations {
		row, op := &t.Operations[i], &ops[i]
		op.Name, op.Method, op.URI, op.Status = row.Name, row.Method, row.URI, row.Status
		op.Input, op.Output, op.ResultWrapper, op.Auth = &shapes[row.Input], &shapes[row.Output], row.ResultWrapper, row.Auth
		op.Errors = make([]*Shape, len(row.Errors))
		for j, e := range row.Errors {
			op.Errors[j] = &shapes[e]
		}
		op.InputStream, op.OutputStream = op.Input.StreamMember(), op.Output.StreamMember()
		svc.Operations[i] = op
	}
	return svc
}

func (row *MemberRow) link(m *Member, shapes []Shape) {
	t := row.Traits
	m.Name, m.Shape, m.Location, m.LocationName = row.Name, &shapes[row.Shape], row.Location, row.LocationName
	m.Timestamp, m.Default, m.Order = row.Timestamp, row.Default, int(row.Order)
	m.Required, m.IdempotencyToken, m.Sensitive = t&RequiredMember != 0, t&TokenMember != 0, t&SensitiveMember != 0
	m.EventPayload, m.EventHeader = t&EventPayloadMember != 0, t&EventHeaderMember != 0
	m.HostLabel, m.JSONValue, m.HasDefault = t&HostLabelMember != 0, t&JSONValueMember != 0, t&DefaultMember != 0
}

func (row *ShapeRow) link(s *Shape, members []*Member) {
	t := row.Traits
	s.Name, s.Kind, s.Pattern, s.Enum = row.Name, row.Kind, row.Pattern, row.Enum
	s.Timestamp, s.Payload, s.MediaType, s.Error = row.Timestamp, row.Payload, row.MediaType, row.Error
	s.Sensitive, s.Sparse, s.Streaming = t&SensitiveShape != 0, t&SparseShape != 0, t&StreamingShape != 0
	s.EventStream, s.Event = t&EventStreamShape != 0, t&EventShape != 0
	s.Flattened, s.UniqueItems = t&FlattenedShape != 0, t&UniqueShape != 0
	if b := row.Bounds; b != nil {
		if b.Has&HasMin != 0 {
			s.Min = &b.Min
		}
		if b.Has&HasMax != 0 {
			s.Max = &b.Max
		}
	}
	switch row.Kind {
	case List:
		s.Value = members[0]
	case Map:
		s.Key, s.Value = members[0], members[1]
	case Structure, Union:
		s.Members = members
		if row.Go != nil {
			typ := reflect.TypeOf(row.Go).Elem()
			s.New = func() any { return reflect.New(typ).Interface() }
		}
		s.Seal()
	}
}

// Seal orders the members and prepares Member. Loaders of tables call it once
// a structure is complete; Link does it itself.
func (s *Shape) Seal() {
	byName := func(a, b *Member) int { return cmp.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(s.Members, byName) {
		slices.SortStableFunc(s.Members, byName)
	}
	s.body, s.defaults = s.Members, slices.ContainsFunc(s.Members, func(m *Member) bool { return m.HasDefault })
	if slices.ContainsFunc(s.Members, func(m *Member) bool { return m.Location != Body || m.WireName() != m.Name }) {
		s.body = slices.DeleteFunc(slices.Clone(s.Members), func(m *Member) bool { return m.Location != Body })
		slices.SortStableFunc(s.body, func(a, b *Member) int { return cmp.Compare(a.WireName(), b.WireName()) })
	}
}

// DefaultJSON is the JSON text of the value that an absent member has.
func (m *Member) DefaultJSON() (string, bool) {
	if !m.HasDefault {
		return "", false
	}
	text, ok := m.Default.(string)
	return text, ok && text != "null"
}

// Defaults reports whether a member in the body has a default.
func (s *Shape) Defaults() bool { return s.defaults }

// BodyMembers returns the members that travel in the body, sorted by wire name.
func (s *Shape) BodyMembers() []*Member { return s.body }

// WireName is LocationName, or Name where that is empty.
func (m *Member) WireName() string {
	if m.LocationName != "" {
		return m.LocationName
	}
	return m.Name
}

// Member finds a member by name, or nil.
func (s *Shape) Member(name string) *Member {
	if i, ok := slices.BinarySearchFunc(s.Members, name, func(m *Member, n string) int { return cmp.Compare(m.Name, n) }); ok {
		return s.Members[i]
	}
	return nil
}

// BodyIndex finds the position in BodyMembers of the member with the wire name,
// or -1. It does not keep or allocate for name.
func (s *Shape) BodyIndex(name []byte) int {
	lo, hi := 0, len(s.body)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if s.body[mid].WireName() < string(name) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(s.body) && s.body[lo].WireName() == string(name) {
		return lo
	}
	return -1
}

// StreamMember is the member that is an event stream, or nil.
func (s *Shape) StreamMember() *Member {
	for _, m := range s.Members {
		if m.Shape.EventStream {
			return m
		}
	}
	return nil
}

// Operation finds an operation by name, or nil.
func (s *Service) Operation(name string) *Operation {
	if i, ok := slices.BinarySearchFunc(s.Operations, name, func(o *Operation, n string) int { return cmp.Compare(o.Name, n) }); ok {
		return s.Operations[i]
	}
	return nil
}

// Validator is a compiled Pattern. How it is compiled is the business of
// package constraint; the shape only keeps it.
type Validator struct {
	Match func(string) bool
}

// Validator returns what compile made of the pattern the first time. It may be
// called concurrently, and compile more than once then.
func (s *Shape) Validator(compile func(pattern string) *Validator) *Validator {
	if v := s.pattern.Load(); v != nil {
		return v
	}
	v := compile(s.Pattern)
	s.pattern.Store(v)
	return v
}
