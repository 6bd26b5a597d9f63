package bedrockruntime

import (
	"strconv"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
)

// maxCachePoints is the documented limit of a request.
const maxCachePoints = 4

// cachePoint is one of a conversation.
type cachePoint struct {
	at    string // the block that it stands behind, as Claude's own format counts: "messages.3.content.0"
	block string // the place of the point itself: "messages.3.content.1"
	long  bool   // for an hour
}

// cachePoints are those of the conversation in the order in which models read
// it: tools, system, messages.
func (c *conversation) cachePoints() []cachePoint {
	var points []cachePoint
	in := func(at, block string) func(i int, p *api.CachePointBlock) {
		last := -1 // block that is no point
		return func(i int, p *api.CachePointBlock) {
			if p == nil {
				last++
				return
			}
			points = append(points, cachePoint{at + strconv.Itoa(max(last, 0)), block + strconv.Itoa(i), p.Ttl == api.CacheTTL1h})
		}
	}
	if c.ToolConfig != nil {
		next := in("tools.", "toolConfig.tools.")
		for i := range c.ToolConfig.Tools {
			next(i, c.ToolConfig.Tools[i].CachePoint)
		}
	}
	next := in("system.", "system.")
	for i := range c.System {
		next(i, c.System[i].CachePoint)
	}
	for i := range c.Messages {
		at := "messages." + strconv.Itoa(i) + ".content."
		next := in(at, at)
		for j := range c.Messages[i].Content {
			next(j, c.Messages[i].Content[j].CachePoint)
		}
	}
	return points
}

// checkCaching checks the cache points. The sentences of Claude are its own,
// and so is that of the models that keep nothing; those of the other models
// about the number and the order are Outcrop's.
func (c *conversation) checkCaching(f features) error {
	points := c.cachePoints()
	switch {
	case len(points) == 0 || f.own:
		return nil
	case !f.caching:
		return fault.New(fault.Denied, "You invoked an unsupported model or your request did not allow prompt caching. See the documentation for more information.")
	}
	claude := f.format == anthropicMessages
	if f.format == "nova-messages" && c.ToolConfig != nil { // Nova keeps no tools
		for i := range c.ToolConfig.Tools {
			if c.ToolConfig.Tools[i].CachePoint != nil {
				return fault.New(fault.Invalid, "Malformed input request: #/toolConfig/tools/%d: extraneous key [cachePoint] is not permitted, please reformat your input and try again.", i)
			}
		}
	}
	if n := len(points); n > maxCachePoints {
		if claude {
			return modelError("A maximum of %d blocks with cache_control may be provided. Found %d.", maxCachePoints, n)
		}
		return fault.New(fault.Invalid, "You can't include more than %d cache points in a request.", maxCachePoints)
	}
	short := false
	for _, p := range points {
		switch {
		case !p.long:
			short = true
		case short && claude:
			return modelError("%s.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, `system`, `messages`.", p.at)
		case short:
			return fault.New(fault.Invalid, "The cache point at %s must not have a ttl of 1h after one of 5m. Cache points are read in the order toolConfig, system, messages.", p.block)
		}
	}
	return nil
}
