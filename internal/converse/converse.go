// Package converse translates between the Converse API (the generated types of
// bedrock-runtime) and the hub, in both directions: requests, whole answers and
// streams. The bedrock-runtime service reads requests and writes answers with
// it; the backend that asks Amazon Bedrock does the opposite.
//
// It checks only what has no place in the hub: what a model supports, which
// tool results are missing and how large an image may be is the service's
// business. What belongs to a call and not to a conversation (guardrails,
// prompt variables, tiers, metadata, response paths) is not translated either.
//
// Nothing gets lost: what one side can say and the other one cannot is
// Unsupported, by name. Cache points are the exception, because they only save
// work: one that follows no tool in the list of tools is left out.
package converse

import (
	"bytes"
	"encoding/json"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Dialect is the inference.Request.Dialect of additionalModelRequestFields as
// they came: members of a format that Converse does not name.
const Dialect = "converse"

// KindSystem is the Kind of a system tool.
const KindSystem = "system"

// KindServer is the Kind of a call of a tool that the service itself runs.
const KindServer = string(api.ToolUseTypeServerToolUse)

// str is the value of a member, nil when it says nothing.
func str(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// number is a count of the wire; more than fits there is its largest.
func number(n int) *int32 {
	const most = 1<<31 - 1
	m := int32(min(n, most))
	return &m
}

// unsupported is the fault of a thing that Converse has no member for.
func unsupported(what string) error {
	return fault.New(fault.Unsupported, "%s cannot be sent to Amazon Bedrock with Converse.", what)
}

// object reads a document that has to be an object. Absent and null are nil.
func object(name string, doc schema.DocumentValue) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	text := bytes.TrimSpace(doc)
	if len(text) == 0 || string(text) == "null" {
		return members, nil
	}
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The %s field must be a JSON object.", name)
	}
	return members, nil
}

// document is what a model wrote as JSON: itself where it is, a string of it
// where it is not, and the empty object where it wrote nothing.
func document(raw json.RawMessage) (schema.DocumentValue, error) {
	if len(raw) == 0 {
		return schema.DocumentValue("{}"), nil
	}
	if json.Valid(raw) {
		return schema.DocumentValue(raw), nil
	}
	quoted, err := json.Marshal(string(raw))
	return quoted, err
}

// role is the hub's word for a role.
func role(r api.ConversationRole) (inference.Role, error) {
	switch r {
	case api.ConversationRoleUser:
		return inference.RoleUser, nil
	case api.ConversationRoleAssistant:
		return inference.RoleAssistant, nil
	case api.ConversationRoleSystem:
		return inference.RoleSystem, nil
	}
	return "", fault.New(fault.Invalid, "There is no role %s.", r)
}
