package config

// ScriptBackend is the name of the backend that Scripted adds.
const ScriptBackend = "script"

// Scripted makes the backend that plays a file of rules answer for every model:
// those of the configured routes keep their names and formats, and nothing
// answers in its place when it fails as the rules say.
func (c *Config) Scripted() {
	if c.Script == "" {
		return
	}
	backends := map[string]Backend{ScriptBackend: {Type: BackendScripted, Script: c.Script}}
	for name, b := range c.Backends {
		if name != ScriptBackend {
			backends[name] = b
		}
	}
	c.Backends = backends
	every := ScriptBackend + "/*"
	routes := make([]Route, 0, len(c.Routes))
	for _, r := range c.Routes {
		routes = append(routes, Route{Match: r.Match, Model: every, Like: r.Like})
	}
	for _, images := range []string{"amazon.titan-image-generator-*", "amazon.nova-canvas-*", "stability.*"} {
		routes = append(routes, Route{Match: images, Model: every}) // no default is for models of images
	}
	c.Routes = routes
	c.Defaults = Defaults{Chat: every, Embedding: every}
	c.Routing.Retry.Attempts, c.Routing.Breaker.Failures, c.Routing.Fallback = 1, 0, nil
}
