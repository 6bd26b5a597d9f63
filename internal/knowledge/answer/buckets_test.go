package answer_test

import (
	"context"
	"io"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// buckets has one object, s3://bucket/kit.txt.
type buckets struct{}

const kit = "The first aid kit hangs beside the door of the workshop. It is checked every Monday by Ragnhild."

func (buckets) Open(_ context.Context, ds knowledge.DataSource) (knowledge.Source, error) {
	if ds.Kind != knowledge.S3 || ds.Bucket != "bucket" {
		return nil, fault.New(fault.NotFound, "There is no bucket %s.", ds.Bucket)
	}
	return buckets{}.source(), nil
}

func (buckets) source() knowledge.Source { return bucket{} }

type bucket struct{}

func (bucket) List(context.Context, func(knowledge.Object) error) error { return nil }

func (bucket) Open(_ context.Context, o knowledge.Object) (io.ReadCloser, error) {
	if o.ETag != "1" {
		return nil, fault.New(fault.Conflict, "It has changed.")
	}
	return io.NopCloser(strings.NewReader(kit)), nil
}

func (bucket) Stat(_ context.Context, id string) (knowledge.Object, error) {
	switch id {
	case "s3://bucket/kit.txt":
		return knowledge.Object{ID: id, Name: "kit.txt", Size: int64(len(kit)), ETag: "1"}, nil
	case "s3://bucket/changing.txt":
		return knowledge.Object{ID: id, Name: "changing.txt", Size: 3, ETag: "0"}, nil
	case "s3://bucket/huge.txt":
		return knowledge.Object{ID: id, Name: "huge.txt", Size: 2 << 30, ETag: "1"}, nil
	case "s3://bucket/secret.txt":
		return knowledge.Object{}, fault.New(fault.Denied, "No.")
	}
	return knowledge.Object{}, fault.New(fault.NotFound, "There is no object %s.", id)
}
