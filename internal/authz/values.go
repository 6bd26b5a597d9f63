package authz

import (
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// memberKey is a condition key that a member of the input is.
type memberKey struct {
	key    string // in lower case
	member *memberPath
}

// memberKeyTable has the condition keys that members of inputs are, by the
// prefix of the service and a pattern of operations.
var memberKeyTable = []struct{ prefix, operations, member, key string }{
	{"bedrock", "InvokeInlineAgent", "agentName", "bedrock:inlineagentname"},
	{"bedrock", "Converse*", "serviceTier.type", "bedrock:servicetier"},
	{"bedrock", "InvokeModel*", "serviceTier", "bedrock:servicetier"},
	{"bedrock", "*KnowledgeBase", "storageConfiguration.pineconeConfiguration.credentialsSecretArn", thirdPartyKey},
	{"bedrock", "*KnowledgeBase", "storageConfiguration.redisEnterpriseCloudConfiguration.credentialsSecretArn", thirdPartyKey},
	{"bedrock", "*KnowledgeBase", "storageConfiguration.mongoDbAtlasConfiguration.credentialsSecretArn", thirdPartyKey},
	{"iam", "Attach*Policy", "PolicyArn", "iam:policyarn"},
	{"iam", "Detach*Policy", "PolicyArn", "iam:policyarn"},
	{"iam", "Create*", "PermissionsBoundary", boundaryKey},
	{"iam", "Put*PermissionsBoundary", "PermissionsBoundary", boundaryKey},
	{"iam", "CreateServiceLinkedRole", "AWSServiceName", "iam:awsservicename"},
	{"iam", "CreateServiceSpecificCredential", "CredentialAgeDays", "iam:servicespecificcredentialagedays"},
	{"iam", "CreateServiceSpecificCredential", "ServiceName", "iam:servicespecificcredentialservicename"},
	{"iam", "GenerateOrganizationsAccessReport", "OrganizationsPolicyId", "iam:organizationspolicyid"},
	{"sts", "AssumeRole", "ExternalId", "sts:externalid"},
	{"sts", "AssumeRole", "TransitiveTagKeys", "sts:transitivetagkeys"},
	{"sts", "*", "RoleSessionName", "sts:rolesessionname"},
	{"sts", "*", "SourceIdentity", "sts:sourceidentity"},
	{"sts", "*", "DurationSeconds", "sts:durationseconds"},
	{"servicequotas", "*", "ServiceCode", "servicequotas:service"},
	{"cloudwatch", "PutMetricData", "Namespace", "cloudwatch:namespace"},
	{"cloudwatch", "Put*Alarm", "AlarmActions", "cloudwatch:alarmactions"},
}

const (
	thirdPartyKey = "bedrock:thirdpartyknowledgebasecredentialssecretarn"
	boundaryKey   = "iam:permissionsboundary"
)

// memberKeys finds the keys of an operation. A member that one of the operations
// does not have is none of its keys.
func memberKeys(prefix string, op *schema.Operation) []memberKey {
	var keys []memberKey
	for _, k := range memberKeyTable {
		if ok, _ := path.Match(k.operations, op.Name); !ok || k.prefix != prefix {
			continue
		}
		if p, err := parsePath(op.Input, k.member); err == nil {
			keys = append(keys, memberKey{k.key, p})
		}
	}
	return keys
}

// guardrailPaths finds the guardrail that a call of a model names.
func guardrailPaths(op *schema.Operation) (guardrail, version *memberPath) {
	switch {
	case strings.HasPrefix(op.Name, "Converse"), strings.HasPrefix(op.Name, "InvokeModel"):
	case op.Name == "ChatCompletions", op.Name == "CreateResponse", op.Name == "Messages": // of the doors
	default:
		return nil, nil
	}
	for _, in := range [...]string{"", "guardrailConfig."} {
		g, err := parsePath(op.Input, in+"guardrailIdentifier")
		if err != nil {
			continue
		}
		if v, err := parsePath(op.Input, in+"guardrailVersion"); err == nil {
			return g, v
		}
	}
	return nil, nil
}

// Get implements policy.Values.
func (q *question) Get(key string) ([]string, bool) {
	if values, ok := q.more[key]; ok {
		return values, true
	}
	prefix, name, _ := strings.Cut(key, ":")
	if prefix == "aws" {
		return q.global(name)
	}
	if tag, ok := strings.CutPrefix(name, "resourcetag/"); ok && prefix == "iam" {
		return tagNamed(q.resourceTags(), tag)
	}
	switch key {
	case "bedrock:inferenceprofilearn":
		return text(q.target.profile)
	case "bedrock:guardrailidentifier":
		return q.guardrail()
	case "bedrock:bearertokentype":
		return text(q.bearer)
	case "iam:passedtoservice":
		return text(q.target.passedTo)
	}
	if q.row != nil {
		for i := range q.row.keys {
			if k := &q.row.keys[i]; k.key == key {
				if values := k.member.collect(q.input, nil); len(values) > 0 {
					return values, true
				}
			}
		}
	}
	if key == boundaryKey {
		return q.boundary()
	}
	return nil, false
}

// global answers for the keys that every service has.
func (q *question) global(name string) ([]string, bool) {
	c, p := q.call, &q.call.Principal
	if kind, tag, ok := strings.Cut(name, "/"); ok {
		switch kind {
		case "principaltag":
			return tagNamed(q.principalTags, tag)
		case "resourcetag":
			return tagNamed(q.resourceTags(), tag)
		case "requesttag":
			return q.requestTag(tag)
		}
		return nil, false
	}
	switch name {
	case "sourceip":
		if c.Source.Endpoint != "" || !c.Source.IP.IsValid() {
			return nil, false
		}
		return text(c.Source.IP.Unmap().String())
	case "vpcsourceip":
		if c.Source.Endpoint == "" || !c.Source.IP.IsValid() {
			return nil, false
		}
		return text(c.Source.IP.Unmap().String())
	case "sourcevpce":
		return text(c.Source.Endpoint)
	case "securetransport":
		return text(strconv.FormatBool(c.Source.Secure))
	case "currenttime":
		return text(q.now.UTC().Format(time.RFC3339))
	case "epochtime":
		return text(strconv.FormatInt(q.now.Unix(), 10))
	case "requestedregion":
		return text(q.region)
	case "useragent":
		return text(c.Source.UserAgent)
	case "referer":
		return text(q.header.Get("Referer"))
	case "viaawsservice", "principalisawsservice":
		return text("false")
	case "userid":
		return text(p.UserID)
	case "username":
		if p.Type != iam.User {
			return nil, false
		}
		return text(p.Name)
	case "principalarn":
		return text(q.principalARN())
	case "principalaccount":
		return text(p.Account)
	case "principaltype":
		return text(principalTypes[p.Type])
	case "resourceaccount":
		return text(q.resourceAccount())
	case "tagkeys":
		return q.tagKeys()
	}
	if p.Session == nil {
		return nil, false
	}
	switch name {
	case "tokenissuetime":
		return text(p.Session.Issued.UTC().Format(time.RFC3339))
	case "sourceidentity":
		return text(p.Session.SourceIdentity)
	case "multifactorauthpresent":
		return text("false")
	}
	return nil, false
}

var principalTypes = map[iam.PrincipalType]string{
	iam.Root: "Account", iam.User: "User", iam.AssumedRole: "AssumedRole", iam.Anonymous: "Anonymous",
}

// text is a key with one value, or none where there is nothing to say.
func text(value string) ([]string, bool) {
	if value == "" {
		return nil, false
	}
	return []string{value}, true
}

// tagNamed finds a tag; keys of conditions are the same in either case.
func tagNamed(tags map[string]string, name string) ([]string, bool) {
	if value, ok := tags[name]; ok {
		return []string{value}, true
	}
	for key, value := range tags {
		if strings.EqualFold(key, name) {
			return []string{value}, true
		}
	}
	return nil, false
}

// requestTag is the value of a tag that the request brings.
func (q *question) requestTag(name string) (values []string, ok bool) {
	if q.row == nil {
		return nil, false
	}
	q.row.eachTag(q.input, func(key, value string) {
		if strings.EqualFold(key, name) {
			values, ok = []string{value}, true
		}
	})
	return values, ok
}

// tagKeys are the keys of tags that the request brings or names.
func (q *question) tagKeys() ([]string, bool) {
	if q.row == nil {
		return nil, false
	}
	var keys []string
	q.row.eachTag(q.input, func(key, _ string) { keys = append(keys, key) })
	for _, p := range q.row.names {
		keys = p.collect(q.input, keys)
	}
	return keys, len(keys) > 0
}

// resourceTags are the tags of the resource that is decided on. They are looked
// up when a policy asks for them.
func (q *question) resourceTags() map[string]string {
	arn := q.target.resource
	if q.taggedARN == arn {
		return q.tagged
	}
	q.taggedARN, q.tagged = arn, nil
	if sort, name, ok := entityOf(arn); ok {
		if e, ok := q.entity(sort, name); ok && e.ARN == arn {
			q.tagged = e.Tags
		}
	} else if q.a.p.Tags != nil && arn != "*" {
		q.tagged = q.a.p.Tags(q.ctx, arn)
	}
	return q.tagged
}

// entityOf takes the ARN of a user, group or role apart.
func entityOf(arn string) (sort directory.Sort, name string, ok bool) {
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) != 6 || fields[2] != "iam" {
		return "", "", false
	}
	kind, rest, ok := strings.Cut(fields[5], "/")
	switch sort = directory.Sort(kind); sort {
	case directory.SortUser, directory.SortGroup, directory.SortRole:
		return sort, rest[strings.LastIndexByte(rest, '/')+1:], ok
	}
	return "", "", false
}

