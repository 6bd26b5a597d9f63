package authz

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// resource says how the ARN of what an operation works on is made.
type resource struct {
	function string // "model"; empty: a template alone
	parts    []part
	renames  *renames
}

// part is a piece of a template: text, what is known of every request, or a
// member of the input.
type part struct {
	text     string
	builtin  string // partition, region, account
	member   *memberPath
	fallback string // of a member that is absent
	has      bool   // fallback
	arn      bool   // the member may be an ARN instead of a name
}

// renames are the members that give an entity another name or path.
type renames struct{ name, newName, newPath *memberPath }

// target is one thing that an operation works on, and the permission for it.
type target struct {
	action   string
	resource string // ARN, or "*"
	profile  string // bedrock:InferenceProfileArn
	passedTo string // iam:PassedToService
	// role has to have the permission in the caller's place; nil: the caller has.
	role *directory.Role
}

var (
	functionForm    = regexp.MustCompile(`^([a-z0-9]+)\((.*)\)$`)
	placeholderForm = regexp.MustCompile(`\{[^{}]+\}`)
)

// functions are what a resource may be made by, beside templates.
var functions = map[string]func(q *question, action string, values []string, to []target) []target{
	"model":       (*question).models,
	"ranker":      (*question).rankers,
	"foundation":  (*question).foundations,
	"profile":     (*question).profiles,
	"provisioned": (*question).provisioned,
	"user":        (*question).users,
	"group":       (*question).groups,
	"role":        (*question).roles,
	"self":        (*question).self,
	"owner":       (*question).owners,
	"passed":      (*question).passed,
	"readable":    (*question).readable,
	"s3":          (*question).objects,
	"renamed":     nil, // needs more than one member: see expand
}

func parseResource(op *schema.Operation, base, text string) (resource, error) {
	var r resource
	if m := functionForm.FindStringSubmatch(text); m != nil {
		if _, ok := functions[m[1]]; !ok {
			return r, fmt.Errorf("there is no function %s", m[1])
		}
		r.function, text, base = m[1], m[2], ""
		if r.function == "renamed" {
			return r, r.renamed(op, text)
		}
	}
	if base != "" && text != "*" && !strings.HasPrefix(text, "arn:") {
		text = base + text
	}
	at := 0
	for _, span := range placeholderForm.FindAllStringIndex(text, -1) {
		if span[0] > at {
			r.parts = append(r.parts, part{text: text[at:span[0]]})
		}
		at = span[1]
		p, err := parsePart(op, text[span[0]+1:span[1]-1])
		if err != nil {
			return r, err
		}
		r.parts = append(r.parts, p)
	}
	if at < len(text) {
		r.parts = append(r.parts, part{text: text[at:]})
	}
	return r, nil
}

func parsePart(op *schema.Operation, name string) (part, error) {
	switch name {
	case "partition", "region", "account":
		return part{builtin: name}, nil
	}
	name, fallback, has := strings.Cut(name, "=")
	p, err := parsePath(op.Input, name)
	return part{member: p, fallback: fallback, has: has, arn: identifier.MatchString(name)}, err
}

// renamed reads the members for a sort of entity: UserName, NewUserName, NewPath.
func (r *resource) renamed(op *schema.Operation, sort string) error {
	title := strings.ToUpper(sort[:1]) + sort[1:] + "Name"
	r.parts = []part{{text: sort}}
	r.renames = &renames{}
	for _, m := range []struct {
		name string
		to   **memberPath
	}{{title, &r.renames.name}, {"New" + title, &r.renames.newName}, {"NewPath", &r.renames.newPath}} {
		p, err := parsePath(op.Input, m.name)
		if err != nil {
			return err
		}
		*m.to = p
	}
	return nil
}

// expand appends the targets of a resource; ok is false when a member that it is
// made of is not there.
func (r *resource) expand(q *question, action string, to []target) (_ []target, ok bool) {
	if r.renames != nil {
		return q.renamed(r, action, to)
	}
	if len(r.parts) == 1 && r.parts[0].text != "" && r.function == "" {
		return append(to, target{action: action, resource: r.parts[0].text}), true
	}
	var room [1]string
	texts := append(room[:0], "")
	for i := range r.parts {
		p := &r.parts[i]
		if p.member == nil {
			add := q.builtin(p)
			for j := range texts {
				texts[j] += add
			}
			continue
		}
		var valueRoom [1]string
		values := p.member.collect(q.input, valueRoom[:0])
		arns := p.arn
		if q.given != "" {
			values, arns = append(values, q.given), true
		}
		if len(values) == 0 {
			if !p.has {
				return to, false
			}
			values = append(values, p.fallback)
		}
		texts = product(texts, values, arns)
	}
	if f := functions[r.function]; f != nil {
		return f(q, action, texts, to), true
	}
	for _, text := range texts {
		to = append(to, target{action: action, resource: text})
	}
	return to, true
}

