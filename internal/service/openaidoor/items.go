package openaidoor

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
)

// item is one item of an input: a union, told by Type. A message may leave its
// type out.
type item struct {
	Type    string          `json:"type"`
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
	// of a function_call and its output
	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments string          `json:"arguments"`
	Output    json.RawMessage `json:"output"`
	// of reasoning
	Summary   []piece `json:"summary"`
	Encrypted *string `json:"encrypted_content"`
}

// piece is a part of an item's content.
type piece struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Refusal  string `json:"refusal"`
	ImageURL string `json:"image_url"`
	Detail   string `json:"detail"`
	FileID   string `json:"file_id"`
	FileData string `json:"file_data"`
	FileURL  string `json:"file_url"`
	Filename string `json:"filename"`
}

func listParam(name string, i int) string { return name + "[" + strconv.Itoa(i) + "]" }

// addItems appends the conversation that items tell. What the model made in one
// turn is one message, and so is what it is told until the next.
func addItems(req *inference.Request, items []json.RawMessage) error {
	calls := map[string]bool{}
	for i, raw := range items {
		param := listParam("input", i)
		var it item
		if err := json.Unmarshal(raw, &it); err != nil {
			return invalid(param, "Invalid type for '%s': expected an item.", param)
		}
		switch it.Type {
		case "", "message":
			if err := addMessage(req, &it, param); err != nil {
				return err
			}
		case "function_call":
			if it.CallID == "" || it.Name == "" {
				return invalid(param, "A function_call needs a call_id and a name.")
			}
			arguments := json.RawMessage(it.Arguments)
			if !json.Valid(arguments) || first(arguments) != '{' {
				if strings.TrimSpace(it.Arguments) != "" {
					return invalid(param+".arguments", "The arguments of a function_call must be the text of a JSON object.")
				}
				arguments = json.RawMessage("{}")
			}
			calls[it.CallID] = true
			appendParts(req, inference.RoleAssistant, inference.ToolUse{ID: it.CallID, Name: it.Name, Input: arguments})
		case "function_call_output":
			if !calls[it.CallID] {
				return invalid("input", "No tool call found for function call output with call_id %s.", it.CallID)
			}
			content, err := toolOutput(it.Output, param)
			if err != nil {
				return err
			}
			appendParts(req, inference.RoleUser, inference.ToolResult{ID: it.CallID, Content: content})
		case "reasoning":
			part, err := thought(&it, param)
			if err != nil {
				return err
			}
			if part != nil {
				appendParts(req, inference.RoleAssistant, *part)
			}
		case "item_reference":
			return unsupported(param, "Items cannot be referred to here. Send the item itself, or use previous_response_id.")
		default:
			return unsupported(param+".type", "Items of the type '%s' are not supported.", it.Type)
		}
	}
	return nil
}

// appendParts goes on with the last message if it is of the same role.
func appendParts(req *inference.Request, role inference.Role, parts ...inference.Part) {
	if n := len(req.Messages); n > 0 && req.Messages[n-1].Role == role {
		last := &req.Messages[n-1]
		last.Parts = append(last.Parts, parts...)
		return
	}
	req.Messages = append(req.Messages, inference.Message{Role: role, Parts: parts})
}

func addMessage(req *inference.Request, it *item, param string) error {
	parts, err := contentParts(it.Content, param+".content")
	if err != nil {
		return err
	}
	switch it.Role {
	case "user":
		appendParts(req, inference.RoleUser, parts...)
	case "assistant":
		appendParts(req, inference.RoleAssistant, parts...)
	case "system", "developer":
		for _, p := range parts {
			if _, ok := p.(inference.Text); !ok {
				return invalid(param+".content", "A %s message has text only.", it.Role)
			}
		}
		if len(req.Messages) == 0 {
			req.System = append(req.System, parts...)
			return nil
		}
		appendParts(req, inference.RoleSystem, parts...)
	default:
		return invalid(param+".role", "Invalid value: '%s'. Supported values are: 'assistant', 'system', 'developer', and 'user'.", it.Role)
	}
	return nil
}

