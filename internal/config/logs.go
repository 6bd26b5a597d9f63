package config

import (
	"regexp"
	"slices"
	"time"
)

// InvocationLogs says how the invocations of models are logged. Which bucket
// gets them is no part of it: that is
// PutModelInvocationLoggingConfiguration's, for each account and region.
type InvocationLogs struct {
	Directory string        `yaml:"directory" doc:"Folder of files with every prompt and answer, of all accounts and regions; nothing is written when empty. Buckets are configured with PutModelInvocationLoggingConfiguration."`
	FileSize  Size          `yaml:"fileSize" doc:"Size after which a day gets a further file; 0 is never."`
	Keep      time.Duration `yaml:"keep" doc:"How long files are kept after their day; 0 is for ever."`
	Interval  time.Duration `yaml:"interval" doc:"Longest time until a record is in its bucket."`
	Memory    Size          `yaml:"memory" doc:"Memory for prompts and answers on their way to files and buckets; beyond it records lose their bodies and are then dropped, and counted."`
}

// Audit says where the audit trail is written.
type Audit struct {
	Files      Switch        `yaml:"files" doc:"on: the audit trail is written to files in <data>/audit. off: it is not."`
	FileSize   Size          `yaml:"fileSize" doc:"Size after which a day gets a further file; 0 is never."`
	Keep       time.Duration `yaml:"keep" doc:"How long files are kept after their day; 0 is for ever."`
	Bucket     string        `yaml:"bucket" doc:"Bucket that gets the audit trail as well, as CloudTrail writes it; none when empty."`
	Prefix     string        `yaml:"prefix" doc:"Prefix of the keys in that bucket."`
	Interval   time.Duration `yaml:"interval" doc:"Longest time until an event is in the bucket."`
	DataEvents []string      `yaml:"dataEvents" doc:"Calls that are in the audit trail beside those that manage something: invocations (of models), knowledge-bases (questions to them), objects (in buckets)."`
}

// The values of audit.dataEvents.
const (
	Invocations    = "invocations"
	KnowledgeBases = "knowledge-bases"
	BucketObjects  = "objects"
)

var bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func (c *Config) validateLogs(wrong func(key, format string, args ...any)) {
	for i, e := range c.Audit.DataEvents {
		if !slices.Contains([]string{Invocations, KnowledgeBases, BucketObjects}, e) {
			wrong("audit.dataEvents", "%d: %q is not one of invocations, knowledge-bases, objects", i+1, e)
		}
	}
	if c.Audit.Files != On && c.Audit.Files != Off {
		wrong("audit.files", "%q is not one of on, off", c.Audit.Files)
	}
	if c.Audit.Bucket != "" && !bucketPattern.MatchString(c.Audit.Bucket) {
		wrong("audit.bucket", "%q is not the name of a bucket", c.Audit.Bucket)
	}
	if c.InvocationLogs.Keep < 0 {
		wrong("invocationLogs.keep", "must not be negative")
	}
	if c.Audit.Keep < 0 {
		wrong("audit.keep", "must not be negative")
	}
	if c.InvocationLogs.Interval <= 0 {
		wrong("invocationLogs.interval", "must be longer than nothing")
	}
	if c.Audit.Interval <= 0 {
		wrong("audit.interval", "must be longer than nothing")
	}
	if c.InvocationLogs.Memory < 1<<20 {
		wrong("invocationLogs.memory", "must not be less than 1MiB")
	}
}
