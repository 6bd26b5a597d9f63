package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/iam"
)

func (e *environment) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Short: "Create, list and revoke access keys and API keys", Args: noArgs,
		Long: "A running server need not be restarted: a new key is good at once, a revoked one is refused within a second.",
	}
	cmd.AddCommand(e.keysCreateCommand(), e.keysListCommand(), e.keysRevokeCommand())
	return cmd
}

func (e *environment) keysCreateCommand() *cobra.Command {
	var user string
	var apiKey bool
	var life time.Duration
	cmd := &cobra.Command{
		Use: "create", Short: "Create a key; its secret is shown this once", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if user == "" {
				return usage(errors.New("a key belongs to a user: name one with --user"))
			}
			keys, err := e.openKeys()
			if err != nil {
				return err
			}
			if apiKey {
				key, token, err := keys.CreateAPIKey(user, life)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(e.stdout, "# API key %s of user %s\nAWS_BEARER_TOKEN_BEDROCK=%s\n", key.ID, key.User, token.Reveal())
				return err
			}
			key, secret, err := keys.CreateAccessKey(user, life)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(e.stdout, "# access key of user %s\nAWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", key.User, key.ID, secret.Reveal())
			return err
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "name of the user that the key belongs to")
	cmd.Flags().BoolVar(&apiKey, "api-key", false, "a Bedrock API key (bearer token) instead of an access key")
	cmd.Flags().DurationVar(&life, "expires-in", 0, "how long the key is good, such as 720h; 0 is for ever")
	return cmd
}

func (e *environment) keysListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List all keys, without their secrets", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			keys, err := e.openKeys()
			if err != nil {
				return err
			}
			list, err := keys.List()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tKIND\tUSER\tSTATUS\tCREATED\tEXPIRES")
			for _, k := range list {
				expires, status := "never", string(k.Status)
				if !k.Expires.IsZero() {
					expires = k.Expires.UTC().Format(time.RFC3339)
					if k.Status == iam.Active && !k.Expires.After(time.Now()) {
						status = "Expired"
					}
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Kind, k.User, status, k.Created.UTC().Format(time.RFC3339), expires)
			}
			return w.Flush()
		},
	}
}

func (e *environment) keysRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Revoke a key for ever", Args: oneArg,
		RunE: func(_ *cobra.Command, args []string) error {
			keys, err := e.openKeys()
			if err != nil {
				return err
			}
			if err := keys.Revoke(args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintln(e.stdout, "revoked", args[0])
			return err
		},
	}
}

func (e *environment) openKeys() (*iam.Keys, error) {
	cfg, err := e.load()
	if err != nil {
		return nil, err
	}
	keys, _, err := app.Keys(cfg, e.getenv)
	return keys, err
}
