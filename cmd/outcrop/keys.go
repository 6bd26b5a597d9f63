package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/iam/credential"
)

func (e *environment) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Short: "Create, list and revoke access keys and API keys", Args: noArgs,
		Long: "A running server need not be restarted: a new key is good at once, a revoked one is refused within two seconds.",
	}
	cmd.AddCommand(e.keysCreateCommand(), e.keysListCommand(), e.keysRevokeCommand())
	return cmd
}

// What a user may do who is made with their first key, unless --policy says
// otherwise.
var (
	accessKeyPolicies = []string{"AmazonBedrockFullAccess", "AmazonS3FullAccess"}
	apiKeyPolicies    = []string{"AmazonBedrockLimitedAccess"}
)

func (e *environment) keysCreateCommand() *cobra.Command {
	var user string
	var apiKey bool
	var life time.Duration
	var policies []string
	cmd := &cobra.Command{
		Use: "create", Short: "Create a key; its secret is shown this once", Args: noArgs,
		Long: "A user who is not there is made, with policies attached: " + strings.Join(accessKeyPolicies, " and ") + " for an access key, " +
			strings.Join(apiKeyPolicies, " and ") + " for an API key, or those of --policy. The policies of a user who is there are left alone.",
		Example: "  outcrop keys create --user alice\n  outcrop keys create --user ci --policy AmazonBedrockReadOnly --expires-in 720h\n  outcrop keys create --user app --api-key",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if user == "" {
				return usage(errors.New("a key belongs to a user: name one with --user"))
			}
			return e.withIdentities(cmd.Context(), func(i *app.Identities) error {
				given := policies
				switch {
				case len(policies) > 0:
				case apiKey:
					given = apiKeyPolicies
				default:
					given = accessKeyPolicies
				}
				attached, made, err := i.EnsureUser(cmd.Context(), user, given)
				if err != nil {
					return err
				}
				switch {
				case made:
					_, err = fmt.Fprintf(e.stdout, "# made user %s with %s\n", user, strings.Join(attached, ", "))
				case len(policies) > 0:
					_, err = fmt.Fprintf(e.stderr, "user %s is there already; their policies are left alone\n", user)
				}
				if err != nil {
					return err
				}
				return e.createKey(cmd.Context(), i, user, apiKey, life)
			})
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "name of the user that the key belongs to")
	cmd.Flags().BoolVar(&apiKey, "api-key", false, "a Bedrock API key (bearer token) instead of an access key")
	cmd.Flags().DurationVar(&life, "expires-in", 0, "how long the key is good, such as 720h; 0 is for ever")
	cmd.Flags().StringArrayVar(&policies, "policy", nil, "managed policy of a user who is made, by name or ARN; may be repeated")
	return cmd
}

func (e *environment) createKey(ctx context.Context, i *app.Identities, user string, apiKey bool, life time.Duration) error {
	if apiKey {
		key, token, err := i.Credentials.AddAPIKey(ctx, user, life)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.stdout, "# API key %s of user %s\nAWS_BEARER_TOKEN_BEDROCK=%s\n", key.Name(), key.User, token.Reveal())
		return err
	}
	key, secret, err := i.Credentials.AddAccessKey(ctx, user, life)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "# access key of user %s\nAWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", key.User, key.ID, secret.Reveal())
	return err
}

func (e *environment) keysListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List all keys, without their secrets", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withIdentities(cmd.Context(), func(i *app.Identities) error {
				list, err := i.Keys(cmd.Context())
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tKIND\tUSER\tSTATUS\tCREATED\tEXPIRES")
				for _, k := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, kindOf(k), k.User, statusOf(k), k.Created.UTC().Format(time.RFC3339), expiryOf(k))
				}
				return w.Flush()
			})
		},
	}
}

func kindOf(k app.Key) string {
	if k.APIKey {
		return "api-key"
	}
	return "access-key"
}

func statusOf(k app.Key) string {
	switch {
	case k.Status == credential.Deleted:
		return "Revoked"
	case k.Status == credential.Active && !k.Expires.IsZero() && !k.Expires.After(time.Now()):
		return "Expired"
	}
	return string(k.Status)
}

func expiryOf(k app.Key) string {
	if k.Expires.IsZero() {
		return "never"
	}
	return k.Expires.UTC().Format(time.RFC3339)
}

func (e *environment) keysRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Revoke a key for ever", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withIdentities(cmd.Context(), func(i *app.Identities) error {
				if err := i.Credentials.Revoke(cmd.Context(), args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintln(e.stdout, "revoked", args[0])
				return err
			})
		},
	}
}

// withIdentities opens the users and keys of the data directory for f.
func (e *environment) withIdentities(ctx context.Context, f func(*app.Identities) error) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	i, err := app.OpenIdentities(ctx, cfg, e.getenv)
	if err != nil {
		return err
	}
	return errors.Join(f(i), i.Close())
}
