package bedrock_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/invocationlog"
	"github.com/outcrop/outcrop/internal/service/bedrock"
)

// settings is a bedrock.LoggingSettings in memory.
type settings map[[2]string]invocationlog.Setting

func (s settings) Get(_ context.Context, account, region string) (invocationlog.Setting, bool, error) {
	setting, ok := s[[2]string{account, region}]
	return setting, ok, nil
}

func (s settings) Put(_ context.Context, setting invocationlog.Setting) error {
	s[[2]string{setting.Account, setting.Region}] = setting
	return nil
}

func (s settings) Delete(_ context.Context, account, region string) error {
	delete(s, [2]string{account, region})
	return nil
}

func ptr[T any](v T) *T { return &v }

func TestLoggingConfiguration(t *testing.T) {
	t.Parallel()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	kept := settings{}
	s := bedrock.New(c, models{c}, bedrock.Params{Logging: kept})
	ctx := in(t.Context(), "us-east-1")
	get := func(ctx context.Context) *api.LoggingConfig {
		t.Helper()
		out, err := s.GetModelInvocationLoggingConfiguration(ctx, &api.GetModelInvocationLoggingConfigurationInput{})
		if err != nil {
			t.Fatal(err)
		}
		return out.LoggingConfig
	}
	if got := get(ctx); got != nil {
		t.Errorf("before there is one: got %+v", got)
	}
	_, err = s.PutModelInvocationLoggingConfiguration(ctx, &api.PutModelInvocationLoggingConfigurationInput{LoggingConfig: &api.LoggingConfig{
		S3Config: &api.S3Config{BucketName: ptr("logs")}, VideoDataDeliveryEnabled: ptr(false), ImageDataDeliveryEnabled: ptr(true),
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := &api.LoggingConfig{
		S3Config:                &api.S3Config{BucketName: ptr("logs"), KeyPrefix: ptr("")},
		TextDataDeliveryEnabled: ptr(true), ImageDataDeliveryEnabled: ptr(true), EmbeddingDataDeliveryEnabled: ptr(true),
		VideoDataDeliveryEnabled: ptr(false), AudioDataDeliveryEnabled: ptr(true),
	}
	if diff := cmp.Diff(want, get(ctx)); diff != "" {
		t.Errorf("the configuration differs (-want +got):\n%s", diff)
	}
	if got := get(in(t.Context(), "eu-west-1")); got != nil {
		t.Errorf("in another region: got %+v", got)
	}
	if _, err := s.DeleteModelInvocationLoggingConfiguration(ctx, &api.DeleteModelInvocationLoggingConfigurationInput{}); err != nil {
		t.Fatal(err)
	}
	if got := get(ctx); got != nil {
		t.Errorf("after it was deleted: got %+v", got)
	}
	for name, config := range map[string]*api.LoggingConfig{
		"no destination":  {TextDataDeliveryEnabled: ptr(true)},
		"CloudWatch Logs": {S3Config: &api.S3Config{BucketName: ptr("logs")}, CloudWatchConfig: &api.CloudWatchConfig{LogGroupName: ptr("g"), RoleArn: ptr("arn:aws:iam::123456789012:role/r")}},
	} {
		_, err := s.PutModelInvocationLoggingConfiguration(ctx, &api.PutModelInvocationLoggingConfigurationInput{LoggingConfig: config})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.As(err).Message, "s3Config") || len(kept) != 0 {
			t.Errorf("%s: got %v and %d configurations, want a refusal that names s3Config", name, err, len(kept))
		}
	}
}
