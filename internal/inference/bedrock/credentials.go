package bedrock

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/outbound"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// Account is whom a Backend asks as.
type Account struct {
	Region string
	// Of tells the region of a request; nil, or empty: Region.
	Of          func(ctx context.Context) string
	Credentials aws.CredentialsProvider
	Now         func() time.Time // time.Now when nil
}

// credentialsTimeout is how long whoever gives out keys may take to begin an
// answer.
const credentialsTimeout = time.Minute

// FindAccount finds the region (region; where it is empty, that of the
// environment or of the profile) and the keys where AWS's SDKs look for them: the
// environment, the user's files and, unless offline, the machine. Keys are looked
// for when the first request needs them.
func FindAccount(ctx context.Context, profile, region string, dialer *outbound.Dialer) (*Account, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = credentialsTimeout
		dialer.Apply(t)
	})
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(client)}
	if profile != "" {
		options = append(options, config.WithSharedConfigProfile(profile))
	}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	if dialer.Offline() {
		options = append(options, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("find the AWS keys: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("region: no AWS region is set, neither here nor in AWS_REGION nor in the profile")
	}
	return &Account{Region: cfg.Region, Credentials: cfg.Credentials}, nil
}

// RegionOf is the region that a request is for.
func (a *Account) RegionOf(ctx context.Context) string {
	if a.Of != nil {
		if region := a.Of(ctx); region != "" {
			return region
		}
	}
	return a.Region
}

// Endpoint is where AWS's bedrock-runtime of a region is.
func Endpoint(region string) string { return EndpointOf("bedrock-runtime", region) }

// EndpointOf is where a service of AWS's is in a region.
func EndpointOf(service, region string) string {
	domain := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		domain = "amazonaws.com.cn"
	}
	return "https://" + service + "." + region + "." + domain
}

// Sign is a remote.Params.Sign. Where no keys are found it answers Upstream,
// without saying where they were looked for.
func (a *Account) Sign(r *http.Request, body []byte) error {
	keys, err := a.Credentials.Retrieve(r.Context())
	if err != nil {
		if r.Context().Err() != nil {
			return r.Context().Err()
		}
		return fault.Wrap(fault.Upstream, err, "No AWS keys are found for the backend.")
	}
	now := time.Now
	if a.Now != nil {
		now = a.Now
	}
	sigv4.Signer{
		AccessKeyID: keys.AccessKeyID, Secret: iam.Secret(keys.SecretAccessKey), SessionToken: iam.Secret(keys.SessionToken),
		Region: a.RegionOf(r.Context()), Service: "bedrock",
	}.Sign(r, sigv4.BodyHash(body), now())
	return nil
}
