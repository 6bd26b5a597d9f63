package ingest

import (
	"context"
	"fmt"
	"strings"

	"github.com/outcrop/outcrop/internal/knowledge"
)

const (
	mostReasons  = 100  // of a job
	reasonLength = 2000 // bytes of one
)

// failureReasons are what a job's record says of documents that are not, or not
// wholly, in the index as their source has them: one text for each reason, with
// the files in brackets, as the real service does and as programs read it. They
// are of the data source as it is, so that a job which was interrupted has the
// same ones.
func failureReasons(ctx context.Context, index knowledge.Index, source string) ([]string, error) {
	type group struct {
		status knowledge.DocumentStatus
		reason string
	}
	var order []group
	files := map[group][]string{}
	err := pages(ctx, index, source, func(d knowledge.Document) {
		if _, ok := failures[d.Status]; !ok {
			return
		}
		g := group{d.Status, d.Reason}
		if files[g] == nil {
			order = append(order, g)
		}
		files[g] = append(files[g], d.ID)
	})
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, g := range order {
		for rest := files[g]; len(rest) > 0; {
			if len(texts) == mostReasons {
				return append(texts, "Encountered error: There are more files like these. Get the status of the documents to see all."), nil
			}
			n := 1
			for length := len(rest[0]); n < len(rest) && length+len(rest[n]) < reasonLength; n++ {
				length += len(rest[n]) + 2
			}
			texts = append(texts, fmt.Sprintf("Encountered error: %s %d files. %s [Files: %s].", failures[g.status], n, g.reason, strings.Join(rest[:n], ", ")))
			rest = rest[n:]
		}
	}
	return texts, nil
}

// failures are the states that a job's record tells of, with what happened.
var failures = map[knowledge.DocumentStatus]string{
	knowledge.Failed:                   "Ignored",
	knowledge.MetadataUpdateFailed:     "Kept the old metadata of",
	knowledge.MetadataPartiallyIndexed: "Left out metadata of",
}
