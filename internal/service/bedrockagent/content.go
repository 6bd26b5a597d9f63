package bedrockagent

import (
	"slices"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// document reads a document that is given directly.
func document(ds knowledge.DataSource, in *api.KnowledgeBaseDocument) (registry.InlineDocument, error) {
	content := in.Content
	if content == nil {
		return registry.InlineDocument{}, invalid("The content of the document is required.")
	}
	if content.DataSourceType != contentType(ds) {
		return registry.InlineDocument{}, wrongType(ds, content.DataSourceType)
	}
	var d registry.InlineDocument
	var err error
	if ds.Kind == knowledge.S3 {
		d, err = bucketDocument(ds, content)
	} else {
		d, err = customDocument(content)
	}
	if err != nil {
		return registry.InlineDocument{}, err
	}
	return d, setMetadata(ds, &d, in.Metadata)
}

// bucketDocument reads which object of the data source's bucket is meant.
func bucketDocument(ds knowledge.DataSource, content *api.DocumentContent) (registry.InlineDocument, error) {
	if content.S3 == nil || content.S3.S3Location == nil || content.Custom != nil {
		return registry.InlineDocument{}, invalid("The document content provided is invalid. Content of the type S3 has an s3Location and nothing else.")
	}
	uri := schema.Deref(content.S3.S3Location.Uri)
	bucket, key, _ := strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
	within := len(ds.Prefixes) == 0 || slices.ContainsFunc(ds.Prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
	if bucket != ds.Bucket || key == "" || !within {
		return registry.InlineDocument{}, invalid("The document content provided is invalid. %s is not an object of DataSource with id %s.", uri, ds.ID)
	}
	return registry.InlineDocument{ID: uri, FromSource: true, Object: uri, ObjectOwner: ds.BucketOwner}, nil
}

// customDocument reads a document with an identifier of the caller's own.
func customDocument(content *api.DocumentContent) (registry.InlineDocument, error) {
	custom := content.Custom
	if custom == nil || custom.CustomDocumentIdentifier == nil || content.S3 != nil {
		return registry.InlineDocument{}, invalid("The document content provided is invalid. Content of the type CUSTOM has custom content and nothing else.")
	}
	d := registry.InlineDocument{ID: schema.Deref(custom.CustomDocumentIdentifier.Id)}
	inline, location := custom.InlineContent, custom.S3Location
	switch {
	case custom.SourceType == api.CustomSourceTypeS3Location && location != nil && inline == nil:
		d.FromSource, d.Object, d.ObjectOwner = true, schema.Deref(location.Uri), schema.Deref(location.BucketOwnerAccountId)
		return d, nil
	case custom.SourceType != api.CustomSourceTypeInLine || location != nil || inline == nil:
		return registry.InlineDocument{}, invalid("The document content provided is invalid. Content of the source type %s has content of that type and nothing else.", custom.SourceType)
	}
	switch text, bytes := inline.TextContent, inline.ByteContent; {
	case inline.Type == api.InlineContentTypeText && text != nil && bytes == nil:
		data := schema.Deref(text.Data)
		d.Text, d.MIME = &data, "text/plain"
	case inline.Type == api.InlineContentTypeByte && bytes != nil && text == nil:
		d.Content, d.MIME = bytes.Data, schema.Deref(bytes.MimeType)
	default:
		return registry.InlineDocument{}, invalid("The document content provided is invalid. Inline content of the type %s has content of that type and nothing else.", inline.Type)
	}
	return d, nil
}

// setMetadata reads the metadata of a document, or where they are.
func setMetadata(ds knowledge.DataSource, d *registry.InlineDocument, in *api.DocumentMetadata) error {
	if in == nil {
		return nil
	}
	if len(in.AccessControlList) > 0 {
		return unsupported("Outcrop does not support access control of documents. Leave accessControlList out: everybody who may query the knowledge base finds the document.")
	}
	location, attributes := in.S3Location, in.InlineAttributes
	switch {
	case in.Type == api.MetadataSourceTypeS3Location && location != nil && len(attributes) == 0:
		d.MetadataURI = schema.Deref(location.Uri)
		return nil
	case in.Type != api.MetadataSourceTypeInLineAttribute || location != nil || len(attributes) == 0:
		return invalid("The document metadata provided is invalid. Metadata of the type %s has a value of that type and nothing else.", in.Type)
	case ds.Kind == knowledge.S3:
		return invalid("The document metadata provided is invalid. A document of a data source of the type S3 has its metadata in a file.")
	}
	d.Metadata = make(knowledge.Metadata, len(attributes))
	for _, attribute := range attributes {
		key := schema.Deref(attribute.Key)
		value, ok := metadataValue(attribute.Value)
		_, repeated := d.Metadata[key]
		switch {
		case !ok:
			return invalid("The document metadata provided is invalid. The value of an attribute has to be of its type.")
		case repeated:
			return invalid("The document metadata provided is invalid. An attribute is given more than once.")
		case knowledge.Reserved(key):
			return invalid("The document metadata provided is invalid. Keys that start with x-amz-bedrock-kb- are reserved.")
		}
		d.Metadata[key] = value
	}
	return nil
}

func metadataValue(v *api.MetadataAttributeValue) (knowledge.Value, bool) {
	switch {
	case v == nil:
	case v.Type == api.MetadataValueTypeString && v.StringValue != nil:
		return knowledge.String(*v.StringValue), true
	case v.Type == api.MetadataValueTypeNumber && v.NumberValue != nil:
		return knowledge.Number(*v.NumberValue), true
	case v.Type == api.MetadataValueTypeBoolean && v.BooleanValue != nil:
		return knowledge.Bool(*v.BooleanValue), true
	case v.Type == api.MetadataValueTypeStringList && len(v.StringListValue) > 0:
		return knowledge.List(v.StringListValue), true
	}
	return knowledge.Value{}, false
}
