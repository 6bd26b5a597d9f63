package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/profile"
)

// access is what an AWS client has to know to reach the server as root.
type access struct {
	endpoint, region string
	root             iam.RootKey
	bundle           string // PEM file that makes the server's certificate trusted
}

func (e *environment) client(tls bool) (access, error) {
	cfg, err := e.load()
	if err != nil {
		return access{}, err
	}
	root, err := app.Root(cfg, e.getenv)
	if err != nil {
		return access{}, err
	}
	bundle, err := app.CABundle(cfg, e.getenv)
	if err != nil {
		return access{}, err
	}
	scheme := "http"
	if tls {
		scheme = "https"
	}
	return access{scheme + "://" + app.Address(cfg, e.getenv), cfg.Region, root, bundle}, nil
}

func (e *environment) envCommand() *cobra.Command {
	var tls bool
	var shell string
	cmd := &cobra.Command{
		Use: "env", Short: "Print the variables that point AWS clients at this server", Args: noArgs,
		Example: `  eval "$(outcrop env)"`,
		RunE: func(*cobra.Command, []string) error {
			c, err := e.client(tls)
			if err != nil {
				return err
			}
			vars := [][2]string{
				{"AWS_ENDPOINT_URL", c.endpoint},
				{"AWS_ACCESS_KEY_ID", c.root.AccessKeyID},
				{"AWS_SECRET_ACCESS_KEY", c.root.Secret.Reveal()},
				{"AWS_REGION", c.region},
				{"AWS_DEFAULT_REGION", c.region},
				{"AWS_CA_BUNDLE", c.bundle},
				{"NODE_EXTRA_CA_CERTS", c.bundle},
			}
			for _, v := range vars {
				line, err := export(shell, v[0], v[1])
				if err != nil {
					return usage(err)
				}
				if _, err := fmt.Fprintln(e.stdout, line); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&tls, "tls", false, "an https endpoint, which API keys (bearer tokens) need")
	cmd.Flags().StringVar(&shell, "shell", "sh", "sh, fish, powershell, cmd or dotenv")
	return cmd
}

// export writes one assignment in a shell's own syntax.
func export(shell, name, value string) (string, error) {
	single := func(escaped string) string { return "'" + strings.ReplaceAll(value, "'", escaped) + "'" }
	switch shell {
	case "sh":
		return "export " + name + "=" + single(`'\''`), nil
	case "fish":
		return "set -gx " + name + " " + single(`\'`), nil
	case "powershell":
		return "$Env:" + name + " = " + single("''"), nil
	case "cmd":
		return `set "` + name + "=" + value + `"`, nil
	case "dotenv":
		return name + "=" + single(`'\''`), nil
	}
	return "", fmt.Errorf("%q is not one of sh, fish, powershell, cmd, dotenv", shell)
}

func (e *environment) configureCommand() *cobra.Command {
	var name string
	var tls bool
	cmd := &cobra.Command{
		Use: "configure", Short: "Write an AWS profile for this server", Args: noArgs,
		Long:    "Writes region, endpoint and keys into the AWS config and credentials files, as aws configure would. Other profiles, comments and order stay as they are.",
		Example: "  outcrop configure && aws --profile outcrop bedrock list-foundation-models",
		RunE: func(*cobra.Command, []string) error {
			c, err := e.client(tls)
			if err != nil {
				return err
			}
			home, err := os.UserHomeDir()
			if err != nil {
				return fmt.Errorf("find the home directory: %w", err)
			}
			configFile, credentialsFile := profile.Paths(e.getenv, home)
			section := "profile " + name
			if name == "default" {
				section = name
			}
			if err := profile.Write(configFile, section, []profile.Setting{
				{Key: "region", Value: c.region}, {Key: "endpoint_url", Value: c.endpoint}, {Key: "ca_bundle", Value: c.bundle},
			}); err != nil {
				return err
			}
			if err := profile.Write(credentialsFile, name, []profile.Setting{
				{Key: "aws_access_key_id", Value: c.root.AccessKeyID}, {Key: "aws_secret_access_key", Value: c.root.Secret.Reveal()},
			}); err != nil {
				return err
			}
			_, err = fmt.Fprintf(e.stdout, "profile %s is written to %s and %s\ntry: AWS_PROFILE=%s aws bedrock list-foundation-models\n",
				name, filepath.ToSlash(configFile), filepath.ToSlash(credentialsFile), name)
			return err
		},
	}
	cmd.Flags().StringVar(&name, "profile", "outcrop", "name of the profile")
	cmd.Flags().BoolVar(&tls, "tls", false, "an https endpoint")
	return cmd
}
