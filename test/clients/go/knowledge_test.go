package client

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagent"
	agenttypes "github.com/aws/aws-sdk-go-v2/service/bedrockagent/types"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime/document"
	runtimetypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	claudeARN = "arn:aws:bedrock:us-east-1::foundation-model/" + claude
	titanARN  = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0"
)

// knowledgeBase makes a base over a bucket of files and syncs it.
func knowledgeBase(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	cfg := load(t)
	buckets := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(name)}); err != nil {
		t.Fatal(err)
	}
	for key, text := range files {
		if _, err := buckets.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(name), Key: aws.String(key), Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	agent := bedrockagent.NewFromConfig(cfg)
	base, err := agent.CreateKnowledgeBase(t.Context(), &bedrockagent.CreateKnowledgeBaseInput{
		Name: aws.String(name), RoleArn: aws.String("arn:aws:iam::000000000000:role/kb"),
		KnowledgeBaseConfiguration: &agenttypes.KnowledgeBaseConfiguration{
			Type:                             agenttypes.KnowledgeBaseTypeVector,
			VectorKnowledgeBaseConfiguration: &agenttypes.VectorKnowledgeBaseConfiguration{EmbeddingModelArn: aws.String(titanARN)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := base.KnowledgeBase.KnowledgeBaseId
	source, err := agent.CreateDataSource(t.Context(), &bedrockagent.CreateDataSourceInput{
		KnowledgeBaseId: id, Name: aws.String("bucket"),
		DataSourceConfiguration: &agenttypes.DataSourceConfiguration{
			Type:            agenttypes.DataSourceTypeS3,
			S3Configuration: &agenttypes.S3DataSourceConfiguration{BucketArn: aws.String("arn:aws:s3:::" + name)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	job, err := agent.StartIngestionJob(t.Context(), &bedrockagent.StartIngestionJobInput{KnowledgeBaseId: id, DataSourceId: source.DataSource.DataSourceId})
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-tick.C {
		found, err := agent.GetIngestionJob(t.Context(), &bedrockagent.GetIngestionJobInput{
			KnowledgeBaseId: id, DataSourceId: source.DataSource.DataSourceId, IngestionJobId: job.IngestionJob.IngestionJobId,
		})
		if err != nil {
			t.Fatal(err)
		}
		switch found.IngestionJob.Status {
		case agenttypes.IngestionJobStatusComplete:
			if got := found.IngestionJob.Statistics.NumberOfNewDocumentsIndexed; got != int64(len(files)) {
				t.Fatalf("new documents: got %d, want %d", got, len(files))
			}
			return *id
		case agenttypes.IngestionJobStatusFailed:
			t.Fatalf("sync: got %v", found.IngestionJob.FailureReasons)
		}
	}
	t.Fatal("sync: got no end")
	return ""
}

func TestKnowledgeBase(t *testing.T) {
	t.Parallel()
	id := knowledgeBase(t, "go-handbook", map[string]string{
		"refunds.md":   "# Refund policy\n\nCustomers may return any product within 30 days of delivery and receive a full refund.",
		"shipping.txt": "Parcels to Europe take three working days. Orders above 50 euros are shipped free of charge.",
	})
	client := bedrockagentruntime.NewFromConfig(load(t))
	t.Run("Retrieve", func(t *testing.T) {
		t.Parallel()
		out, err := client.Retrieve(t.Context(), &bedrockagentruntime.RetrieveInput{
			KnowledgeBaseId: aws.String(id), RetrievalQuery: &runtimetypes.KnowledgeBaseQuery{Text: aws.String("When is shipping free of charge?")},
			RetrievalConfiguration: &runtimetypes.KnowledgeBaseRetrievalConfiguration{VectorSearchConfiguration: &runtimetypes.KnowledgeBaseVectorSearchConfiguration{
				NumberOfResults: aws.Int32(1), OverrideSearchType: runtimetypes.SearchTypeHybrid,
				Filter: &runtimetypes.RetrievalFilterMemberStartsWith{Value: runtimetypes.FilterAttribute{
					Key: aws.String("x-amz-bedrock-kb-source-uri"), Value: document.NewLazyDocument("s3://go-handbook/"),
				}},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.RetrievalResults) != 1 {
			t.Fatalf("results: got %d, want 1", len(out.RetrievalResults))
		}
		if got, want := *out.RetrievalResults[0].Location.S3Location.Uri, "s3://go-handbook/shipping.txt"; got != want {
			t.Errorf("best passage: got %s, want %s", got, want)
		}
	})
	ask := &runtimetypes.RetrieveAndGenerateConfiguration{
		Type:                       runtimetypes.RetrieveAndGenerateTypeKnowledgeBase,
		KnowledgeBaseConfiguration: &runtimetypes.KnowledgeBaseRetrieveAndGenerateConfiguration{KnowledgeBaseId: aws.String(id), ModelArn: aws.String(claudeARN)},
	}
	question := &runtimetypes.RetrieveAndGenerateInput{Text: aws.String("What is our refund policy?")}
	const want = "s3://go-handbook/refunds.md"
	t.Run("RetrieveAndGenerate", func(t *testing.T) {
		t.Parallel()
		out, err := client.RetrieveAndGenerate(t.Context(), &bedrockagentruntime.RetrieveAndGenerateInput{Input: question, RetrieveAndGenerateConfiguration: ask})
		if err != nil {
			t.Fatal(err)
		}
		checkWords(t, *out.Output.Text)
		var cited []string
		for _, citation := range out.Citations {
			for _, reference := range citation.RetrievedReferences {
				cited = append(cited, *reference.Location.S3Location.Uri)
			}
		}
		if !slices.Contains(cited, want) {
			t.Errorf("citations: got %q, want %s among them", cited, want)
		}
	})
	t.Run("RetrieveAndGenerateStream", func(t *testing.T) {
		t.Parallel()
		out, err := client.RetrieveAndGenerateStream(t.Context(), &bedrockagentruntime.RetrieveAndGenerateStreamInput{Input: question, RetrieveAndGenerateConfiguration: ask})
		if err != nil {
			t.Fatal(err)
		}
		if aws.ToString(out.SessionId) == "" {
			t.Error("session: got none")
		}
		stream := out.GetStream()
		var text strings.Builder
		var cited []string
		for event := range stream.Events() {
			switch event := event.(type) {
			case *runtimetypes.RetrieveAndGenerateStreamResponseOutputMemberOutput:
				text.WriteString(*event.Value.Text)
			case *runtimetypes.RetrieveAndGenerateStreamResponseOutputMemberCitation:
				for _, reference := range event.Value.RetrievedReferences {
					cited = append(cited, *reference.Location.S3Location.Uri)
				}
			}
		}
		if err := errors.Join(stream.Close(), stream.Err()); err != nil {
			t.Error(err)
		}
		checkWords(t, text.String())
		if !slices.Contains(cited, want) {
			t.Errorf("citations: got %q, want %s among them", cited, want)
		}
	})
}

func TestKnowledgeBaseErrorsHaveTheirTypes(t *testing.T) {
	t.Parallel()
	cfg := load(t)
	_, err := bedrockagent.NewFromConfig(cfg).GetKnowledgeBase(t.Context(), &bedrockagent.GetKnowledgeBaseInput{KnowledgeBaseId: aws.String("AAAAAAAAAA")})
	var missing *agenttypes.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("unknown base: got %v, want ResourceNotFoundException", err)
	}
	runtime := bedrockagentruntime.NewFromConfig(cfg)
	_, err = runtime.Retrieve(t.Context(), &bedrockagentruntime.RetrieveInput{
		KnowledgeBaseId: aws.String("AAAAAAAAAA"), RetrievalQuery: &runtimetypes.KnowledgeBaseQuery{Text: aws.String("Hi")},
	})
	var absent *runtimetypes.ResourceNotFoundException
	if !errors.As(err, &absent) {
		t.Errorf("search of an unknown base: got %v, want ResourceNotFoundException", err)
	}
	_, err = runtime.Retrieve(t.Context(), &bedrockagentruntime.RetrieveInput{
		KnowledgeBaseId: aws.String("no id, is it"), RetrievalQuery: &runtimetypes.KnowledgeBaseQuery{Text: aws.String("Hi")},
	})
	var invalid *runtimetypes.ValidationException
	if !errors.As(err, &invalid) {
		t.Errorf("identifier that is none: got %v, want ValidationException", err)
	}
}
