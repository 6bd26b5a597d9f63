// Package client holds the tests of the AWS SDK for Go, version 2, against a
// running Outcrop. It is a module of its own, so that the SDK is not a
// dependency of the server, and contains nothing but tests: endpoint,
// credentials and region come from the environment that test/launch sets.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	claude = "anthropic.claude-3-5-sonnet-20241022-v2:0"
	llama  = "meta.llama3-1-70b-instruct-v1:0"
)

func load(t *testing.T) aws.Config {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// transports are the client as it comes, and the same over TLS, where it speaks
// HTTP/2.
func transports(t *testing.T) map[string]*bedrockruntime.Client {
	t.Helper()
	cfg := load(t)
	return map[string]*bedrockruntime.Client{
		"as it comes": bedrockruntime.NewFromConfig(cfg),
		"TLS": bedrockruntime.NewFromConfig(cfg, func(o *bedrockruntime.Options) {
			o.BaseEndpoint = aws.String("https://" + os.Getenv("TESTED_ADDRESS"))
		}),
	}
}

func user(text string) []types.Message {
	return []types.Message{{
		Role:    types.ConversationRoleUser,
		Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: text}},
	}}
}

func maxTokens(n int32) *types.InferenceConfiguration {
	return &types.InferenceConfiguration{MaxTokens: aws.Int32(n)}
}

func checkWords(t *testing.T, text string) {
	t.Helper()
	if !strings.ContainsAny(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz") {
		t.Errorf("answer: got %q, want words", text)
	}
}

func claudeBody(t *testing.T, text string) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"anthropic_version": "bedrock-2023-05-31",
		"max_tokens":        20,
		"messages":          []any{map[string]any{"role": "user", "content": text}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestConverse(t *testing.T) {
	t.Parallel()
	for name, client := range transports(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := client.Converse(t.Context(), &bedrockruntime.ConverseInput{
				ModelId: aws.String(claude), Messages: user("Name a river."), InferenceConfig: maxTokens(20),
			})
			if err != nil {
				t.Fatal(err)
			}
			message, ok := out.Output.(*types.ConverseOutputMemberMessage)
			if !ok {
				t.Fatalf("output: got %T, want a message", out.Output)
			}
			text, ok := message.Value.Content[0].(*types.ContentBlockMemberText)
			if !ok {
				t.Fatalf("content: got %T, want text", message.Value.Content[0])
			}
			checkWords(t, text.Value)
			if got, want := *out.Usage.TotalTokens, *out.Usage.InputTokens+*out.Usage.OutputTokens; got != want {
				t.Errorf("totalTokens: got %d, want %d", got, want)
			}
		})
	}
}

func TestConverseStream(t *testing.T) {
	t.Parallel()
	for name, client := range transports(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := client.ConverseStream(t.Context(), &bedrockruntime.ConverseStreamInput{
				ModelId: aws.String(claude), Messages: user("Write a long story."), InferenceConfig: maxTokens(30),
			})
			if err != nil {
				t.Fatal(err)
			}
			stream := out.GetStream()
			var text strings.Builder
			var stop types.StopReason
			var usage *types.TokenUsage
			for event := range stream.Events() {
				switch event := event.(type) {
				case *types.ConverseStreamOutputMemberContentBlockDelta:
					if delta, ok := event.Value.Delta.(*types.ContentBlockDeltaMemberText); ok {
						text.WriteString(delta.Value)
					}
				case *types.ConverseStreamOutputMemberMessageStop:
					stop = event.Value.StopReason
				case *types.ConverseStreamOutputMemberMetadata:
					usage = event.Value.Usage
				}
			}
			if err := stream.Close(); err != nil {
				t.Error(err)
			}
			if err := stream.Err(); err != nil {
				t.Error(err)
			}
			checkWords(t, text.String())
			if stop != types.StopReasonMaxTokens {
				t.Errorf("stop reason: got %q, want %q", stop, types.StopReasonMaxTokens)
			}
			if usage == nil || *usage.OutputTokens != 30 {
				t.Errorf("usage: got %+v, want 30 output tokens", usage)
			}
		})
	}
}