// boundary is the permissions boundary of the user or role that is decided on.
func (q *question) boundary() ([]string, bool) {
	sort, name, ok := entityOf(q.target.resource)
	if !ok {
		return nil, false
	}
	e, ok := q.entity(sort, name)
	if !ok {
		return nil, false
	}
	return text(e.Boundary)
}

// principalARN is the caller's; of a session it is the role's.
func (q *question) principalARN() string {
	p := &q.call.Principal
	if p.Type == iam.AssumedRole {
		return q.entityARN(directory.SortRole, p.Name)
	}
	return p.ARN
}

// resourceAccount is whose the resource is. A base model is nobody's.
func (q *question) resourceAccount() string {
	fields := strings.SplitN(q.target.resource, ":", 6)
	if len(fields) == 6 {
		if fields[2] == "s3" {
			return q.call.Account
		}
		return fields[4]
	}
	return q.call.Account
}

// guardrail is the guardrail that a model is called with: its ARN, with the
// version behind it where that is a number.
func (q *question) guardrail() ([]string, bool) {
	if q.row == nil || q.row.guardrail == nil {
		return nil, false
	}
	id, ok := q.row.guardrail.first(q.input)
	if !ok {
		return nil, false
	}
	if !strings.HasPrefix(id, "arn:") {
		id = q.bedrockARN("guardrail/" + id)
	}
	if version, ok := q.row.version.first(q.input); ok && version != "DRAFT" {
		id += ":" + version
	}
	return text(id)
}
