package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/client"
	"github.com/outcrop/outcrop/internal/config"
)

// kb is what the kb commands share: the running server, and whose data
// it serves.
type kb struct {
	*environment
	region string // flag
}

func (e *environment) kbCommand() *cobra.Command {
	k := &kb{environment: e}
	cmd := &cobra.Command{
		Use: "kb", Short: "Make, fill, search and ask knowledge bases", Args: noArgs,
		Long: "A knowledge base answers questions from documents: those of a bucket, or of a folder of this machine.\n" +
			"These commands call the running server through Bedrock's API, as any client does. A base is named by its ID or its name.",
		Example: "  outcrop kb create handbook --from s3://handbook --sync\n" +
			"  outcrop kb ask handbook \"What is our refund policy?\"",
	}
	cmd.PersistentFlags().StringVar(&k.region, "region", "", "region of the knowledge bases (default: that of the configuration)")
	cmd.AddCommand(
		k.createCommand(), k.listCommand(), k.showCommand(), k.addCommand(), k.syncCommand(),
		k.docsCommand(), k.searchCommand(), k.askCommand(), k.removeCommand(),
	)
	for _, sub := range cmd.Commands() {
		run := sub.RunE
		sub.RunE = func(cmd *cobra.Command, args []string) error { return k.explain(run(cmd, args)) }
	}
	return cmd
}

// open returns a client of the running server.
func (k *kb) open() (*client.Client, *config.Config, error) {
	cfg, err := k.load()
	if err != nil {
		return nil, nil, err
	}
	if k.region == "" {
		k.region = cfg.Region
	}
	root, err := app.Root(cfg, k.getenv)
	if err != nil {
		return nil, nil, err
	}
	return client.New(client.Params{
		Endpoint: "http://" + app.Address(cfg, k.getenv), Region: k.region,
		AccessKeyID: root.AccessKeyID, SecretAccessKey: root.Secret,
	}), cfg, nil
}

// base finds a knowledge base by its ID or else its name.
func (k *kb) base(ctx context.Context, c *client.Client, name string) (client.KnowledgeBase, error) {
	bases, err := c.KnowledgeBases(ctx)
	if err != nil {
		return client.KnowledgeBase{}, err
	}
	var named *client.KnowledgeBase
	for i := range bases {
		switch name {
		case bases[i].ID:
			return bases[i], nil
		case bases[i].Name:
			named = &bases[i]
		}
	}
	if named == nil {
		return client.KnowledgeBase{}, fmt.Errorf("there is no knowledge base %q in %s; outcrop kb list shows those that there are", name, c.Region())
	}
	return *named, nil
}

// explain adds what to do to errors that a person can do something about.
func (k *kb) explain(err error) error {
	if errors.Is(err, client.ErrNoServer) {
		return fmt.Errorf("%w; start one with: %s serve", err, k.self())
	}
	if errors.Is(err, client.ErrHungUp) {
		return fmt.Errorf("%w; if it runs no more, start it with: %s serve", err, k.self())
	}
	return err
}

// printJSON writes what a program wants to read.
func (k *kb) printJSON(v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := k.stdout.Write(escaped(b.Bytes()))
	return err
}

func jsonFlag(cmd *cobra.Command, value *bool) *cobra.Command {
	cmd.Flags().BoolVar(value, "json", false, "print JSON, with the API's own names")
	return cmd
}

func (k *kb) listCommand() *cobra.Command {
	var asJSON bool
	return jsonFlag(&cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the knowledge bases", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := k.open()
			if err != nil {
				return err
			}
			bases, err := c.KnowledgeBases(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return k.printJSON(bases)
			}
			w := tabwriter.NewWriter(k.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tSTATUS\tUPDATED\tDESCRIPTION")
			for _, b := range bases {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", b.ID, b.Name, b.Status, stamp(b.UpdatedAt), cell(b.Description))
			}
			return w.Flush()
		},
	}, &asJSON)
}

// stamp writes a time as the other commands do.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// sourceState is a data source with its last sync.
type sourceState struct {
	client.DataSource
	LastJob *client.Job `json:"lastIngestionJob,omitempty"`
}