func TestInvokeModel(t *testing.T) {
	t.Parallel()
	for name, client := range transports(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := client.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{
				ModelId: aws.String(claude), Body: claudeBody(t, "Name a river."),
			})
			if err != nil {
				t.Fatal(err)
			}
			var answer struct{ Content []struct{ Text string } }
			if err := json.Unmarshal(out.Body, &answer); err != nil {
				t.Fatal(err)
			}
			if len(answer.Content) != 1 {
				t.Fatalf("content: got %s, want one block", out.Body)
			}
			checkWords(t, answer.Content[0].Text)
		})
	}
}

func TestInvokeModelWithResponseStream(t *testing.T) {
	t.Parallel()
	for name, client := range transports(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := client.InvokeModelWithResponseStream(t.Context(), &bedrockruntime.InvokeModelWithResponseStreamInput{
				ModelId: aws.String(claude), Body: claudeBody(t, "Write a long story."),
			})
			if err != nil {
				t.Fatal(err)
			}
			stream := out.GetStream()
			var text strings.Builder
			for event := range stream.Events() {
				chunk, ok := event.(*types.ResponseStreamMemberChunk)
				if !ok {
					t.Fatalf("event: got %T, want a chunk", event)
				}
				var parsed struct{ Delta struct{ Text string } }
				if err := json.Unmarshal(chunk.Value.Bytes, &parsed); err != nil {
					t.Fatal(err)
				}
				text.WriteString(parsed.Delta.Text)
			}
			if err := errors.Join(stream.Close(), stream.Err()); err != nil {
				t.Error(err)
			}
			checkWords(t, text.String())
		})
	}
}

func TestErrorsHaveTheirTypes(t *testing.T) {
	t.Parallel()
	client := bedrockruntime.NewFromConfig(load(t))
	_, err := client.Converse(t.Context(), &bedrockruntime.ConverseInput{
		ModelId: aws.String("anthropic.claude-3-5-sonnet-v2"), Messages: user("Hi"),
	})
	var notFound *types.ResourceNotFoundException
	if !errors.As(err, &notFound) || !strings.HasPrefix(notFound.ErrorMessage(), "Could not resolve the foundation model") {
		t.Errorf("unknown model: got %v, want ResourceNotFoundException", err)
	}
	_, err = client.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{ModelId: aws.String(llama), Body: []byte("{}")})
	var invalid *types.ValidationException
	if !errors.As(err, &invalid) || !strings.Contains(invalid.ErrorMessage(), "required key [prompt] not found") {
		t.Errorf("body without prompt: got %v, want ValidationException", err)
	}
}

func TestCanceledStreamLeavesTheServerWell(t *testing.T) {
	t.Parallel()
	client := bedrockruntime.NewFromConfig(load(t))
	ctx, cancel := context.WithCancel(t.Context())
	out, err := client.ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{
		ModelId: aws.String(claude), Messages: user("Write a very long story."), InferenceConfig: maxTokens(1000),
	})
	if err != nil {
		t.Fatal(err)
	}
	<-out.GetStream().Events()
	cancel()
	_ = out.GetStream().Close() // whatever it says, the call was given up
	if _, err := client.Converse(t.Context(), &bedrockruntime.ConverseInput{
		ModelId: aws.String(claude), Messages: user("Hi"), InferenceConfig: maxTokens(2),
	}); err != nil {
		t.Errorf("next call: %v", err)
	}
}

func TestInferenceProfilePages(t *testing.T) {
	t.Parallel()
	pages := bedrock.NewListInferenceProfilesPaginator(bedrock.NewFromConfig(load(t)), &bedrock.ListInferenceProfilesInput{
		MaxResults: aws.Int32(20),
	})
	seen := map[string]bool{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, profile := range page.InferenceProfileSummaries {
			if id := *profile.InferenceProfileId; seen[id] {
				t.Errorf("profile %s: got it twice, want it once", id)
			} else {
				seen[id] = true
			}
		}
	}
	if !seen["us."+claude] {
		t.Errorf("profiles: got %d without us.%s", len(seen), claude)
	}
}

func TestCallerIdentity(t *testing.T) {
	t.Parallel()
	out, err := sts.NewFromConfig(load(t)).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *out.Account, "000000000000"; got != want {
		t.Errorf("account: got %s, want %s", got, want)
	}
}
