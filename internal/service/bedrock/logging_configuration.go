package bedrock

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/invocationlog"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// LoggingSettings keep what is logged of the invocations of models in each
// account and region; *invocationlog.Settings does.
type LoggingSettings interface {
	Get(ctx context.Context, account, region string) (invocationlog.Setting, bool, error)
	Put(ctx context.Context, s invocationlog.Setting) error
	Delete(ctx context.Context, account, region string) error
}

// PutModelInvocationLoggingConfiguration switches the logging of invocations on
// for the caller's account and region, or changes where the records go.
func (s *Service) PutModelInvocationLoggingConfiguration(ctx context.Context, in *api.PutModelInvocationLoggingConfigurationInput) (*api.PutModelInvocationLoggingConfigurationOutput, error) {
	c, l := call.From(ctx), in.LoggingConfig
	switch {
	case l.CloudWatchConfig != nil:
		return nil, fault.New(fault.Invalid, "Outcrop has no CloudWatch Logs to deliver to. Use s3Config instead of cloudWatchConfig; invocationLogs.directory in the server's configuration writes the same records to files.")
	case l.S3Config == nil:
		return nil, fault.New(fault.Invalid, "The logging configuration names no destination. Provide s3Config.")
	}
	err := s.params.Logging.Put(ctx, invocationlog.Setting{
		Account: c.Account, Region: c.Region,
		Bucket: schema.Deref(l.S3Config.BucketName), Prefix: schema.Deref(l.S3Config.KeyPrefix),
		Content: invocationlog.Content{
			Text: unlessFalse(l.TextDataDeliveryEnabled), Image: unlessFalse(l.ImageDataDeliveryEnabled), Embedding: unlessFalse(l.EmbeddingDataDeliveryEnabled),
			Video: unlessFalse(l.VideoDataDeliveryEnabled), Audio: unlessFalse(l.AudioDataDeliveryEnabled),
		},
	})
	if err != nil {
		return nil, err
	}
	return &api.PutModelInvocationLoggingConfigurationOutput{}, nil
}

// GetModelInvocationLoggingConfiguration tells what is logged where; nothing,
// when nothing is.
func (s *Service) GetModelInvocationLoggingConfiguration(ctx context.Context, _ *api.GetModelInvocationLoggingConfigurationInput) (*api.GetModelInvocationLoggingConfigurationOutput, error) {
	c := call.From(ctx)
	l, ok, err := s.params.Logging.Get(ctx, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	out := &api.GetModelInvocationLoggingConfigurationOutput{}
	if !ok {
		return out, nil
	}
	out.LoggingConfig = &api.LoggingConfig{
		S3Config:                &api.S3Config{BucketName: &l.Bucket, KeyPrefix: &l.Prefix},
		TextDataDeliveryEnabled: &l.Text, ImageDataDeliveryEnabled: &l.Image, EmbeddingDataDeliveryEnabled: &l.Embedding,
		VideoDataDeliveryEnabled: &l.Video, AudioDataDeliveryEnabled: &l.Audio,
	}
	return out, nil
}

// DeleteModelInvocationLoggingConfiguration ends the logging.
func (s *Service) DeleteModelInvocationLoggingConfiguration(ctx context.Context, _ *api.DeleteModelInvocationLoggingConfigurationInput) (*api.DeleteModelInvocationLoggingConfigurationOutput, error) {
	c := call.From(ctx)
	if err := s.params.Logging.Delete(ctx, c.Account, c.Region); err != nil {
		return nil, err
	}
	return &api.DeleteModelInvocationLoggingConfigurationOutput{}, nil
}

// unlessFalse reads a switch that is on where it is not mentioned.
func unlessFalse(b *bool) bool { return b == nil || *b }