func (k *kb) showCommand() *cobra.Command {
	var asJSON bool
	return jsonFlag(&cobra.Command{
		Use: "show KB", Short: "Show a knowledge base, its sources and their last syncs", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := k.open()
			if err != nil {
				return err
			}
			found, err := k.base(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			base, err := c.KnowledgeBase(cmd.Context(), found.ID)
			if err != nil {
				return err
			}
			sources, err := k.sources(cmd.Context(), c, base.ID)
			if err != nil {
				return err
			}
			if asJSON {
				return k.printJSON(struct {
					*client.KnowledgeBase
					Sources []sourceState `json:"dataSources"`
				}{base, sources})
			}
			return k.printBase(base, sources)
		},
	}, &asJSON)
}

// sources describes the data sources of a base.
func (k *kb) sources(ctx context.Context, c *client.Client, base string) ([]sourceState, error) {
	list, err := c.DataSources(ctx, base)
	if err != nil {
		return nil, err
	}
	sources := make([]sourceState, 0, len(list))
	for _, summary := range list {
		source, err := c.DataSource(ctx, base, summary.ID)
		if err != nil {
			return nil, err
		}
		job, err := c.LatestJob(ctx, base, summary.ID)
		if err != nil {
			return nil, err
		}
		sources = append(sources, sourceState{*source, job})
	}
	return sources, nil
}

func (k *kb) printBase(b *client.KnowledgeBase, sources []sourceState) error {
	w := tabwriter.NewWriter(k.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "id\t%s\nname\t%s\nstatus\t%s\n", b.ID, b.Name, b.Status)
	if b.Description != "" {
		fmt.Fprintf(w, "description\t%s\n", cell(b.Description))
	}
	for _, reason := range b.FailureReasons {
		fmt.Fprintf(w, "problem\t%s\n", cell(reason))
	}
	if b.Configuration != nil && b.Configuration.Vector != nil {
		fmt.Fprintf(w, "embedding model\t%s\n", b.Configuration.Vector.EmbeddingModelARN)
		if m := b.Configuration.Vector.EmbeddingModel; m != nil && m.Bedrock != nil && m.Bedrock.Dimensions > 0 {
			fmt.Fprintf(w, "dimensions\t%d\n", m.Bedrock.Dimensions)
		}
	}
	fmt.Fprintf(w, "created\t%s\n", stamp(b.CreatedAt))
	if err := w.Flush(); err != nil {
		return err
	}
	if len(sources) == 0 {
		_, err := fmt.Fprintf(k.stdout, "\nno sources; add one with: outcrop kb add %s s3://bucket/prefix\n", b.Name)
		return err
	}
	fmt.Fprintln(k.stdout)
	w = tabwriter.NewWriter(k.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SOURCE\tNAME\tFROM\tCHUNKING\tSTATUS\tLAST SYNC")
	for _, s := range sources {
		last := "never"
		if s.LastJob != nil {
			last = s.LastJob.Status + " " + stamp(s.LastJob.UpdatedAt) + ", " + summary(s.LastJob.Statistics)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.Name, cell(whence(&s.DataSource)), strategy(&s.DataSource), s.Status, last)
	}
	return w.Flush()
}

func (k *kb) removeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rm KB", Aliases: []string{"remove"}, Short: "Remove a knowledge base; buckets and folders stay as they are", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := k.open()
			if err != nil {
				return err
			}
			base, err := k.base(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			if err := c.DeleteKnowledgeBase(cmd.Context(), base.ID); err != nil {
				return err
			}
			if err := k.gone(cmd.Context(), c, base); err != nil {
				return err
			}
			_, err = fmt.Fprintf(k.stdout, "removed %s (%s)\n", base.Name, base.ID)
			return err
		},
	}
}

// gone waits until a base that is being deleted is no more.
func (k *kb) gone(ctx context.Context, c *client.Client, base client.KnowledgeBase) error {
	for wait := newWaiter(); ; {
		b, err := c.KnowledgeBase(ctx, base.ID)
		switch {
		case client.IsCode(err, "ResourceNotFoundException"):
			return nil
		case err != nil:
			return err
		case b.Status == "DELETE_UNSUCCESSFUL":
			return fmt.Errorf("%s could not be removed: %s", base.Name, reasons(b.FailureReasons))
		}
		if err := wait.next(ctx); err != nil {
			return err
		}
	}
}
