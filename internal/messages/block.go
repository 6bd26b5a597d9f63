package messages

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/picture"
)

// Limits of images.
const (
	maxImage  = 5 << 20 // bytes of base64: 3.75 MB of image
	maxPixels = 8000    // on a side
)

func at(path string, index int) string { return path + "." + strconv.Itoa(index) }

// system reads the system prompt, a string or blocks of text.
func system(v value) ([]inference.Part, error) {
	if s, ok := v.text(); ok {
		if s == "" {
			return nil, nil
		}
		return []inference.Part{inference.Text{Text: s}}, nil
	}
	items, ok := v.array()
	if !ok {
		return nil, invalid("system: Input should be a valid list")
	}
	var parts []inference.Part
	for i, item := range items {
		var b blocks
		if err := b.add(at("system", i), item, "'text'"); err != nil {
			return nil, err
		}
		if text, ok := b.parts[0].(inference.Text); ok && text.Text == "" {
			return nil, invalid("system: text content blocks must be non-empty")
		}
		parts = append(parts, b.parts...)
	}
	return parts, nil
}

// messages reads the turns. Neighbours of one role become one turn, as the
// vendor does it.
func messages(v value, midSystem bool) ([]inference.Message, error) {
	items, ok := v.array()
	if !ok {
		return nil, invalid("messages: Input should be a valid list")
	}
	if len(items) == 0 {
		return nil, invalid("messages: at least one message is required")
	}
	var turns []inference.Message
	var paths []string // of each turn's first message
	for i, item := range items {
		path := at("messages", i)
		m, err := message(path, item, i == len(items)-1, midSystem)
		if err != nil {
			return nil, err
		}
		if i == 0 && m.Role != inference.RoleUser {
			return nil, invalid(`messages: first message must use the "user" role`)
		}
		if len(m.Parts) == 0 {
			continue // an empty last message of the assistant
		}
		if n := len(turns); n > 0 && turns[n-1].Role == m.Role {
			turns[n-1].Parts = append(turns[n-1].Parts, m.Parts...)
			continue
		}
		turns, paths = append(turns, m), append(paths, path)
	}
	var calls []string
	seen := make(map[string]bool)
	for i, turn := range turns {
		if err := checkSides(paths[i], turn); err != nil {
			return nil, err
		}
		switch turn.Role {
		case inference.RoleUser:
			if err := checkResults(paths[i], calls, turn.Parts); err != nil {
				return nil, err
			}
			calls = nil
		case inference.RoleAssistant:
			if err := checkCalls(paths[i], seen, turn.Parts); err != nil {
				return nil, err
			}
			calls = toolCalls(turn.Parts)
		case inference.RoleSystem:
		}
	}
	if len(calls) > 0 {
		return nil, invalid("%s: `tool_use` ids were found without `tool_result` blocks immediately after: %s. "+
			"Each `tool_use` block must have a corresponding `tool_result` block in the next message.", paths[len(paths)-1], quote(strings.Join(calls, ", ")))
	}
	return turns, checkPrefill(turns)
}

// checkSides checks that the model calls and the caller answers; what the vendor
// runs itself has a kind.
func checkSides(path string, turn inference.Message) error {
	for _, p := range turn.Parts {
		switch p := p.(type) {
		case inference.ToolUse:
			if p.Kind == "" && turn.Role == inference.RoleUser {
				return invalid("%s: `tool_use` blocks can only be in `assistant` messages", path)
			}
		case inference.ToolResult:
			if p.Kind == "" && turn.Role == inference.RoleAssistant {
				return invalid("%s: `tool_result` blocks can only be in `user` messages", path)
			}
		}
	}
	return nil
}

// checkCalls checks that no ID of a call was there before.
func checkCalls(path string, seen map[string]bool, parts []inference.Part) error {
	i := -1
	for _, p := range parts {
		if _, ok := p.(inference.CachePoint); ok {
			continue
		}
		i++
		call, ok := p.(inference.ToolUse)
		if !ok {
			continue
		}
		if seen[call.ID] {
			return invalid("%s.content.%d: `tool_use` ids must be unique", path, i)
		}
		seen[call.ID] = true
	}
	return nil
}

