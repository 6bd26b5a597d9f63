package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/client"
)

// defaultChat is the model ID that writes answers unless --model says
// otherwise.
const defaultChat = "anthropic.claude-3-5-sonnet-20241022-v2:0"

// searchFlags are what search and ask have in common.
type searchFlags struct {
	hybrid, semantic bool
	results          int
	filter           string
}

func (f *searchFlags) register(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&f.hybrid, "hybrid", false, "search by meaning and by words")
	cmd.Flags().BoolVar(&f.semantic, "semantic", false, "search by meaning alone")
	cmd.Flags().IntVarP(&f.results, "results", "n", 5, "passages to find, 100 at most")
	cmd.Flags().StringVar(&f.filter, "filter", "", `condition on metadata, in the API's JSON: {"equals":{"key":"year","value":2026}}`)
	return cmd
}

func (f *searchFlags) retrieval() (client.Retrieval, error) {
	v := client.VectorSearch{Results: f.results}
	switch {
	case f.results < 1:
		return client.Retrieval{}, usage(errors.New("-n is at least 1"))
	case f.hybrid && f.semantic:
		return client.Retrieval{}, usage(errors.New("--hybrid and --semantic exclude each other"))
	case f.hybrid:
		v.Type = "HYBRID"
	case f.semantic:
		v.Type = "SEMANTIC"
	}
	if f.filter != "" {
		if !json.Valid([]byte(f.filter)) {
			return client.Retrieval{}, usage(fmt.Errorf("the filter is no JSON: %s", f.filter))
		}
		v.Filter = json.RawMessage(f.filter)
	}
	return client.Retrieval{Vector: v}, nil
}

func (k *kb) searchCommand() *cobra.Command {
	var flags searchFlags
	var asJSON bool
	return jsonFlag(flags.register(&cobra.Command{
		Use: "search KB QUESTION", Aliases: []string{"retrieve"}, Short: "Find the passages that fit a question", Args: exactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			retrieval, err := flags.retrieval()
			if err != nil {
				return err
			}
			c, _, err := k.open()
			if err != nil {
				return err
			}
			base, err := k.base(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			results, err := c.Retrieve(cmd.Context(), base.ID, client.RetrieveInput{Query: client.Query{Text: args[1]}, Configuration: retrieval})
			if err != nil {
				return err
			}
			if asJSON {
				return k.printJSON(results)
			}
			if len(results) == 0 {
				hint := k.hint(cmd.Context(), c, base)
				if hint == "" {
					hint = "nothing in " + base.Name + " fits the question"
				}
				fmt.Fprintln(k.stderr, hint)
			}
			for i := range results {
				r := &results[i]
				source := r.Location.String()
				if page, ok := r.Page(); ok {
					source += fmt.Sprintf(", page %d", page)
				}
				fmt.Fprintf(k.stdout, "%d. %s (%.3f)\n%s\n\n", i+1, cell(source), r.Score, indent(visible(r.Content.Text)))
			}
			return nil
		},
	}), &asJSON)
}

// hint tells what a base lacks for a search to find something: a source, a sync,
// or a document that could be indexed. It is empty when the base lacks nothing,
// and when that cannot be told, for it only goes with an answer that there is.
func (k *kb) hint(ctx context.Context, c *client.Client, base client.KnowledgeBase) string {
	sources, err := c.DataSources(ctx, base.ID)
	if err != nil {
		return ""
	}
	if len(sources) == 0 {
		return fmt.Sprintf("%s has no source of documents; add one with: %s kb add %s s3://bucket/prefix", base.Name, k.self(), base.Name)
	}
	some := false
	for i := range sources {
		documents, more, err := c.SomeDocuments(ctx, base.ID, sources[i].ID)
		if err != nil || more || slices.ContainsFunc(documents, func(d client.Document) bool { return d.Searchable() }) {
			return ""
		}
		some = some || len(documents) > 0
	}
	if some {
		return fmt.Sprintf("no document of %s is indexed; what became of each tells: %s kb docs %s", base.Name, k.self(), base.Name)
	}
	return fmt.Sprintf("%s has no synced documents; sync it with: %s kb sync %s", base.Name, k.self(), base.Name)
}

// indent sets a passage apart from the lines that say where it is from.
func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("   ")
		}
		b.WriteString(line)
	}
	return b.String()
}

func (k *kb) askCommand() *cobra.Command {
	var flags searchFlags
	var model, session string
	var asJSON bool
	cmd := jsonFlag(flags.register(&cobra.Command{
		Use: "ask KB QUESTION", Short: "Answer a question, with its sources", Args: exactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			retrieval, err := flags.retrieval()
			if err != nil {
				return err
			}
			c, _, err := k.open()
			if err != nil {
				return err
			}
			base, err := k.base(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			show := func(text string) error {
				_, err := fmt.Fprint(k.stdout, visible(text))
				return err
			}
			if asJSON {
				show = func(string) error { return nil }
			}
			answer, err := c.Ask(cmd.Context(), client.AskInput{
				Input: client.Query{Text: args[1]}, SessionID: session,
				Configuration: client.AskConfig{Type: "KNOWLEDGE_BASE", KnowledgeBase: client.KnowledgeConf{
					ID: base.ID, ModelARN: modelARN(c.Region(), model), Retrieval: retrieval,
				}},
			}, show)
			if err != nil {
				if !asJSON && answer.Output.Text != "" {
					fmt.Fprintln(k.stdout)
				}
				return err
			}
			if asJSON {
				return k.printJSON(answer)
			}
			fmt.Fprint(k.stdout, "\n\n")
			for _, source := range answer.Sources() {
				fmt.Fprintln(k.stdout, "Source:", cell(source))
			}
			if len(answer.Sources()) == 0 {
				if hint := k.hint(cmd.Context(), c, base); hint != "" {
					fmt.Fprintln(k.stderr, hint)
				}
			}
			fmt.Fprintf(k.stderr, "go on with: --session %s\n", answer.SessionID)
			return nil
		},
	}), &asJSON)
	cmd.Flags().StringVar(&session, "session", "", "go on in the conversation of an earlier answer")
	cmd.Flags().StringVar(&model, "model", defaultChat, "model that writes the answer: an ID or an ARN")
	return cmd
}

// sourceDocument is a document with the name of the source that it is from.
type sourceDocument struct {
	client.Document
	SourceName string `json:"dataSourceName"`
}

func (k *kb) docsCommand() *cobra.Command {
	var asJSON bool
	return jsonFlag(&cobra.Command{
		Use: "docs KB", Aliases: []string{"documents"}, Short: "List the documents of a knowledge base and what became of each", Args: oneArg,
		Long: "Lists the documents of a knowledge base and what became of each. Of a long key the end is shown; --json has it whole.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := k.open()
			if err != nil {
				return err
			}
			base, err := k.base(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			sources, err := c.DataSources(cmd.Context(), base.ID)
			if err != nil {
				return err
			}
			documents := []sourceDocument{}
			for _, source := range sources {
				list, err := c.Documents(cmd.Context(), base.ID, source.ID)
				if err != nil {
					return err
				}
				for _, d := range list {
					documents = append(documents, sourceDocument{d, source.Name})
				}
			}
			if asJSON {
				return k.printJSON(documents)
			}
			w := tabwriter.NewWriter(k.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "STATUS\tDOCUMENT\tUPDATED\tREASON")
			for i := range documents {
				d := &documents[i]
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", d.Status, tail(d.Identifier.String()), stamp(d.UpdatedAt), cell(d.Reason))
			}
			return w.Flush()
		},
	}, &asJSON)
}
