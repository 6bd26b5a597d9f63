package gen

import (
	"fmt"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// amendments are the few places where a model says less than the service does. They are kept here, not in the copy of
// the model, whose digest is pinned. Of each: the package, the shape, the model's pattern and the one that is emitted.
//
// PromptRouterArn: the model knows the routers of AWS alone, but GetPromptRouter and DeletePromptRouter also take those
// that CreatePromptRouter has made, whose ARNs are without "default-", as its TaggableResourcesArn says.
var amendments = []struct{ pkg, shape, was, pattern string }{
	{
		"bedrock", "PromptRouterArn",
		`arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:default-prompt-router/[a-zA-Z0-9-:.]+`,
		`arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:(default-)?prompt-router/[a-zA-Z0-9-:.]+`,
	},
}

// amend returns the pattern to emit for a shape. A model whose pattern is
// another one than was amended is an error: somebody has to look again.
func amend(pkg string, s *schema.Shape) (string, error) {
	for _, a := range amendments {
		if a.pkg != pkg || a.shape != s.Name {
			continue
		}
		if s.Pattern != a.was {
			return "", fmt.Errorf("%s has another pattern than the one that is amended: %q", s.Name, s.Pattern)
		}
		return a.pattern, nil
	}
	return s.Pattern, nil
}
