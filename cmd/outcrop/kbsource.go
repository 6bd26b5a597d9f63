package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/client"
)

// origin is where a person says that documents come from.
type origin struct {
	bucket, prefix string
	folder         string // absolute; empty for a bucket
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// parseOrigin reads "s3://bucket/prefix", "file:///folder" or a folder's path.
func parseOrigin(text string) (origin, error) {
	if text == "" {
		return origin{}, errors.New("a source is s3://bucket/prefix or a folder")
	}
	if rest, ok := strings.CutPrefix(text, "s3://"); ok {
		bucket, prefix, _ := strings.Cut(rest, "/")
		if !bucketName.MatchString(bucket) {
			return origin{}, fmt.Errorf("%s: %q is no name of a bucket", text, bucket)
		}
		return origin{bucket: bucket, prefix: prefix}, nil
	}
	folder := text
	if strings.HasPrefix(text, "file:") {
		address, err := url.Parse(text)
		if err != nil || address.Host != "" && address.Host != "localhost" || !strings.HasPrefix(address.Path, "/") {
			return origin{}, fmt.Errorf("%s: a folder of this machine is written file:///path", text)
		}
		folder = filepath.FromSlash(address.Path)
	} else if scheme, _, ok := strings.Cut(text, "://"); ok {
		return origin{}, fmt.Errorf("%s: documents come from s3://bucket/prefix or a folder, not from %s", text, scheme)
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return origin{}, err
	}
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist) && likeBucket(text):
		return origin{}, fmt.Errorf("%s: %w; a bucket is written s3://%s", text, err, text)
	case err != nil:
		return origin{}, fmt.Errorf("%s: %w", text, err)
	case !info.IsDir():
		return origin{}, fmt.Errorf("%s is no folder", text)
	}
	return origin{folder: folder}, nil
}

// likeBucket reports whether a text that names no folder may be meant as a
// bucket, with or without a prefix.
func likeBucket(text string) bool {
	bucket, _, _ := strings.Cut(text, "/")
	return bucketName.MatchString(bucket)
}

func (o origin) String() string {
	if o.folder != "" {
		return folderURI(o.folder)
	}
	return "s3://" + o.bucket + "/" + o.prefix
}

// folderURI writes a folder as sources show it.
func folderURI(folder string) string {
	slashed := filepath.ToSlash(folder)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive letter
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String()
}

var notInNames = regexp.MustCompile(`[^0-9a-zA-Z]+`)

// maxName is the longest name of a data source.
const maxName = 100

// sourceName makes a name for a data source that no other one of the base has.
func (o origin) sourceName(taken []string) string {
	text := path.Join(o.bucket, o.prefix)
	if o.folder != "" {
		text = filepath.Base(o.folder)
	}
	stem := strings.Trim(notInNames.ReplaceAllString(text, "-"), "-")
	if stem == "" {
		stem = "source"
	}
	name := strings.TrimRight(stem[:min(len(stem), maxName)], "-")
	for n := 2; slices.Contains(taken, name); n++ {
		suffix := "-" + strconv.Itoa(n)
		name = strings.TrimRight(stem[:min(len(stem), maxName-len(suffix))], "-") + suffix
	}
	return name
}

// whence tells where a data source of the API gets its documents.
func whence(s *client.DataSource) string {
	switch {
	case s.Configuration == nil:
		return "-"
	case s.Configuration.S3 != nil:
		bucket := strings.TrimPrefix(s.Configuration.S3.BucketARN, "arn:aws:s3:::")
		if prefixes := s.Configuration.S3.Prefixes; len(prefixes) > 0 {
			return "s3://" + bucket + "/" + prefixes[0]
		}
		return "s3://" + bucket
	case isFolder(s):
		return s.Description
	}
	return s.Configuration.Type
}

// isFolder reports whether a data source is a folder: the API, which has no
// word for that, shows it as a custom one with the folder as its description.
func isFolder(s *client.DataSource) bool { return strings.HasPrefix(s.Description, "file:///") }

