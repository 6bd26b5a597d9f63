package catalog

import "strings"

// IdentifierKind tells what a model identifier names.
type IdentifierKind string

// The kinds of identifiers. Name is anything that is not an ARN: a base model
// ID, a provisioned ID, a profile ID or an ID of the operator's own.
const (
	NameID             IdentifierKind = "name"
	FoundationModel    IdentifierKind = "foundation-model"
	SystemProfile      IdentifierKind = "inference-profile"
	ApplicationProfile IdentifierKind = "application-inference-profile"
	CustomModel        IdentifierKind = "custom-model"
	CustomDeployment   IdentifierKind = "custom-model-deployment"
	ImportedModel      IdentifierKind = "imported-model"
	ProvisionedModel   IdentifierKind = "provisioned-model"
	Prompt             IdentifierKind = "prompt"
	PromptRouter       IdentifierKind = "prompt-router"
	Endpoint           IdentifierKind = "endpoint" // of SageMaker
	Unknown            IdentifierKind = ""         // an ARN of something else
)

// Identifier is a model identifier, taken apart.
type Identifier struct {
	Kind      IdentifierKind
	Partition string // of an ARN, as the other fields
	Region    string
	Account   string
	Name      string // model ID, profile ID or resource ID
}

// Parse takes a model identifier apart. It does not look anything up, and every
// string is one identifier or another.
func Parse(s string) Identifier {
	if !strings.HasPrefix(s, "arn:") {
		return Identifier{Kind: NameID, Name: s}
	}
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 {
		return Identifier{Name: s}
	}
	id := Identifier{Partition: parts[1], Region: parts[3], Account: parts[4]}
	kind, name, ok := strings.Cut(parts[5], "/")
	if !ok || name == "" {
		return Identifier{Name: s}
	}
	id.Name = name
	switch k := IdentifierKind(kind); {
	case parts[2] == "sagemaker" && k == Endpoint:
		id.Kind = k
	case parts[2] != "bedrock":
	case kind == "default-prompt-router":
		id.Kind = PromptRouter
	default:
		switch k {
		case FoundationModel, SystemProfile, ApplicationProfile, CustomModel, CustomDeployment, ImportedModel,
			ProvisionedModel, Prompt, PromptRouter:
			id.Kind = k
		}
	}
	if id.Kind == Unknown {
		return Identifier{Name: s}
	}
	return id
}
