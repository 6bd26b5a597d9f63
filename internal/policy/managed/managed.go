// Package managed holds the AWS-managed policies that programs and people name by
// their ARN. Each allows what AWS documents for it, of the services that are
// served here; the texts are this project's own.
//
// It keeps documents and decides nothing: package policy does.
package managed

import (
	"crypto/sha256"
	"embed"
	"encoding/base32"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Policy is an AWS-managed policy.
type Policy struct {
	Name        string
	Path        string // "/" for all that there are
	ARN         string
	ID          string // the same on every server
	Description string
	Document    string // JSON
	VersionID   string
	Created     time.Time
	Updated     time.Time // of the text here, not of Amazon's
}

//go:embed documents/*.json
var documents embed.FS

var all = sync.OnceValue(read)

// All lists the policies by name. The list is the caller's.
func All() []Policy { return slices.Clone(all()) }

// Lookup finds a policy by its ARN.
func Lookup(arn string) (Policy, bool) {
	list := all()
	i := slices.IndexFunc(list, func(p Policy) bool { return p.ARN == arn })
	if i < 0 {
		return Policy{}, false
	}
	return list[i], true
}

func read() []Policy {
	written := time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC)
	list := make([]Policy, 0, len(descriptions))
	for name, description := range descriptions {
		text, err := documents.ReadFile("documents/" + name + ".json")
		if err != nil {
			panic(fmt.Sprintf("managed policy without a document: %v", err)) // a test reads all
		}
		arn := "arn:aws:iam::aws:policy/" + name
		sum := sha256.Sum256([]byte(arn))
		list = append(list, Policy{
			Name: name, Path: "/", ARN: arn, ID: "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17],
			Description: description, Document: string(text), VersionID: "v1", Created: written, Updated: written,
		})
	}
	slices.SortFunc(list, func(a, b Policy) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return list
}

var descriptions = map[string]string{
	"AWSBillingReadOnlyAccess":       "Reads costs, usage and budgets.",
	"AdministratorAccess":            "May do everything.",
	"AmazonBedrockFullAccess":        "May do everything in Bedrock, and hand it the roles that are named for it.",
	"AmazonBedrockLimitedAccess":     "Calls models and manages what belongs to calls, without agreeing to a model's terms. The policy of users that API keys are made for.",
	"AmazonBedrockMarketplaceAccess": "Manages endpoints of models from the marketplace.",
	"AmazonBedrockReadOnly":          "Reads everything in Bedrock and calls no model.",
	"AmazonS3FullAccess":             "May do everything with buckets and objects.",
	"AmazonS3ReadOnlyAccess":         "Reads buckets and objects.",
	"CloudWatchReadOnlyAccess":       "Reads metrics and alarms.",
	"IAMFullAccess":                  "May do everything with users, groups, roles and policies, and so give itself every permission.",
	"IAMReadOnlyAccess":              "Reads users, groups, roles and policies.",
	"PowerUserAccess":                "May do everything but manage users, roles and the account.",
	"ReadOnlyAccess":                 "Reads everything and calls no model.",
	"SecurityAudit":                  "Reads how things are configured, but not what is kept in them.",
	"ServiceQuotasFullAccess":        "May do everything with quotas, and reads the metrics that they are about.",
	"ServiceQuotasReadOnlyAccess":    "Reads quotas and their metrics.",
}
