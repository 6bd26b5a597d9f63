package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/library"
	"github.com/outcrop/outcrop/internal/progress"
)

func (e *environment) modelsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "models", Short: "Pull, import, list, show and remove local models", Args: noArgs,
		Long: "Local models are those that Outcrop itself runs. Which model ID a local model answers\nis said in outcrop.yaml (routes).",
	}
	cmd.AddCommand(e.modelsPullCommand(), e.modelsImportCommand(), e.modelsListCommand(), e.modelsShowCommand(), e.modelsRemoveCommand())
	return cmd
}

func (e *environment) openLibrary() (*library.Library, error) {
	cfg, err := e.load()
	if err != nil {
		return nil, err
	}
	parts, err := app.OpenParts(cfg, e.getenv, progress.For(e.stderr), newLogger(e.stderr, cfg.Log))
	if err != nil {
		return nil, err
	}
	return parts.Library, nil
}

func (e *environment) modelsPullCommand() *cobra.Command {
	var o library.Options
	cmd := &cobra.Command{
		Use: "pull REFERENCE", Short: "Fetch a GGUF model; goes on where an interrupted pull stopped", Args: oneArg,
		Example: "  outcrop models pull hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M\n" +
			"  outcrop models pull ollama.com/library/qwen3:0.6b\n" +
			"  outcrop models pull https://example.org/model.gguf#sha256=…",
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := e.openLibrary()
			if err != nil {
				return err
			}
			m, err := l.Pull(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			return e.added(m)
		},
	}
	cmd.Flags().StringVar(&o.Name, "name", "", "local name (default: made of the reference)")
	return cmd
}

func (e *environment) modelsImportCommand() *cobra.Command {
	var o library.Options
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Add a GGUF file of this machine", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := e.openLibrary()
			if err != nil {
				return err
			}
			m, err := l.Import(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			return e.added(m)
		},
	}
	cmd.Flags().StringVar(&o.Name, "name", "", "local name (default: made of the file name)")
	return cmd
}

func (e *environment) added(m *library.Model) error {
	_, err := fmt.Fprintf(e.stdout, "%s is there (%s). To let it answer for a model ID, write into outcrop.yaml:\n\nroutes:\n  - match: \"meta.llama3-*\"\n    model: %s\n",
		m.Name, progress.Bytes(m.Size()), m.Name)
	return err
}

func (e *environment) modelsListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the local models", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			l, err := e.openLibrary()
			if err != nil {
				return err
			}
			models, err := l.List()
			if err != nil {
				return err
			}
			return library.PrintList(e.stdout, models)
		},
	}
}

func (e *environment) modelsShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show what is known of a local model", Args: oneArg,
		RunE: func(_ *cobra.Command, args []string) error {
			l, err := e.openLibrary()
			if err != nil {
				return err
			}
			m, err := l.Show(args[0])
			if err != nil {
				return err
			}
			return library.PrintModel(e.stdout, m)
		},
	}
}

func (e *environment) modelsRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Aliases: []string{"remove"}, Short: "Remove a local model", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := e.openLibrary()
			if err != nil {
				return err
			}
			if err := l.Remove(cmd.Context(), args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintln(e.stdout, "removed", args[0])
			return err
		},
	}
}