func toolCalls(parts []inference.Part) []string {
	var ids []string
	for _, p := range parts {
		if call, ok := p.(inference.ToolUse); ok && call.Kind == "" {
			ids = append(ids, call.ID)
		}
	}
	return ids
}

// checkResults checks that the results of a turn belong to the calls of the one
// before it, and that each of those got one.
func checkResults(path string, calls []string, parts []inference.Part) error {
	seen := make(map[string]bool, len(calls))
	i := -1
	for _, p := range parts {
		if _, ok := p.(inference.CachePoint); ok {
			continue
		}
		i++
		result, ok := p.(inference.ToolResult)
		if !ok || result.Kind != "" {
			continue
		}
		if !slices.Contains(calls, result.ID) {
			return invalid("%s.content.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s. "+
				"Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", path, i, quote(result.ID))
		}
		if seen[result.ID] {
			return invalid("%s.content.%d: each tool_use must have a single result. Found multiple `tool_result` blocks with id: %s", path, i, quote(result.ID))
		}
		seen[result.ID] = true
	}
	for _, id := range calls {
		if !seen[id] {
			return invalid("%s: Did not find %d tool_result block(s) at the beginning of this message. "+
				"Messages following tool_use blocks must begin with a matching number of tool_result blocks.", path, len(calls))
		}
	}
	return nil
}

// checkPrefill looks at an answer that the model is to go on with.
func checkPrefill(turns []inference.Message) error {
	last := turns[len(turns)-1]
	if last.Role != inference.RoleAssistant {
		return nil
	}
	text, ok := last.Parts[len(last.Parts)-1].(inference.Text)
	if ok && strings.TrimRight(text.Text, " \t\r\n") != text.Text {
		return invalid("messages: final assistant content cannot end with trailing whitespace")
	}
	return nil
}

func message(path string, v value, last, midSystem bool) (inference.Message, error) {
	var m inference.Message
	o, ok := v.object()
	if !ok {
		return m, invalid("%s: Input should be an object", path)
	}
	if err := closed(path, o, "role", "content"); err != nil {
		return m, err
	}
	role, ok := o.get("role")
	if !ok {
		return m, invalid("%s.role: Field required", path)
	}
	s, _ := role.text()
	m.Role = inference.Role(s)
	switch m.Role {
	case inference.RoleUser, inference.RoleAssistant:
	case inference.RoleSystem:
		if !midSystem {
			return m, invalid(`messages: Unexpected role "system". The Messages API accepts a top-level ` +
				"`system` parameter, not \"system\" as an input message role.")
		}
	default:
		return m, invalid("%s.role: Input should be 'user' or 'assistant'", path)
	}
	content, ok := o.get("content")
	if !ok {
		return m, invalid("%s.content: Field required", path)
	}
	b := blocks{top: true}
	if err := b.content(path+".content", content, tagsOf(m.Role)); err != nil {
		return m, err
	}
	m.Parts = b.parts
	if len(m.Parts) == 0 && (!last || m.Role != inference.RoleAssistant) {
		return m, invalid("%s: all messages must have non-empty content except for the optional final assistant message", path)
	}
	return m, nil
}

// The kinds of blocks, as refusals list them.
const (
	blockTags  = "'document', 'image', 'redacted_thinking', 'search_result', 'text', 'thinking', 'tool_result', 'tool_use'"
	resultTags = "'document', 'image', 'search_result', 'text', 'tool_reference'"
)

func tagsOf(role inference.Role) string {
	if role == inference.RoleSystem {
		return "'text'"
	}
	return blockTags
}

// blocks reads content.
type blocks struct {
	parts []inference.Part
	top   bool // of a message: texts may not be empty
}

// content reads a string or a list of blocks.
func (b *blocks) content(path string, v value, tags string) error {
	if s, ok := v.text(); ok {
		if s == "" {
			return nil
		}
		if b.top && strings.TrimSpace(s) == "" {
			return errBlank()
		}
		b.parts = append(b.parts, inference.Text{Text: s})
		return nil
	}
	items, ok := v.array()
	if !ok {
		return invalid("%s: Input should be a valid list", path)
	}
	for i, item := range items {
		if err := b.add(at(path, i), item, tags); err != nil {
			return err
		}
	}
	return nil
}

func errBlank() error {
	return invalid("messages: text content blocks must contain non-whitespace text")
}