// strategy is how a data source cuts its documents, in a word.
func strategy(s *client.DataSource) string {
	if s.Ingestion == nil || s.Ingestion.Chunking == nil {
		return "default"
	}
	switch c := s.Ingestion.Chunking; {
	case c.Fixed != nil:
		return fmt.Sprintf("fixed:%d,%d", c.Fixed.MaxTokens, c.Fixed.OverlapPercentage)
	case c.Hierarchical != nil && len(c.Hierarchical.Levels) == 2:
		return fmt.Sprintf("hierarchical:%d,%d,%d", c.Hierarchical.Levels[0].MaxTokens, c.Hierarchical.Levels[1].MaxTokens, c.Hierarchical.OverlapTokens)
	case c.Semantic != nil:
		return fmt.Sprintf("semantic:%d,%d,%d", c.Semantic.MaxTokens, c.Semantic.BufferSize, c.Semantic.BreakpointPercentile)
	default:
		return strings.ToLower(c.Strategy)
	}
}

// chunkingHelp explains the flag.
const chunkingHelp = "how documents are cut: default, fixed[:TOKENS,OVERLAP%], hierarchical[:PARENT,CHILD,OVERLAP], semantic[:TOKENS,BUFFER,PERCENTILE], none"

// size is a number of the flag --chunking: what it is called, what the console
// of Bedrock proposes, and what is possible.
type size struct {
	name            string
	proposed        int
	lowest, highest int
}

// maxChunk is the largest chunk in tokens.
const maxChunk = 8192

// strategies are the words of the flag --chunking with their numbers.
var strategies = map[string][]size{
	"":             nil,
	"default":      nil,
	"none":         nil,
	"fixed":        {{"tokens", 300, 1, maxChunk}, {"overlap", 20, 1, 99}},
	"hierarchical": {{"parent", 1500, 1, maxChunk}, {"child", 300, 1, maxChunk}, {"overlap", 60, 1, maxChunk}},
	"semantic":     {{"tokens", 300, 1, maxChunk}, {"buffer", 0, 0, 1}, {"percentile", 95, 50, 99}},
}

// parseChunking reads the flag --chunking.
func parseChunking(text string) (*client.Ingestion, error) {
	name, numbers, given := strings.Cut(text, ":")
	sizes, ok := strategies[name]
	if !ok {
		return nil, fmt.Errorf("chunking %q is not one of default, fixed, hierarchical, semantic, none", text)
	}
	n := make([]int, len(sizes))
	for i, s := range sizes {
		n[i] = s.proposed
	}
	if given {
		fields := strings.Split(numbers, ",")
		if len(fields) != len(sizes) {
			return nil, fmt.Errorf("chunking %q: %s takes %d numbers", text, name, len(sizes))
		}
		for i, s := range sizes {
			value, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(fields[i]), "%"))
			if err != nil || value < s.lowest || value > s.highest {
				return nil, fmt.Errorf("chunking %q: %s is a number from %d to %d, not %q", text, s.name, s.lowest, s.highest, fields[i])
			}
			n[i] = value
		}
	}
	c := &client.Chunking{}
	switch name {
	case "none":
		c.Strategy = "NONE"
	case "fixed":
		c.Strategy, c.Fixed = "FIXED_SIZE", &client.FixedSizeChunking{MaxTokens: n[0], OverlapPercentage: n[1]}
	case "hierarchical":
		if n[1] >= n[0] || n[2] >= n[1] {
			return nil, fmt.Errorf("chunking %q: a child is smaller than its parent, and the overlap smaller than a child", text)
		}
		c.Strategy, c.Hierarchical = "HIERARCHICAL", &client.HierarchicalChunking{Levels: []client.ChunkingLevel{{MaxTokens: n[0]}, {MaxTokens: n[1]}}, OverlapTokens: n[2]}
	case "semantic":
		c.Strategy, c.Semantic = "SEMANTIC", &client.SemanticChunking{MaxTokens: n[0], BufferSize: n[1], BreakpointPercentile: n[2]}
	default:
		return nil, nil //nolint:nilnil // nothing is said about chunking, which the API knows as the default
	}
	return &client.Ingestion{Chunking: c}, nil
}
