package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/client"
	"github.com/outcrop/outcrop/internal/config"
)

const (
	// defaultEmbedding is the model ID that a base embeds with unless --model
	// says otherwise; a route of the configuration may lead it anywhere.
	defaultEmbedding = "amazon.titan-embed-text-v2:0"
	// roleName is in the ARN of the role that the API wants. Nothing is done
	// in that role: the server reads its own buckets. Its name is one that AWS's
	// policies for Bedrock let their users pass on.
	roleName = "AmazonBedrockExecutionRoleForKnowledgeBase_outcrop"
)

// sourceFlags are what create and add have in common.
type sourceFlags struct {
	chunking    string
	watch, sync bool
}

func (f *sourceFlags) register(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&f.chunking, "chunking", "", chunkingHelp)
	cmd.Flags().BoolVar(&f.watch, "watch", false, "a folder: let the server sync whenever something in it changes")
	cmd.Flags().BoolVar(&f.sync, "sync", false, "sync at once and wait for it")
	return cmd
}

// newSource is a data source that is to be made.
type newSource struct {
	from     origin
	chunking *client.Ingestion
	watch    bool
}

// check reads what the flags and arguments say about sources, before anything
// is made.
func (f *sourceFlags) check(from []string) ([]newSource, error) {
	chunking, err := parseChunking(f.chunking)
	if err != nil {
		return nil, usage(err)
	}
	var sources []newSource
	folders := 0
	for _, text := range from {
		o, err := parseOrigin(text)
		if err != nil {
			return nil, usage(err)
		}
		if o.folder != "" {
			folders++
		}
		sources = append(sources, newSource{o, chunking, f.watch && o.folder != ""})
	}
	switch {
	case f.watch && folders == 0:
		return nil, usage(errors.New("--watch is for folders; a bucket is synced with outcrop kb sync"))
	case f.sync && len(from) == 0:
		return nil, usage(errors.New("--sync needs something to sync: name it with --from"))
	case f.chunking != "" && len(from) == 0:
		return nil, usage(errors.New("--chunking belongs to a source: name it with --from"))
	}
	return sources, nil
}

// apart refuses folders that the server's own data is in: its keys would be
// documents, and each sync would change the folder that is watched.
func apart(data string, sources []newSource) error {
	for _, s := range sources {
		if s.from.folder == "" {
			continue
		}
		inside, err := filepath.Rel(realPath(s.from.folder), realPath(data))
		if err == nil && filepath.IsLocal(inside) {
			return usage(fmt.Errorf("%s holds the data directory %s; name a folder of documents", s.from.folder, data))
		}
	}
	return nil
}

// realPath is a path as it is when all symbolic links in it are followed.
func realPath(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	if followed, err := filepath.EvalSymlinks(path); err == nil {
		return followed
	}
	return path
}

func (k *kb) createCommand() *cobra.Command {
	var model, description string
	var dimensions int
	var from []string
	var flags sourceFlags
	cmd := flags.register(&cobra.Command{
		Use: "create NAME", Short: "Make a knowledge base", Args: oneArg,
		Example: "  outcrop kb create handbook --from s3://handbook --sync\n" +
			"  outcrop kb create notes --from ~/notes --watch --chunking hierarchical",
		RunE: func(cmd *cobra.Command, args []string) error {
			sources, err := flags.check(from)
			if err != nil {
				return err
			}
			if dimensions < 0 {
				return usage(fmt.Errorf("vectors cannot have %d dimensions; without --dimensions they have the model's", dimensions))
			}
			c, cfg, err := k.open()
			if err == nil {
				err = apart(cfg.DataDir(k.getenv), sources)
			}
			if err != nil {
				return err
			}
			in := client.CreateKnowledgeBaseInput{
				Name: args[0], Description: description, RoleARN: "arn:aws:iam::" + cfg.Account + ":role/" + roleName,
				Configuration: client.Configuration{Type: "VECTOR", Vector: &client.VectorConfiguration{EmbeddingModelARN: modelARN(c.Region(), model)}},
			}
			if dimensions > 0 {
				in.Configuration.Vector.EmbeddingModel = &client.EmbeddingModelConfiguration{Bedrock: &client.BedrockEmbeddingModel{Dimensions: dimensions}}
			}
			base, err := c.CreateKnowledgeBase(cmd.Context(), in)
			if err != nil {
				return k.taken(cmd.Context(), c, args[0], sources, err)
			}
			fmt.Fprintf(k.stdout, "%s is there (%s)\n", base.Name, base.ID)
			return k.add(cmd.Context(), c, cfg, *base, sources, flags.sync)
		},
	})
	cmd.Flags().StringVar(&model, "model", defaultEmbedding, "embedding model: an ID that Bedrock has or that a route serves, or an ARN")
	cmd.Flags().IntVar(&dimensions, "dimensions", 0, "size of the vectors (default: the model's)")
	cmd.Flags().StringVar(&description, "description", "", "what the base is about")
	cmd.Flags().StringArrayVar(&from, "from", nil, "where documents come from: s3://bucket/prefix, or a folder; may be given more than once")
	return cmd
}

