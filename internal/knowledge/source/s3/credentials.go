package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"github.com/outcrop/outcrop/internal/outbound"
)

// Keys are an access key that was given; empty: none was.
type Keys struct{ AccessKeyID, SecretAccessKey, SessionToken string }

// Remote fills what Params need for an endpoint that is not Outcrop's: keys,
// the ones that were given or else what AWS's SDKs find in the environment, the
// user's files (profile; empty: the default one) and, unless offline, with the
// machine they run on; and a client, which trusts what AWS_CA_BUNDLE says and
// reaches what dialer permits. Keys are looked for when the first request needs
// them.
func Remote(ctx context.Context, p Params, keys Keys, profile string, dialer *outbound.Dialer) (Params, error) {
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(newClient(dialer))}
	if keys != (Keys{}) {
		if keys.AccessKeyID == "" || keys.SecretAccessKey == "" {
			return Params{}, errors.New("only one half of the key for the objects' endpoint is given: set both the access key ID and the secret access key, or neither")
		}
		options = append(options, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken)))
	}
	if profile != "" {
		options = append(options, config.WithSharedConfigProfile(profile))
	}
	if dialer.Offline() {
		options = append(options, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return Params{}, fmt.Errorf("find the keys for the objects' endpoint: %w", err)
	}
	p.Credentials, p.Client = cfg.Credentials, cfg.HTTPClient
	return p, nil
}

// responseTimeout is how long an endpoint may take to begin an answer.
const responseTimeout = time.Minute

func newClient(dialer *outbound.Dialer) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = responseTimeout
		dialer.Apply(t)
	})
}
