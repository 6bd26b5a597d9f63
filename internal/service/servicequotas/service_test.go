package servicequotas_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	api "github.com/outcrop/outcrop/internal/api/servicequotas"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/quota"
	"github.com/outcrop/outcrop/internal/service/servicequotas"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

const requests = "L-254CACF4" // of Claude 3.5 Sonnet, on demand

// newService is a service over real quotas, of which every one is 10.
func newService(t *testing.T) (*servicequotas.Service, context.Context) {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), sqlitestore.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	models, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	r := quota.NewRegistry(quota.RegistryParams{
		Store:  s,
		Values: quota.NewValues(quota.ValuesParams{Default: quota.Limits{Requests: 10, Tokens: 10, TokensPerDay: 10, Concurrency: 10}}),
		Models: models.All, Now: func() time.Time { return time.Date(2026, 11, 20, 12, 0, n, 0, time.UTC) },
		NewID: func() string { n++; return fmt.Sprintf("request-%d", n) },
	})
	c := &call.Call{Account: "000000000000", Region: "us-east-1", Principal: iam.Principal{ARN: "arn:aws:iam::000000000000:user/ann"}}
	return servicequotas.New(servicequotas.Params{Quotas: r}), call.With(t.Context(), c)
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if err == nil || fault.As(err).Code != code {
		t.Errorf("%s: got %v, want %s", what, err, code)
	}
}

func TestPagesHaveEverythingOnce(t *testing.T) {
	t.Parallel()
	s, ctx := newService(t)
	seen := map[string]bool{}
	var token *string
	for pages := 0; ; pages++ {
		out, err := s.ListServiceQuotas(ctx, &api.ListServiceQuotasInput{ServiceCode: new("bedrock"), MaxResults: new(int32(70)), NextToken: token})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Quotas) > 70 || len(out.Quotas) < 70 && out.NextToken != nil {
			t.Errorf("a page of %d", len(out.Quotas))
		}
		for _, q := range out.Quotas {
			if seen[*q.QuotaCode] {
				t.Errorf("%s comes twice", *q.QuotaCode)
			}
			seen[*q.QuotaCode] = true
			if want := "arn:aws:servicequotas:us-east-1:000000000000:bedrock/" + *q.QuotaCode; *q.QuotaArn != want {
				t.Errorf("got %s, want %s", *q.QuotaArn, want)
			}
		}
		if token = out.NextToken; token == nil {
			if pages < 3 {
				t.Errorf("got %d pages", pages)
			}
			break
		}
	}
	defaults, err := s.ListAWSDefaultServiceQuotas(ctx, &api.ListAWSDefaultServiceQuotasInput{ServiceCode: new("bedrock")})
	if err != nil || len(defaults.Quotas) != 100 {
		t.Errorf("got %d defaults, %v, want a page of 100", len(defaults.Quotas), err)
	}
	for _, bad := range []string{"", "x", "MTo", "MTpMLTAwMDAwMDAw"} {
		_, err := s.ListServiceQuotas(ctx, &api.ListServiceQuotasInput{ServiceCode: new("bedrock"), NextToken: &bad})
		wantCode(t, "the token "+bad, err, "InvalidPaginationTokenException")
	}
}