// taken explains the error of making a base when another one has its name.
func (k *kb) taken(ctx context.Context, c *client.Client, name string, sources []newSource, err error) error {
	if !client.IsCode(err, "ConflictException") {
		return err
	}
	bases, listErr := c.KnowledgeBases(ctx)
	i := slices.IndexFunc(bases, func(b client.KnowledgeBase) bool { return b.Name == name })
	if listErr != nil || i < 0 {
		return err
	}
	source := "s3://bucket/prefix"
	if len(sources) > 0 {
		source = sources[0].from.String()
	}
	return fmt.Errorf("the knowledge base %s (%s) has the name %s already; take another name, or give it a source with: %s kb add %s %s", bases[i].ID, bases[i].Status, name, k.self(), name, source)
}

func (k *kb) addCommand() *cobra.Command {
	var flags sourceFlags
	return flags.register(&cobra.Command{
		Use: "add KB SOURCE", Short: "Add a source of documents: s3://bucket/prefix, or a folder", Args: exactArgs(2),
		Example: "  outcrop kb add handbook s3://handbook/2026/ --sync\n" +
			"  outcrop kb add handbook ./policies --watch",
		RunE: func(cmd *cobra.Command, args []string) error {
			sources, err := flags.check(args[1:])
			if err != nil {
				return err
			}
			c, cfg, err := k.open()
			if err == nil {
				err = apart(cfg.DataDir(k.getenv), sources)
			}
			if err != nil {
				return err
			}
			base, err := k.base(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return k.add(cmd.Context(), c, cfg, base, sources, flags.sync)
		},
	})
}

// add makes data sources and syncs them when that is wanted.
func (k *kb) add(ctx context.Context, c *client.Client, cfg *config.Config, base client.KnowledgeBase, sources []newSource, sync bool) error {
	if len(sources) == 0 {
		return nil
	}
	present, err := c.DataSources(ctx, base.ID)
	if err != nil {
		return err
	}
	taken := make([]string, 0, len(present))
	for _, s := range present {
		taken = append(taken, s.Name)
	}
	made := make([]client.DataSource, 0, len(sources))
	for _, s := range sources {
		name := s.from.sourceName(taken)
		source, err := k.addOne(ctx, c, cfg, base.ID, name, s)
		if err != nil {
			return fmt.Errorf("add %s to %s: %w", s.from, base.Name, err)
		}
		taken = append(taken, name)
		made = append(made, *source)
		fmt.Fprintf(k.stdout, "%s is a source of %s (%s)\n", s.from, base.Name, source.ID)
	}
	switch {
	case sync:
		return k.sync(ctx, c, base, made)
	case !slices.ContainsFunc(sources, func(s newSource) bool { return !s.watch }):
		_, err = fmt.Fprintln(k.stdout, "the server syncs it whenever something changes")
	default:
		_, err = fmt.Fprintf(k.stdout, "sync it with: %s kb sync %s\n", k.self(), base.Name)
	}
	return err
}

func (k *kb) addOne(ctx context.Context, c *client.Client, cfg *config.Config, base, name string, s newSource) (*client.DataSource, error) {
	if s.from.folder != "" {
		return k.addFolder(ctx, c, cfg, base, name, s)
	}
	in := client.CreateDataSourceInput{Name: name, Ingestion: s.chunking, Configuration: client.SourceConfiguration{
		Type: "S3", S3: &client.S3Configuration{BucketARN: "arn:aws:s3:::" + s.from.bucket},
	}}
	if s.from.prefix != "" {
		in.Configuration.S3.Prefixes = []string{s.from.prefix}
	}
	return c.CreateDataSource(ctx, base, in)
}

// modelARN writes a model ID as the ARN that the API wants.
func modelARN(region, model string) string {
	if strings.HasPrefix(model, "arn:") {
		return model
	}
	return "arn:aws:bedrock:" + region + "::foundation-model/" + model
}
