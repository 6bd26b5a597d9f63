package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/config"
)

func (e *environment) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check, print or explain the configuration", Args: noArgs}
	cmd.AddCommand(
		&cobra.Command{
			Use: "check", Short: "Say whether the configuration is good, and its secrets are there", Args: noArgs,
			RunE: func(*cobra.Command, []string) error {
				cfg, err := e.load()
				if err != nil {
					return err
				}
				if err := cfg.CheckSecrets(e.getenv); err != nil {
					return usage(err)
				}
				_, err = fmt.Fprintln(e.stdout, "the configuration is good")
				return err
			},
		},
		&cobra.Command{
			Use: "print", Short: "Print the configuration in force", Args: noArgs,
			RunE: func(*cobra.Command, []string) error {
				cfg, err := e.load()
				if err != nil {
					return err
				}
				text, err := cfg.YAML()
				if err == nil {
					_, err = e.stdout.Write(text)
				}
				return err
			},
		},
		&cobra.Command{
			Use: "reference", Short: "Print the reference page of all keys", Args: noArgs,
			RunE: func(*cobra.Command, []string) error {
				_, err := fmt.Fprint(e.stdout, config.Markdown())
				return err
			},
		},
	)
	return cmd
}