// add reads one block and the cache point that may be behind it.
func (b *blocks) add(path string, v value, tags string) error {
	o, ok := v.object()
	if !ok {
		return invalid("%s: Input should be an object", path)
	}
	kindValue, ok := o.get("type")
	if !ok {
		return invalid("%s.type: Field required", path)
	}
	kind, ok := kindValue.text()
	if !ok {
		return invalid("%s.type: Input should be a valid string", path)
	}
	known := strings.Contains(tags, "'"+kind+"'")
	if !known && (tags != blockTags || !isServerBlock(kind)) {
		return unknownTag(path, kind, tags)
	}
	part, err := b.block(path, path+"."+kind, kind, o)
	if err != nil {
		return err
	}
	b.parts = append(b.parts, part)
	cache, err := cacheControl(path+"."+kind+".cache_control", o)
	if cache != nil {
		b.parts = append(b.parts, *cache)
	}
	return err
}

// isServerBlock tells the blocks of tools that the vendor's servers run
// themselves: their kinds grow, their form does not.
func isServerBlock(kind string) bool {
	return kind == "server_tool_use" || kind == "mcp_tool_use" || len(kind) <= 64 && strings.HasSuffix(kind, "_tool_result")
}

func (b *blocks) block(path, inner, kind string, o object) (inference.Part, error) {
	switch kind {
	case "text":
		return b.text(inner, o)
	case "image":
		return readImage(inner, o)
	case "document":
		return readDocument(inner, o)
	case "search_result":
		return readSearchResult(inner, o)
	case "thinking":
		if err := closed(inner, o, "type", "thinking", "signature", "cache_control"); err != nil {
			return nil, err
		}
		thinking, err := required(inner, o, "thinking")
		if err != nil {
			return nil, err
		}
		signature, err := required(inner, o, "signature")
		return inference.Reasoning{Text: thinking, Signature: signature}, err
	case "redacted_thinking":
		if err := closed(inner, o, "type", "data", "cache_control"); err != nil {
			return nil, err
		}
		data, err := required(inner, o, "data")
		return inference.Reasoning{Redacted: redacted(data)}, err
	case "tool_result":
		return readToolResult(inner, o)
	case "tool_reference":
		return nil, fault.New(fault.Unsupported, "%s: blocks of type '%s' are not supported.", path, kind)
	}
	if strings.HasSuffix(kind, "_tool_result") {
		return readServerResult(inner, kind, o)
	}
	return readToolUse(inner, kind, o)
}

// required reads a string that has to be there; it may be empty.
func required(path string, o object, key string) (string, error) {
	v, ok := o.get(key)
	if !ok {
		return "", invalid("%s.%s: Field required", path, key)
	}
	s, ok := v.text()
	if !ok {
		return "", invalid("%s.%s: Input should be a valid string", path, key)
	}
	return s, nil
}

// optional reads a string that may be missing.
func optional(path string, o object, key string) (string, error) {
	if _, ok := o.get(key); !ok {
		return "", nil
	}
	return required(path, o, key)
}

func (b *blocks) text(path string, o object) (inference.Part, error) {
	if err := closed(path, o, "type", "text", "cache_control", "citations"); err != nil {
		return nil, err
	}
	s, err := required(path, o, "text")
	if err != nil {
		return nil, err
	}
	switch {
	case b.top && s == "":
		return nil, invalid("messages: text content blocks must be non-empty")
	case b.top && strings.TrimSpace(s) == "":
		return nil, errBlank()
	}
	v, ok := o.get("citations")
	if !ok {
		return inference.Text{Text: s}, nil
	}
	items, ok := v.array()
	if !ok {
		return nil, invalid("%s.citations: Input should be a valid list", path)
	}
	var citations []inference.Citation
	for i, item := range items {
		c, err := readCitation(at(path+".citations", i), item)
		if err != nil {
			return nil, err
		}
		citations = append(citations, c)
	}
	if len(citations) == 0 {
		return inference.Text{Text: s}, nil
	}
	return inference.Cited{Text: []string{s}, Citations: citations}, nil
}

