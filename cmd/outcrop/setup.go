package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/progress"
)

func (e *environment) setupCommand() *cobra.Command {
	var verify bool
	cmd := &cobra.Command{
		Use: "setup", Short: "Fetch the engine and the default models, without serving", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := e.load()
			if err != nil {
				return err
			}
			parts, err := app.OpenParts(cfg, e.getenv, progress.For(e.stderr), newLogger(e.stderr, cfg.Log))
			if err != nil {
				return err
			}
			if verify {
				if err := parts.Packs.Repair(cmd.Context()); err != nil {
					return err
				}
			}
			if err := parts.Ensure(cmd.Context()); err != nil {
				return err
			}
			_, err = fmt.Fprintln(e.stdout, "everything is there:", cfg.ModelsDir(e.getenv))
			return err
		},
	}
	cmd.Flags().BoolVar(&verify, "verify", false, "read every file, compare its digest and fetch again what is damaged")
	return cmd
}
