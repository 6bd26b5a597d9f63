// Command outcrop is the Amazon Bedrock API on machines you own.
//
// This package is flags, signals and exit codes; package app wires the parts
// together, and everything that the commands do is in the packages below it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
)

// version is set by the linker (-X main.version=…).
var version = "0.0.0-dev" //nolint:gochecknoglobals // the linker needs a variable

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// execute runs one command line and returns its exit code: 0 for success, 1
// for a failure, 2 for a command line or configuration that makes no sense.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	env := &environment{stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv}
	root := env.command()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return 130 // as shells report a program that was interrupted
	}
	var coded *exitError
	if errors.As(err, &coded) && coded.err == nil {
		return coded.code
	}
	fmt.Fprintln(stderr, "outcrop:", visible(strings.TrimSpace(message(err))))
	switch {
	case coded != nil:
		return coded.code
	case !env.started:
		return 2 // cobra found no command to run
	}
	return 1
}

// message is what a person at a terminal is told: a fault's public text with
// its cause, unless the text tells it already; for here they are the operator.
func message(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err.Error()
	}
	cause := errors.Unwrap(f)
	if cause == nil {
		return f.Message
	}
	if text := message(cause); !strings.Contains(f.Message, text) {
		return f.Message + ": " + text
	}
	return f.Message
}

// exitError carries an exit code; without an error nothing is printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usage marks an error of the command line or the configuration.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: 2, err: err}
}

// environment is what a command gets from the outside.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string

	configFile string
	dataFlag   string
	modelsFlag string
	flags      func(*config.Config) // what the flags of this command line override
	started    bool                 // a command has begun to run
}

func (e *environment) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "outcrop",
		Short:         "The Amazon Bedrock API on machines you own",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
		PersistentPreRun: func(*cobra.Command, []string) {
			e.started = true
		},
	}
	root.SetVersionTemplate("outcrop {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	flags := root.PersistentFlags()
	flags.StringVar(&e.configFile, "config", "", "configuration file (default outcrop.yaml in the working directory, when there is one)")
	flags.StringVar(&e.dataFlag, "data", "", "directory of everything Outcrop keeps")
	flags.StringVar(&e.modelsFlag, "models", "", "directory of models and engine libraries")
	offline := flags.Bool("offline", false, "open no connection to another machine but to those that the configuration names")
	e.flags = func(cfg *config.Config) {
		if e.dataFlag != "" {
			cfg.Data = e.dataFlag
		}
		if e.modelsFlag != "" {
			cfg.Models = e.modelsFlag
		}
		if *offline {
			cfg.Offline = true
		}
	}
	root.AddCommand(
		e.serveCommand(), e.setupCommand(), e.envCommand(), e.configureCommand(),
		e.keysCommand(), e.iamCommand(), e.accessCommand(), e.modelsCommand(), e.kbCommand(), e.routesCommand(), e.reloadCommand(), e.quotaCommand(), e.usageCommand(), e.budgetCommand(), e.configCommand(), e.auditCommand(), e.consoleCommand(), e.versionCommand(), e.runnerCommand(), e.objectsCommand(),
	)
	groups(root)
	return root
}

// load reads and checks the configuration that is in force for this command.
func (e *environment) load() (*config.Config, error) {
	path := e.configFile
	if path == "" {
		path = e.getenv("OUTCROP_CONFIG")
	}
	if path == "" {
		if _, err := os.Stat("outcrop.yaml"); err == nil {
			path = "outcrop.yaml"
		}
	}
	cfg, lines, err := config.Load(path, e.getenv)
	if err != nil {
		return nil, usage(err)
	}
	e.flags(cfg)
	if err := cfg.Validate(lines); err != nil {
		return nil, usage(err)
	}
	return cfg, nil
}

func (e *environment) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(e.stdout, "outcrop", version)
			return err
		},
	}
}

func noArgs(cmd *cobra.Command, args []string) error { return misused(cmd, cobra.NoArgs(cmd, args)) }

func oneArg(cmd *cobra.Command, args []string) error {
	return misused(cmd, cobra.ExactArgs(1)(cmd, args))
}

func exactArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error { return misused(cmd, cobra.ExactArgs(n)(cmd, args)) }
}

// misused adds to an error of the command line how the command is written.
func misused(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return usage(fmt.Errorf("%w; it is written: %s", err, cmd.UseLine()))
}

// groups makes the commands that only lead to others refuse what they do not
// lead to. Without that a mistyped word prints the help and succeeds.
func groups(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		groups(sub)
	}
	if cmd.HasParent() && cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usage(fmt.Errorf("unknown command %q for %q; %s --help lists those that there are", args[0], cmd.CommandPath(), cmd.CommandPath()))
		}
	}
}