// contentParts reads a content: a text, or a list of pieces.
func contentParts(content json.RawMessage, param string) ([]inference.Part, error) {
	if first(content) == '"' {
		var text string
		if err := json.Unmarshal(content, &text); err != nil {
			return nil, badJSON(err)
		}
		return []inference.Part{inference.Text{Text: text}}, nil
	}
	var pieces []piece
	if err := json.Unmarshal(content, &pieces); err != nil {
		return nil, invalid(param, "Invalid type for '%s': expected a string or a list of parts.", param)
	}
	parts := make([]inference.Part, 0, len(pieces))
	for i := range pieces {
		part, err := pieces[i].part(listParam(param, i))
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func (p *piece) part(param string) (inference.Part, error) {
	switch p.Type {
	case "input_text", "output_text", "text":
		return inference.Text{Text: p.Text}, nil
	case "refusal":
		return inference.Text{Text: p.Refusal}, nil
	case "input_image":
		return p.image(param)
	case "input_file":
		return p.file(param)
	}
	return nil, unsupported(param+".type", "Parts of the type '%s' are not supported.", p.Type)
}

// imageFormats are those that the hub knows, by the media type.
var imageFormats = map[string]string{"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}

func (p *piece) image(param string) (inference.Part, error) {
	switch {
	case p.ImageURL == "":
		return nil, unsupported(param, "There are no uploaded files here: send an image as image_url, a data URL best.")
	case !strings.HasPrefix(p.ImageURL, "data:"):
		if !strings.HasPrefix(p.ImageURL, "https://") && !strings.HasPrefix(p.ImageURL, "s3://") {
			return nil, invalid(param+".image_url", "The image_url must be a data URL, or one that begins with https: or s3:.")
		}
		return inference.Image{URL: p.ImageURL, Detail: p.Detail}, nil
	}
	media, data, err := dataURL(p.ImageURL, param+".image_url")
	if err != nil {
		return nil, err
	}
	format, ok := imageFormats[media]
	if !ok {
		return nil, invalid(param+".image_url", "Images of the type '%s' are not supported: use image/png, image/jpeg, image/gif or image/webp.", media)
	}
	return inference.Image{Format: format, Bytes: data, Detail: p.Detail}, nil
}

// documentFormats are those that the hub knows, by the end of the name.
var documentFormats = []string{"pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"}

func (p *piece) file(param string) (inference.Part, error) {
	if p.FileURL != "" {
		return inference.Document{Format: "pdf", Name: p.Filename, URL: p.FileURL}, nil
	}
	if p.FileData == "" {
		return nil, unsupported(param, "There are no uploaded files here: send the file as file_data.")
	}
	media, data, err := dataURL(p.FileData, param+".file_data")
	if err != nil {
		return nil, err
	}
	format := strings.ToLower(p.Filename[strings.LastIndexByte(p.Filename, '.')+1:])
	if media == "application/pdf" {
		format = "pdf"
	}
	if slices.Contains(documentFormats, format) {
		return inference.Document{Format: format, Name: p.Filename, Bytes: data}, nil
	}
	return nil, invalid(param+".filename", "Files of this type are not supported. The name must end in one of: %s.", strings.Join(documentFormats, ", "))
}

// dataURL takes data:TYPE;base64,DATA apart.
func dataURL(url, param string) (media string, data []byte, err error) {
	head, text, ok := strings.Cut(strings.TrimPrefix(url, "data:"), ",")
	media, encoding, _ := strings.Cut(head, ";")
	if !ok || !strings.HasSuffix(encoding, "base64") {
		return "", nil, invalid(param, "The data URL must have the form data:TYPE;base64,DATA.")
	}
	if data, err = base64.StdEncoding.DecodeString(text); err != nil || len(data) == 0 {
		return "", nil, invalid(param, "The data of the data URL is not valid base64.")
	}
	return strings.ToLower(media), data, nil
}

// toolOutput is what a function answered: a text, or parts.
func toolOutput(output json.RawMessage, param string) ([]inference.Part, error) {
	switch first(output) {
	case '"', '[':
		return contentParts(output, param+".output")
	case 0, 'n':
		return nil, invalid(param+".output", "Missing required parameter: '%s.output'.", param)
	}
	return nil, invalid(param+".output", "Invalid type for '%s.output': expected a string or a list of parts.", param)
}

// sealed is what the encrypted_content of a reasoning item holds: the vendor's
// proof, which means nothing to clients.
type sealed struct {
	Signature string `json:"s,omitempty"`
	Redacted  []byte `json:"r,omitempty"`
}

func (s sealed) String() string {
	if s.Signature == "" && s.Redacted == nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(encode(s))
}

// thought is a reasoning item given back; nil when there is nothing in it.
func thought(it *item, param string) (*inference.Reasoning, error) {
	var r inference.Reasoning
	var content []piece
	if first(it.Content) == '[' {
		if err := json.Unmarshal(it.Content, &content); err != nil {
			return nil, badJSON(err)
		}
	}
	if len(content) == 0 {
		content = it.Summary
	}
	var text []string
	for _, p := range content {
		text = append(text, p.Text)
	}
	r.Text = strings.Join(text, "\n\n")
	if it.Encrypted != nil && *it.Encrypted != "" {
		var s sealed
		b, err := base64.StdEncoding.DecodeString(*it.Encrypted)
		if err == nil {
			err = json.Unmarshal(b, &s)
		}
		if err != nil {
			return nil, invalid(param+".encrypted_content", "The encrypted content could not be verified. It must be as it was received.")
		}
		r.Signature, r.Redacted = s.Signature, s.Redacted
		if r.Redacted != nil {
			r.Text, r.Signature = "", ""
		}
	}
	if r.Text == "" && r.Redacted == nil {
		return nil, nil //nolint:nilnil // said so
	}
	return &r, nil
}
