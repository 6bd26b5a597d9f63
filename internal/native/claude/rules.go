package claude

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
)

// Limits of a request on Bedrock.
const (
	maxImages      = 20 // images and documents together
	maxCachePoints = 4
	minTopP        = 0.95 // with thinking
)

// The betas that change what is allowed.
const (
	betaInterleaved = "interleaved-thinking-2025-05-14"
	betaContext     = "context-management-2025-06-27"
)

// version is what a model ID says about a model's age.
type version struct {
	line         string // "opus", "sonnet", "haiku", "fable", "mythos"; empty when the ID has it elsewhere
	major, minor int    // 0 when it says nothing
}

var versionPattern = regexp.MustCompile(`claude-(?:([a-z]+)-)?(\d{1,2})(?:-(\d{1,2}))?(?:[-@:]|$)`)

func versionOf(id string) version {
	m := versionPattern.FindStringSubmatch(id)
	if m == nil {
		return version{}
	}
	v := version{line: m[1]}
	v.major, _ = strconv.Atoi(m[2]) // the pattern leaves no error
	v.minor, _ = strconv.Atoi(m[3])
	return v
}

// from tells whether a model is of a version or later.
func (v version) from(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}

func (v version) known() bool { return v.major > 0 }

// oneSampler tells the models that take temperature or top_p, not both.
func (v version) oneSampler() bool {
	return v.major == 4 && v.minor == 5 && (v.line == "sonnet" || v.line == "haiku")
}

// alwaysThinks tells the models that cannot do otherwise.
func (v version) alwaysThinks() bool { return v.line == "fable" || v.line == "mythos" }

// KnowsEffort tells whether a model takes output_config.effort; IDs that say no
// version count as new.
func KnowsEffort(id string) bool {
	v := versionOf(id)
	return !v.known() || v.from(4, 6) || v.line == "opus" && v.from(4, 5)
}