// source reads where the content of an image or a document is.
func source(path string, o object) (string, object, error) {
	v, ok := o.get("source")
	if !ok {
		return "", nil, invalid("%s.source: Field required", path)
	}
	s, ok := v.object()
	if !ok {
		return "", nil, invalid("%s.source: Input should be an object", path)
	}
	kind := s.text("type")
	if kind == "" {
		return "", nil, invalid("%s.source.type: Field required", path)
	}
	if kind == "file" {
		return "", nil, fault.New(fault.Unsupported, "%s.source: files of the Files API are not supported; send the content.", path)
	}
	return kind, s, nil
}

var imageFormats = map[string]string{ //nolint:gochecknoglobals // a constant table
	"image/jpeg": "jpeg", "image/png": "png", "image/gif": "gif", "image/webp": "webp",
}

func readImage(path string, o object) (inference.Part, error) {
	if err := closed(path, o, "type", "source", "cache_control"); err != nil {
		return nil, err
	}
	kind, s, err := source(path, o)
	if err != nil {
		return nil, err
	}
	inner := path + ".source." + kind
	switch kind {
	case "url":
		if err := closed(inner, s, "type", "url"); err != nil {
			return nil, err
		}
		url, err := required(inner, s, "url")
		if err == nil && !strings.HasPrefix(url, "https://") {
			err = invalid("%s.url: Only HTTPS URLs are supported.", inner)
		}
		return inference.Image{URL: url}, err
	case "base64":
	default:
		return nil, unknownTag(path+".source", kind, "'base64', 'url'")
	}
	if err := closed(inner, s, "type", "media_type", "data"); err != nil {
		return nil, err
	}
	media, err := required(inner, s, "media_type")
	if err != nil {
		return nil, err
	}
	format, ok := imageFormats[media]
	if !ok {
		return nil, invalid("%s.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'", inner)
	}
	data, err := base64Member(inner, "image", s)
	if err != nil {
		return nil, err
	}
	return inference.Image{Format: format, Bytes: data}, checkImage(inner, format, data)
}

// base64Member reads the member data.
func base64Member(path, what string, s object) ([]byte, error) {
	v, ok := s.get("data")
	if !ok {
		return nil, invalid("%s.data: Field required", path)
	}
	if what == "image" && len(v)-len(`""`) > maxImage {
		return nil, invalid("%s: image exceeds 5 MB maximum: %d bytes > %d bytes", path, len(v)-len(`""`), maxImage)
	}
	data, ok := v.bytes()
	switch {
	case !ok:
		return nil, invalid("%s: invalid base64 data", path)
	case len(data) == 0:
		return nil, invalid("%s: %s cannot be empty.", path, what)
	}
	return data, nil
}

// checkImage holds an image against what is said about it.
func checkImage(path, format string, data []byte) error {
	found := picture.Format(data)
	width, height := picture.Size(data)
	switch {
	case found != "" && found != format:
		return invalid("%s.data: The image was specified using the image/%s media type, but the image appears to be a image/%s image", path, format, found)
	case max(width, height) > maxPixels:
		return invalid("%s.data: At least one of the image dimensions exceed max allowed size: %d pixels", path, maxPixels)
	case !picture.Whole(data):
		return invalid("%s: Could not process image", strings.TrimSuffix(path, ".source.base64"))
	}
	return nil
}

func readDocument(path string, o object) (inference.Part, error) {
	if err := closed(path, o, "type", "source", "cache_control", "citations", "context", "title"); err != nil {
		return nil, err
	}
	var d inference.Document
	var err error
	if d.Name, err = optional(path, o, "title"); err != nil {
		return nil, err
	}
	if d.Context, err = optional(path, o, "context"); err != nil {
		return nil, err
	}
	enabled, err := citationsEnabled(path, o)
	if err != nil {
		return nil, err
	}
	d.Citations = enabled != nil && *enabled
	kind, s, err := source(path, o)
	if err != nil {
		return nil, err
	}
	inner := path + ".source." + kind
	switch kind {
	case "base64":
		if err := closed(inner, s, "type", "media_type", "data"); err != nil {
			return nil, err
		}
		if s.text("media_type") != "application/pdf" {
			return nil, invalid("%s.media_type: Input should be 'application/pdf'", inner)
		}
		d.Format = "pdf"
		if d.Bytes, err = base64Member(inner, "PDF", s); err == nil && !bytes.HasPrefix(d.Bytes, []byte("%PDF-")) {
			err = invalid("%s.data: The PDF specified was not valid.", inner)
		}
	case "text":
		if err := closed(inner, s, "type", "media_type", "data"); err != nil {
			return nil, err
		}
		if s.text("media_type") != "text/plain" {
			return nil, invalid("%s.media_type: Input should be 'text/plain'", inner)
		}
		d.Format = "txt"
		if d.Text, err = required(inner, s, "data"); err == nil && d.Text == "" {
			err = invalid("%s: text cannot be empty.", inner)
		}
	case "content":
		err = readPassages(inner, s, &d)
	case "url":
		d.Format = "pdf"
		if d.URL, err = required(inner, s, "url"); err == nil && !strings.HasPrefix(d.URL, "https://") {
			err = invalid("%s.url: Only HTTPS URLs are supported.", inner)
		}
	default:
		err = unknownTag(path+".source", kind, "'base64', 'content', 'text', 'url'")
	}
	return d, err
}

