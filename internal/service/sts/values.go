package sts

import (
	"strconv"
	"strings"
	"time"

	api "github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// values are the condition keys of a request to take on a role.
type values struct {
	call         *call.Call
	in           *api.AssumeRoleInput
	now          time.Time
	tags         map[string]string // of the caller
	principalARN string
	role         directory.Role
	source       string // source identity of the session that is asked for
}

// Get implements policy.Values.
func (v *values) Get(key string) ([]string, bool) {
	prefix, name, _ := strings.Cut(key, ":")
	if kind, tag, ok := strings.Cut(name, "/"); ok {
		return v.tag(prefix, kind, tag)
	}
	switch prefix {
	case "sts":
		return v.own(name)
	case "aws":
		return v.global(name)
	}
	return nil, false
}

// tag answers for the keys that end in the key of a tag.
func (v *values) tag(prefix, kind, tag string) ([]string, bool) {
	switch {
	case kind == "principaltag" && prefix == "aws":
		return tagNamed(v.tags, tag)
	case kind == "resourcetag" && (prefix == "aws" || prefix == "iam"):
		return tagNamed(v.role.Tags, tag)
	case kind == "requesttag" && prefix == "aws":
		for _, t := range v.in.Tags {
			if strings.EqualFold(schema.Deref(t.Key), tag) {
				return []string{schema.Deref(t.Value)}, true
			}
		}
	}
	return nil, false
}

// tagNamed finds a tag; keys of conditions are the same in either case.
func tagNamed(tags map[string]string, name string) ([]string, bool) {
	for key, value := range tags {
		if strings.EqualFold(key, name) {
			return []string{value}, true
		}
	}
	return nil, false
}

func (v *values) own(name string) ([]string, bool) {
	switch name {
	case "externalid":
		return text(schema.Deref(v.in.ExternalId))
	case "rolesessionname":
		return text(schema.Deref(v.in.RoleSessionName))
	case "sourceidentity":
		return text(v.source)
	case "transitivetagkeys":
		return v.in.TransitiveTagKeys, len(v.in.TransitiveTagKeys) > 0
	case "durationseconds":
		if v.in.DurationSeconds != nil {
			return text(strconv.Itoa(int(*v.in.DurationSeconds)))
		}
	}
	return nil, false
}

// principalTypes are the values of aws:PrincipalType.
var principalTypes = map[iam.PrincipalType]string{iam.User: "User", iam.AssumedRole: "AssumedRole"}

func (v *values) global(name string) ([]string, bool) {
	c, p := v.call, &v.call.Principal
	ip := ""
	if c.Source.IP.IsValid() {
		ip = c.Source.IP.Unmap().String()
	}
	switch name {
	case "sourceip":
		if c.Source.Endpoint == "" {
			return text(ip)
		}
	case "vpcsourceip":
		if c.Source.Endpoint != "" {
			return text(ip)
		}
	case "sourcevpce":
		return text(c.Source.Endpoint)
	case "securetransport":
		return text(strconv.FormatBool(c.Source.Secure))
	case "currenttime":
		return text(v.now.UTC().Format(time.RFC3339))
	case "epochtime":
		return text(strconv.FormatInt(v.now.Unix(), 10))
	case "requestedregion":
		return text(c.Region)
	case "useragent":
		return text(c.Source.UserAgent)
	case "viaawsservice", "principalisawsservice":
		return text("false")
	case "userid":
		return text(p.UserID)
	case "username":
		if p.Type == iam.User {
			return text(p.Name)
		}
	case "principalarn":
		return text(v.principalARN)
	case "principalaccount", "resourceaccount":
		return text(p.Account)
	case "principaltype":
		return text(principalTypes[p.Type])
	case "tagkeys":
		keys := make([]string, len(v.in.Tags))
		for i, t := range v.in.Tags {
			keys[i] = schema.Deref(t.Key)
		}
		return keys, len(keys) > 0
	default:
		return v.ofSession(name)
	}
	return nil, false
}

// ofSession answers for the keys that only temporary credentials have.
func (v *values) ofSession(name string) ([]string, bool) {
	session := v.call.Principal.Session
	if session == nil {
		return nil, false
	}
	switch name {
	case "tokenissuetime":
		return text(session.Issued.UTC().Format(time.RFC3339))
	case "sourceidentity":
		return text(session.SourceIdentity)
	case "multifactorauthpresent":
		return text("false") // there are no devices
	}
	return nil, false
}

// text is a key with one value, or none where there is nothing to say.
func text(value string) ([]string, bool) {
	if value == "" {
		return nil, false
	}
	return []string{value}, true
}
