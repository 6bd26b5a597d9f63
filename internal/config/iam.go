package config

// IAM says what governs callers beside what was written for each of them.
type IAM struct {
	ServiceControlPolicy string `yaml:"serviceControlPolicy" doc:"File with a service control policy, which binds every caller but the account's owner. A change of the file counts within a second; one that makes no sense is logged and does not."`
}