func readPassages(path string, s object, d *inference.Document) error {
	if err := closed(path, s, "type", "content"); err != nil {
		return err
	}
	content, ok := s.get("content")
	if !ok {
		return invalid("%s.content: Field required", path)
	}
	var b blocks
	if err := b.content(path+".content", content, "'image', 'text'"); err != nil {
		return err
	}
	for i, p := range b.parts {
		switch p := p.(type) {
		case inference.Text:
			d.Content = append(d.Content, p.Text)
		case inference.CachePoint:
		default:
			return fault.New(fault.Unsupported, "%s: images inside of documents are not supported.", at(path+".content", i))
		}
	}
	if len(d.Content) == 0 {
		return invalid("%s.content: document content cannot be empty", path)
	}
	d.Format = "txt"
	return nil
}

func citationsEnabled(path string, o object) (*bool, error) {
	v, ok := o.get("citations")
	if !ok {
		return nil, nil //nolint:nilnil // not said
	}
	c, ok := v.object()
	if !ok {
		return nil, invalid("%s.citations: Input should be an object", path)
	}
	if err := closed(path+".citations", c, "enabled"); err != nil {
		return nil, err
	}
	e, ok := c.get("enabled")
	if !ok {
		return nil, nil //nolint:nilnil // not said
	}
	enabled, ok := e.boolean()
	if !ok {
		return nil, invalid("%s.citations.enabled: Input should be a valid boolean", path)
	}
	return &enabled, nil
}

func readSearchResult(path string, o object) (inference.Part, error) {
	if err := closed(path, o, "type", "source", "title", "content", "citations", "cache_control"); err != nil {
		return nil, err
	}
	var r inference.SearchResult
	var err error
	if r.Source, err = required(path, o, "source"); err != nil {
		return nil, err
	}
	if r.Title, err = required(path, o, "title"); err != nil {
		return nil, err
	}
	if r.Citations, err = citationsEnabled(path, o); err != nil {
		return nil, err
	}
	v, _ := o.get("content")
	items, ok := v.array()
	if !ok {
		return nil, invalid("%s.content: Field required", path)
	}
	for i, item := range items {
		var b blocks
		if err := b.add(at(path+".content", i), item, "'text'"); err != nil {
			return nil, err
		}
		if text, ok := b.parts[0].(inference.Text); ok {
			r.Content = append(r.Content, text.Text)
		}
	}
	if len(r.Content) == 0 {
		return nil, invalid("%s.content: search_result content cannot be empty", path)
	}
	return r, nil
}

func readToolUse(path, kind string, o object) (inference.Part, error) {
	u := inference.ToolUse{}
	if kind != "tool_use" {
		u.Kind = kind
	} else if err := closed(path, o, "type", "id", "name", "input", "cache_control", "caller"); err != nil {
		return nil, err
	}
	var err error
	if u.ID, err = required(path, o, "id"); err != nil {
		return nil, err
	}
	if u.Name, err = required(path, o, "name"); err != nil {
		return nil, err
	}
	if !toolID(u.ID) {
		return nil, invalid("%s.id: String should match pattern '^[a-zA-Z0-9_.:-]+$'", path)
	}
	if u.Name == "" {
		return nil, invalid("%s.name: String should have at least 1 character", path)
	}
	input, ok := o.get("input")
	if !ok {
		return nil, invalid("%s.input: Field required", path)
	}
	if _, ok := input.object(); !ok {
		return nil, invalid("%s.input: Input should be a valid dictionary", path)
	}
	u.Input = input.raw()
	return u, nil
}

