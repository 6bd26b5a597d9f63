package config

import "time"

// Console says whether there are pages under /console/, and how long who signs in
// there is signed in. See docs/CONSOLE.md.
type Console struct {
	Enabled bool           `yaml:"enabled" doc:"true: the console is served at /console/."`
	Hosts   []string       `yaml:"hosts" doc:"Host names that the console is reached by through a proxy or a tunnel on this machine, beside localhost; also those of a proxy that calls the server by another name than the browser calls the proxy."`
	Session ConsoleSession `yaml:"session"`
}

// ConsoleSession bounds how long somebody is signed in.
type ConsoleSession struct {
	Idle    time.Duration `yaml:"idle" doc:"A session that is not used ends after this time."`
	Longest time.Duration `yaml:"longest" doc:"A session ends this long after the sign-in however much it is used."`
}

func (c *Config) validateConsole(wrong func(key, format string, args ...any)) {
	for _, host := range c.Console.Hosts {
		if !domainPattern.MatchString(host) {
			wrong("console.hosts", "%q is not a host name in lower case, without a port", host)
		}
	}
	s := c.Console.Session
	if s.Idle < time.Minute {
		wrong("console.session.idle", "must not be shorter than a minute")
	}
	if s.Longest < s.Idle {
		wrong("console.session.longest", "must not be shorter than console.session.idle")
	}
}
