package audit

import (
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/observe"
)

// Data is a class of calls that are recorded only when they are asked for.
type Data string

// The classes.
const (
	Invocations    Data = "invocations"     // of models
	KnowledgeBases Data = "knowledge-bases" // questions to them
	Objects        Data = "objects"         // in buckets
)

// kind is what the trail has to know of an operation.
type kind struct {
	source     string // "iam.amazonaws.com"
	data       Data   // empty: always recorded
	management bool   // what CloudTrail calls a management event
	readOnly   bool
	private    bool   // the body is somebody's text: never recorded
	resource   string // CloudFormation's type of what data events work on
	issues     bool   // answers with credentials: shown although nothing is changed
}

const domain = ".amazonaws.com"

// kindOf classifies an exchange, by its service and its operation.
func kindOf(v *observe.View) kind {
	op := v.Call.Operation
	k := kind{management: true, readOnly: reads(op)}
	if v.Service == nil {
		k.source = v.Call.Service + domain
		if !strings.Contains(op, "Bucket") || op == "HeadBucket" {
			k.data, k.management, k.resource = Objects, false, "AWS::S3::Object"
		}
		return k
	}
	k.source = v.Service.SigningName + domain
	switch v.Service.ID {
	case "bedrock-runtime":
		// Calls of models are management events for CloudTrail as well.
		k.data, k.readOnly, k.private = Invocations, true, true
	case "bedrock-agent-runtime":
		k.data, k.management, k.private = KnowledgeBases, false, true
		k.resource = "AWS::Bedrock::KnowledgeBase"
	case "sts":
		k.readOnly = true
		k.issues = strings.HasPrefix(op, "Assume") || op == "GetSessionToken" || op == "GetFederationToken"
	}
	return k
}

// readers begin the names of operations that change nothing.
var readers = []string{"Get", "List", "Describe", "Head", "Search", "Lookup", "Simulate", "Retrieve", "Rerank", "GenerateQuery", "GenerateServiceLast", "SelectObject"}

func reads(operation string) bool {
	return slices.ContainsFunc(readers, func(prefix string) bool { return strings.HasPrefix(operation, prefix) })
}

const accessDenied = "AccessDenied"

// failure is the error of an exchange in CloudTrail's words. A message that may
// repeat what was sent is not shown where that is secret.
func failure(v *observe.View) (code, message string) {
	code = v.Code
	if code == "AccessDeniedException" {
		code = accessDenied
	}
	if code == "" || v.Message == "" {
		return code, ""
	}
	if v.Op != nil && fault.Is(v.Cause, fault.Invalid) && hides(v.Op.Input) {
		return code, hidden
	}
	return code, v.Message
}