// identifier are the members that take an ARN as well as a name. A name of another
// one that looks like an ARN is a name.
var identifier = regexp.MustCompile(`(?i)(arns?|identifiers?|modelid|serialnumber)$`)

// product puts every value behind every text. An ARN stands for itself.
func product(texts, values []string, arns bool) []string {
	if len(values) == 1 {
		for i := range texts {
			texts[i] = join(texts[i], values[0], arns)
		}
		return texts
	}
	all := make([]string, 0, len(texts)*len(values))
	for _, text := range texts {
		for _, value := range values {
			all = append(all, join(text, value, arns))
		}
	}
	return all
}

func join(text, value string, arn bool) string {
	if text == "" || arn && strings.HasPrefix(value, "arn:") {
		return value
	}
	return text + value
}

func (q *question) builtin(p *part) string {
	switch p.builtin {
	case "partition":
		return q.partition
	case "region":
		return q.call.Region
	case "account":
		return q.call.Account
	}
	return p.text
}

// bedrockARN makes the ARN of something of the account.
func (q *question) bedrockARN(resource string) string {
	return "arn:" + q.partition + ":bedrock:" + q.call.Region + ":" + q.call.Account + ":" + resource
}

func (q *question) iamARN(resource string) string {
	return "arn:aws:iam::" + q.call.Account + ":" + resource
}

// foundations are base models by their ID or ARN.
func (q *question) foundations(action string, values []string, to []target) []target {
	for _, value := range values {
		id := catalog.Parse(value)
		if id.Kind != catalog.NameID && id.Kind != catalog.FoundationModel {
			to = append(to, target{action: action, resource: value})
			continue
		}
		to = append(to, target{action: action, resource: q.foundation(id)})
	}
	return to
}

// profiles are inference profiles by their ID or ARN. Those of the system have
// the name of a model in theirs, others an ID without dots.
func (q *question) profiles(action string, values []string, to []target) []target {
	for _, value := range values {
		id := catalog.Parse(value)
		arn := value
		switch {
		case id.Kind == catalog.SystemProfile:
			arn = q.profile(id)
		case id.Kind != catalog.NameID:
		case strings.Contains(id.Name, "."):
			arn = q.bedrockARN("inference-profile/" + id.Name)
		default:
			arn = q.bedrockARN("application-inference-profile/" + id.Name)
		}
		to = append(to, target{action: action, resource: arn})
	}
	return to
}

// provisioned are provisioned throughputs by their name, ID or ARN.
func (q *question) provisioned(action string, values []string, to []target) []target {
	for _, value := range values {
		arn, ok := q.reserved(value)
		if !ok {
			arn = join(q.bedrockARN("provisioned-model/"), value, true)
		}
		to = append(to, target{action: action, resource: arn})
	}
	return to
}

// reserved finds provisioned throughput by any of its names.
func (q *question) reserved(identifier string) (arn string, ok bool) {
	if q.a.p.Provisioned == nil {
		return "", false
	}
	return q.a.p.Provisioned(q.ctx, q.call.Account, q.call.Region, identifier)
}

// bucketARN begins the ARNs of buckets and objects. They are the same in every
// region, and the endpoint of the buckets decides on them as these.
const bucketARN = "arn:aws:s3:::"

// objects are S3 objects by their URI. A key that a server on the way may read as
// another one, as a/../b, takes the permission for both.
func (q *question) objects(action string, values []string, to []target) []target {
	for _, value := range values {
		name, _ := strings.CutPrefix(value, "s3://")
		to = append(to, target{action: action, resource: bucketARN + name})
		if clean := path.Clean("/" + name)[1:]; clean != strings.TrimSuffix(name, "/") {
			to = append(to, target{action: action, resource: bucketARN + clean})
		}
	}
	return to
}