func TestIncrease(t *testing.T) {
	t.Parallel()
	s, ctx := newService(t)
	ask := func(n float64) (*api.RequestServiceQuotaIncreaseOutput, error) {
		return s.RequestServiceQuotaIncrease(ctx, &api.RequestServiceQuotaIncreaseInput{ServiceCode: new("bedrock"), QuotaCode: new(requests), DesiredValue: &n})
	}
	for _, n := range []float64{10, 0, -1, 10.5, 1e300} {
		_, err := ask(n)
		wantCode(t, fmt.Sprint(n), err, "IllegalArgumentException")
	}
	made, err := ask(20)
	if err != nil {
		t.Fatal(err)
	}
	if r := made.RequestedQuota; r.Status != api.RequestStatusPending || *r.DesiredValue != 20 || *r.Requester != "arn:aws:iam::000000000000:user/ann" {
		t.Errorf("got %+v", r)
	}
	_, err = ask(30)
	wantCode(t, "a second request", err, "ResourceAlreadyExistsException")
	got, err := s.GetRequestedServiceQuotaChange(ctx, &api.GetRequestedServiceQuotaChangeInput{RequestId: made.RequestedQuota.Id})
	if err != nil || *got.RequestedQuota.QuotaCode != requests {
		t.Errorf("got %v, %v", got, err)
	}
	history := func(status api.RequestStatus, code string) int {
		t.Helper()
		all, err := s.ListRequestedServiceQuotaChangeHistory(ctx, &api.ListRequestedServiceQuotaChangeHistoryInput{Status: status})
		if err != nil {
			t.Fatal(err)
		}
		of, err := s.ListRequestedServiceQuotaChangeHistoryByQuota(ctx, &api.ListRequestedServiceQuotaChangeHistoryByQuotaInput{
			ServiceCode: new("bedrock"), QuotaCode: &code, Status: status,
		})
		if err != nil {
			t.Fatal(err)
		}
		return 10*len(all.RequestedQuotas) + len(of.RequestedQuotas)
	}
	for want, n := range map[int]int{
		11: history("", requests), 10: history(api.RequestStatusPending, "L-A50569E5"), 0: history(api.RequestStatusApproved, requests),
	} {
		if n != want {
			t.Errorf("got %d requests in the histories, want %d", n, want)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	s, ctx := newService(t)
	get := func(service, code string, of *string) error {
		_, err := s.GetServiceQuota(ctx, &api.GetServiceQuotaInput{ServiceCode: &service, QuotaCode: &code, ContextId: of})
		return err
	}
	if err := get("bedrock", requests, new("000000000000")); err != nil {
		t.Error(err)
	}
	wantCode(t, "another service", get("ec2", requests, nil), "NoSuchResourceException")
	wantCode(t, "another quota", get("bedrock", "L-00000000", nil), "NoSuchResourceException")
	wantCode(t, "of a resource", get("bedrock", requests, new("i-1")), "NoSuchResourceException")
	_, err := s.GetAWSDefaultServiceQuota(ctx, &api.GetAWSDefaultServiceQuotaInput{ServiceCode: new("bedrock"), QuotaCode: new("L-0")})
	wantCode(t, "another default", err, "NoSuchResourceException")
	_, err = s.GetRequestedServiceQuotaChange(ctx, &api.GetRequestedServiceQuotaChangeInput{RequestId: new("none")})
	wantCode(t, "another request", err, "NoSuchResourceException")
	_, err = s.GetAssociationForServiceQuotaTemplate(ctx, nil)
	wantCode(t, "a template", err, "NoAvailableOrganizationException")
}

func TestTags(t *testing.T) {
	t.Parallel()
	s, ctx := newService(t)
	arn := "arn:aws:servicequotas:us-east-1:000000000000:bedrock/" + requests
	set := func(arn string, n int) error {
		in := &api.TagResourceInput{ResourceARN: &arn}
		for i := range n {
			in.Tags = append(in.Tags, api.Tag{Key: new(fmt.Sprint(i)), Value: new("v")})
		}
		_, err := s.TagResource(ctx, in)
		return err
	}
	if err := set(arn, 50); err != nil {
		t.Error(err)
	}
	wantCode(t, "51 tags", set(arn, 51), "TooManyTagsException")
	for _, other := range []string{
		"x", arn + "0", "arn:aws:servicequotas:us-east-1:111111111111:bedrock/" + requests, "arn:aws:servicequotas:us-west-2:000000000000:bedrock/" + requests,
	} {
		wantCode(t, other, set(other, 1), "NoSuchResourceException")
	}
	keys := make([]string, 49)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	if _, err := s.UntagResource(ctx, &api.UntagResourceInput{ResourceARN: &arn, TagKeys: keys}); err != nil {
		t.Error(err)
	}
	out, err := s.ListTagsForResource(ctx, &api.ListTagsForResourceInput{ResourceARN: &arn})
	if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "49" {
		t.Errorf("got %v, %v, want the tag 49", out, err)
	}
}
