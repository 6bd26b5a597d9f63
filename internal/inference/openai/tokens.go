package openai

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/remote"
)

// noPath says Unsupported of a server that lacks a path.
func noPath(err error, message string) error {
	r, ok := errors.AsType[*remote.Refusal](err)
	if ok && (r.Status == http.StatusMethodNotAllowed || r.Status == http.StatusNotFound && (!r.Known || r.Type == "not_found_error")) {
		return fault.Wrap(fault.Unsupported, err, "%s", message)
	}
	return err
}

// CountTokens implements inference.TokenCounter where the server has a way to
// count: vLLM's /tokenize, or llama-server's /apply-template and /tokenize.
func (b *Backend) CountTokens(ctx context.Context, req *inference.Request) (int, error) {
	f, err := b.flavor(ctx)
	if err != nil {
		return 0, err
	}
	const cannot = "The model's server counts no tokens."
	var n int
	switch f.counting {
	case countsMessages:
		n, err = b.countMessages(ctx, f, req)
	case countsTemplates:
		n, err = b.countTemplate(ctx, f, req)
	default:
		return 0, fault.New(fault.Unsupported, cannot)
	}
	return n, noPath(err, cannot)
}

func (b *Backend) native(req *inference.Request) bool { return b.p.Completion && req.Prompt != nil }

func (b *Backend) countMessages(ctx context.Context, f *flavor, req *inference.Request) (int, error) {
	var body []byte
	var err error
	if b.native(req) {
		body, err = json.Marshal(map[string]any{"model": b.name(req.Model), "prompt": req.Prompt.Text})
	} else {
		body, err = chatcompletions.EncodeMessages(req, chatcompletions.EncodeOptions{Model: b.name(req.Model), Flavor: f.chat})
	}
	if err != nil {
		return 0, err
	}
	var answer struct {
		Count *int `json:"count"`
	}
	if err := b.ask(ctx, "//tokenize", body, &answer); err != nil {
		return 0, err
	}
	if answer.Count == nil {
		return 0, fault.New(fault.Upstream, "The model's server answered with no number of tokens.")
	}
	return *answer.Count, nil
}

func (b *Backend) countTemplate(ctx context.Context, f *flavor, req *inference.Request) (int, error) {
	var prompt struct {
		Prompt string `json:"prompt"`
	}
	if b.native(req) {
		prompt.Prompt = req.Prompt.Text
	} else {
		body, err := chatcompletions.EncodeMessages(req, chatcompletions.EncodeOptions{Model: b.name(req.Model), Flavor: f.chat})
		if err != nil {
			return 0, err
		}
		if err := b.ask(ctx, "//apply-template", body, &prompt); err != nil {
			return 0, err
		}
	}
	body, err := json.Marshal(map[string]any{"content": prompt.Prompt, "add_special": true, "parse_special": true})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Tokens []json.RawMessage `json:"tokens"`
	}
	if err := b.ask(ctx, "//tokenize", body, &answer); err != nil {
		return 0, err
	}
	return len(answer.Tokens), nil
}