// maxToolID is more than any vendor's ids have.
const maxToolID = 256

func toolID(id string) bool {
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("_.:-", c) < 0 {
			return false
		}
	}
	return id != "" && len(id) <= maxToolID
}

func readToolResult(inner string, o object) (inference.Part, error) {
	if err := closed(inner, o, "type", "tool_use_id", "content", "is_error", "cache_control"); err != nil {
		return nil, err
	}
	var r inference.ToolResult
	var err error
	if r.ID, err = required(inner, o, "tool_use_id"); err != nil {
		return nil, err
	}
	if v, ok := o.get("is_error"); ok {
		if r.Failed, ok = v.boolean(); !ok {
			return nil, invalid("%s.is_error: Input should be a valid boolean", inner)
		}
		r.Status = true
	}
	if v, ok := o.get("content"); ok {
		var b blocks
		if err := b.content(inner+".content", v, resultTags); err != nil {
			return nil, err
		}
		r.Content = b.parts
	}
	return r, nil
}

// readServerResult reads the result of a tool that the vendor ran: what is in it
// only the vendor knows.
func readServerResult(path, kind string, o object) (inference.ToolResult, error) {
	id, err := required(path, o, "tool_use_id")
	r := inference.ToolResult{ID: id, Kind: kind}
	if v, ok := o.get("content"); ok {
		r.Content = []inference.Part{inference.JSON{Value: v.raw()}}
	}
	if v, ok := o.get("is_error"); ok {
		r.Failed, r.Status = v.boolean()
	}
	return r, err
}

// cacheControl reads the cache point of a block or a tool; nil when it has none.
func cacheControl(path string, o object) (*inference.CachePoint, error) {
	v, ok := o.get("cache_control")
	if !ok {
		return nil, nil //nolint:nilnil // there is none
	}
	c, ok := v.object()
	if !ok {
		return nil, invalid("%s: Input should be an object", path)
	}
	kindValue, ok := c.get("type")
	if !ok {
		return nil, invalid("%s.type: Field required", path)
	}
	if kind, _ := kindValue.text(); kind != "ephemeral" {
		return nil, unknownTag(path, kind, "'ephemeral'")
	}
	p := new(inference.CachePoint)
	if v, ok := c.get("ttl"); ok {
		if p.TTL, _ = v.text(); p.TTL != "5m" && p.TTL != "1h" {
			return nil, invalid("%s.ephemeral.ttl: Input should be '5m' or '1h'", path)
		}
	}
	return p, closed(path+".ephemeral", c, "type", "ttl", "scope")
}

// verbatim marks what is not base64 among redacted blocks.
const verbatim = "\x00messages:"

// redacted turns the member data of a redacted block, which is base64 as a rule,
// into bytes that redactedText turns back exactly.
func redacted(data string) []byte {
	out, err := base64.StdEncoding.DecodeString(data)
	if err == nil && base64.StdEncoding.EncodeToString(out) == data && !bytes.HasPrefix(out, []byte(verbatim)) {
		return out
	}
	return []byte(verbatim + data)
}

func redactedText(data []byte) string {
	if rest, ok := bytes.CutPrefix(data, []byte(verbatim)); ok {
		return string(rest)
	}
	return base64.StdEncoding.EncodeToString(data)
}

// closed refuses members that are not among keys, the first in the alphabet.
func closed(path string, o object, keys ...string) error {
	extra, found := "", false
	for _, m := range o {
		if !slices.Contains(keys, m.key) && (!found || m.key < extra) {
			extra, found = m.key, true
		}
	}
	if !found {
		return nil
	}
	if path != "" {
		path += "."
	}
	return invalid("%s%s: Extra inputs are not permitted", path, quote(extra))
}

func unknownTag(at, tag, expected string) error {
	return invalid("%s: Input tag '%s' found using 'type' does not match any of the expected tags: %s", at, quote(tag), expected)
}

// maxQuoted bounds what a sentence repeats of the caller's own text, in bytes.
const maxQuoted = 100

func quote(s string) string {
	if len(s) > maxQuoted {
		return strings.ToValidUTF8(s[:maxQuoted], "") + "…"
	}
	return s
}