// Check holds a decoded request against the rules of Bedrock and of the model.
// Faults are Invalid.
func Check(m native.Model, req *inference.Request) error {
	if m.MaxOutput > 0 && req.MaxTokens > m.MaxOutput {
		return invalid("max_tokens: %d > %d, which is the maximum allowed number of output tokens for %s", req.MaxTokens, m.MaxOutput, ShortName(m.ID))
	}
	v := versionOf(m.ID)
	if req.Temperature != nil && req.TopP != nil && v.oneSampler() {
		return invalid("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
	}
	var betas []string
	if raw, ok := req.Extra["anthropic_beta"]; ok {
		_ = json.Unmarshal(raw, &betas) // its decoder has seen strings
	}
	if _, ok := req.Extra["context_management"]; ok && !slices.Contains(betas, betaContext) {
		return invalid("context_management: Extra inputs are not permitted")
	}
	for i, t := range req.Tools {
		if err := checkTool(i, t); err != nil {
			return err
		}
	}
	if err := checkCounts(req); err != nil {
		return err
	}
	if req.Reasoning != nil {
		if err := checkEffort(m, v, req.Reasoning); err != nil {
			return err
		}
		if err := checkThinking(v, req, slices.Contains(betas, betaInterleaved)); err != nil {
			return err
		}
	}
	if n := len(req.Messages); n > 0 && req.Messages[n-1].Role == inference.RoleAssistant && noPrefill(v) {
		return invalid("This model does not support assistant message prefill. The conversation must end with a user message.")
	}
	return nil
}

func noPrefill(v version) bool { return v.from(4, 6) }

// toolTags are the vendor's own tools that Bedrock takes, as refusals list them.
const toolTags = "'bash_20241022', 'bash_20250124', 'computer_20241022', 'computer_20250124', 'computer_20251124', 'custom', 'memory_20250818', " +
	"'text_editor_20241022', 'text_editor_20250124', 'text_editor_20250429', 'text_editor_20250728', " +
	"'tool_search_tool_bm25_20251119', 'tool_search_tool_regex_20251119'"

func checkTool(i int, t inference.Tool) error {
	if t.Kind == "" || t.Kind == "system" {
		return nil
	}
	if !strings.Contains(toolTags, "'"+t.Kind+"'") && !strings.HasPrefix(t.Kind, "tool_search_tool_") {
		return invalid("tools.%d: Input tag '%s' found using 'type' does not match any of the expected tags: %s", i, cut(t.Kind), toolTags)
	}
	if !strings.HasPrefix(t.Kind, "computer_") {
		return nil
	}
	var size map[string]json.RawMessage
	_ = json.Unmarshal(t.Config, &size) // no object is no size
	for _, key := range []string{"display_width_px", "display_height_px"} {
		raw, ok := size[key]
		if !ok {
			return invalid("tools.%d.%s.%s: Field required", i, t.Kind, key)
		}
		n, err := strconv.Atoi(string(raw))
		switch {
		case err != nil:
			return invalid("tools.%d.%s.%s: Input should be a valid integer", i, t.Kind, key)
		case n < 1:
			return invalid("tools.%d.%s.%s: Input should be greater than or equal to 1", i, t.Kind, key)
		}
	}
	return nil
}

// checkCounts counts what a request may have only so many of.
func checkCounts(req *inference.Request) error {
	images, documents, points := 0, 0, 0
	var count func(parts []inference.Part)
	count = func(parts []inference.Part) {
		for _, p := range parts {
			switch p := p.(type) {
			case inference.Image:
				images++
			case inference.Document:
				documents++
			case inference.CachePoint:
				points++
			case inference.ToolResult:
				count(p.Content)
			}
		}
	}
	for _, t := range req.Tools {
		if t.Cache != nil {
			points++
		}
	}
	count(req.System)
	for _, m := range req.Messages {
		count(m.Parts)
	}
	switch {
	case images > maxImages:
		return invalid("messages: too many images: %d > %d", images, maxImages)
	case images+documents > maxImages:
		return invalid("messages: too many images and documents: %d + %d > %d", images, documents, maxImages)
	case points > maxCachePoints:
		return invalid("A maximum of %d blocks with cache_control may be provided. Found %d.", maxCachePoints, points)
	}
	return checkLives(req)
}

// checkLives checks that no cache point for an hour is behind one for five
// minutes, in the order in which the model reads.
func checkLives(req *inference.Request) error {
	short := false
	point := func(at string, i int, p inference.CachePoint) error {
		if p.TTL != "1h" {
			short = true
		} else if short {
			return invalid("%s.%d.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. "+
				"Note that blocks are processed in the following order: `tools`, `system`, `messages`.", at, i)
		}
		return nil
	}
	within := func(at string, parts []inference.Part) error {
		i := -1
		for _, part := range parts {
			p, ok := part.(inference.CachePoint)
			if !ok {
				i++
				continue
			}
			if err := point(at, i, p); err != nil {
				return err
			}
		}
		return nil
	}
	for i, t := range req.Tools {
		if t.Cache == nil {
			continue
		}
		if err := point("tools", i, *t.Cache); err != nil {
			return err
		}
	}
	if err := within("system", req.System); err != nil {
		return err
	}
	for i, m := range req.Messages {
		if err := within("messages."+strconv.Itoa(i)+".content", m.Parts); err != nil {
			return err
		}
	}
	return nil
}

func checkEffort(m native.Model, v version, r *inference.ReasoningConfig) error {
	switch {
	case r.Effort == "":
	case !KnowsEffort(m.ID):
		return invalid("This model does not support the effort parameter.")
	case r.Mode == inference.ReasoningOff && v.from(5, 0) && (r.Effort == "xhigh" || r.Effort == "max"):
		return invalid("output_config.effort: '%s' is not supported while thinking is disabled. The highest effort is 'high'.", r.Effort)
	}
	return nil
}

// checkThinking holds thinking against the model and against what it excludes.
func checkThinking(v version, req *inference.Request, interleaved bool) error {
	r := req.Reasoning
	thinks := v.from(3, 7)
	switch r.Mode {
	case inference.ReasoningDefault:
		return nil
	case inference.ReasoningOff:
		if v.alwaysThinks() {
			return invalid(`"thinking.type.disabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.`)
		}
		return nil
	case inference.ReasoningAdaptive:
		if v.known() && !v.from(4, 6) {
			return invalid("adaptive thinking is not supported on this model")
		}
	case inference.ReasoningOn:
		if v.known() && !thinks {
			return invalid("thinking: extended thinking is not supported by this model")
		}
		if v.from(4, 7) {
			return invalid(`"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.`)
		}
		if req.MaxTokens > 0 && r.Budget >= req.MaxTokens && !interleaved {
			return invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
		}
	}
	switch {
	case req.Temperature != nil && *req.Temperature != 1:
		return invalid("`temperature` may only be set to 1 when thinking is enabled.")
	case req.TopP != nil && *req.TopP < minTopP:
		return invalid("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.")
	case req.TopK != nil:
		return invalid("`top_k` must be unset when thinking is enabled.")
	case req.ToolChoice.Mode == inference.ToolAny || req.ToolChoice.Mode == inference.ToolNamed:
		return invalid("Thinking may not be enabled when tool_choice forces tool use.")
	}
	if r.Mode == inference.ReasoningOn {
		return checkFirstBlock(req.Messages)
	}
	return nil
}

// checkFirstBlock asks of a turn of the assistant's that the model goes on with
// that it begins with thinking. After the results of tools the real service asks
// for it too; here the turn may be a stand-in's that did not think, and its caller
// cannot help it.
func checkFirstBlock(turns []inference.Message) error {
	i := len(turns) - 1
	if i < 0 || turns[i].Role != inference.RoleAssistant || len(turns[i].Parts) == 0 {
		return nil
	}
	found := "text"
	switch turns[i].Parts[0].(type) {
	case inference.Reasoning:
		return nil
	case inference.ToolUse:
		found = "tool_use"
	}
	return invalid("messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`. When `thinking` is enabled, "+
		"a final `assistant` message must start with a thinking block.", i, found)
}
