package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/bucket/gateway"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/progress"
	"github.com/outcrop/outcrop/internal/runner"
)

func (e *environment) serveCommand() *cobra.Command {
	var listen, auth, account, region, script string
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve the Bedrock API", Args: noArgs,
		Long: "Serves every service on one port, plain HTTP and TLS alike.\n" +
			"The first start fetches the engine and the default models; later ones need no network.\n" +
			"With --script a file of rules answers for every model, and nothing is fetched.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			global := e.flags
			e.flags = func(cfg *config.Config) {
				global(cfg)
				for _, f := range []struct {
					name, value string
					field       *string
				}{{"listen", listen, &cfg.Listen}, {"account", account, &cfg.Account}, {"region", region, &cfg.Region}, {"auth", auth, (*string)(&cfg.Auth)}, {"script", script, &cfg.Script}} {
					if cmd.Flags().Changed(f.name) {
						*f.field = f.value
					}
				}
			}
			cfg, err := e.load()
			if err != nil {
				return err
			}
			cfg.Scripted()
			return e.serve(cmd.Context(), cfg)
		},
	}
	def := config.Default()
	cmd.Flags().StringVar(&listen, "listen", def.Listen, "address of the one port")
	cmd.Flags().StringVar(&auth, "auth", string(def.Auth), "on, or off on a loopback address")
	cmd.Flags().StringVar(&account, "account", def.Account, "AWS account id, 12 digits")
	cmd.Flags().StringVar(&script, "script", def.Script, "file of rules that answers for every model, for tests; see docs/SCRIPTED.md")
	cmd.Flags().StringVar(&region, "region", def.Region, "region of requests that name none")
	return cmd
}

func (e *environment) serve(ctx context.Context, cfg *config.Config) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program's own file: %w", err)
	}
	logger := newLogger(e.stderr, cfg.Log)
	for _, name := range config.UnknownVariables(os.Environ()) {
		logger.Warn("a variable is not known and has no effect", slog.String("variable", name))
	}
	a, err := app.New(app.Params{
		Config: cfg, Getenv: e.getenv, Logger: logger, Version: version,
		Runner: []string{exe, "runner"}, Gateway: []string{exe, "objects"}, Command: e.self(), Progress: progress.For(e.stderr),
		Load: func() (*config.Config, error) {
			cfg, err := e.load()
			if err == nil {
				cfg.Scripted()
			}
			return cfg, err
		},
	})
	if err != nil {
		return err
	}
	a.Banner(e.stderr)
	if e.terminal() { // elsewhere a log would keep the link
		if err := a.WelcomeConsole(ctx, e.stderr); err != nil {
			return errors.Join(err, a.Close())
		}
	}
	stop := reloadOnHangup(a)
	err = a.Run(ctx)
	stop()
	if closeErr := a.Close(); err == nil {
		err = closeErr
	}
	return err
}

// self is how this program was called, with the flags that lead another command
// to the same data.
func (e *environment) self() string {
	words := []string{os.Args[0]}
	for _, f := range [][2]string{{"--config", e.configFile}, {"--data", e.dataFlag}, {"--models", e.modelsFlag}} {
		if f[1] != "" {
			words = append(words, f[0], f[1])
		}
	}
	return strings.Join(words, " ")
}

func newLogger(w io.Writer, cfg config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Level)) // checked by Validate
	options := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// runnerCommand is the engine's child process; the server starts it.
func (e *environment) runnerCommand() *cobra.Command {
	return &cobra.Command{
		Use: "runner", Hidden: true, Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			// The process's own files, not the command's: the runner takes
			// standard output away from everything else in the process.
			if code := runner.Main(os.Stdin, os.Stdout, os.Stderr); code != runner.ExitOK {
				return &exitError{code: code}
			}
			return nil
		},
	}
}

// objectsCommand is the buckets' child process; the server starts it.
func (e *environment) objectsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "objects", Hidden: true, Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if code := gateway.Main(os.Stdin, os.Stdout, os.Stderr); code != gateway.ExitOK {
				return &exitError{code: code}
			}
			return nil
		},
	}
}
