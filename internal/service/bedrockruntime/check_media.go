package bedrockruntime

import (
	"bytes"
	"strings"
	"unicode/utf8"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/picture"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// The documented limits of a conversation.
const (
	maxImages       = 20
	maxImageEncoded = 5 << 20 // bytes of base64; 3.75 MB of image
	maxImageSide    = 8000    // pixels
	maxDocuments    = 5
	maxDocumentSize = 4_718_592 // 4.5 MB
)

// checkMedia checks the images, documents and films of the whole conversation.
func (c *conversation) checkMedia(f features) error {
	m := media{f: f, names: make(map[string]bool)}
	for i := range c.Messages {
		said, read := false, false // text; a document beside it
		for j := range c.Messages[i].Content {
			b := &c.Messages[i].Content[j]
			at := place{i, j}
			said = said || b.Text != nil || b.GuardContent != nil && b.GuardContent.Text != nil
			read = read || b.Document != nil
			if err := m.block(at, b); err != nil {
				return err
			}
		}
		if read && !said {
			return fault.New(fault.Invalid, "A text block must be included when using documents. Add a text block and retry your request.")
		}
	}
	switch {
	case m.documents > maxDocuments:
		return fault.New(fault.Invalid, "You can't include more than %d documents in a request.", maxDocuments)
	case m.images > maxImages && f.format == anthropicMessages:
		return modelError("messages: too many images: %d > %d", m.images, maxImages)
	case m.images > maxImages:
		return fault.New(fault.Invalid, "You can't include more than %d images in a request.", maxImages)
	}
	return nil
}

const anthropicMessages = "anthropic-messages"

// modelError is a refusal in the words of the model's own back end.
func modelError(format string, args ...any) error {
	f := fault.New(fault.Invalid, format, args...)
	f.Message = "The model returned the following errors: " + f.Message
	return f
}

// media goes through a conversation.
type media struct {
	f         features
	images    int
	documents int
	names     map[string]bool // of documents
}

func (m *media) block(at place, b *api.ContentBlock) error {
	switch {
	case b.Image != nil:
		return m.image(at, b.Image)
	case b.GuardContent != nil && b.GuardContent.Image != nil:
		g := b.GuardContent.Image
		block := &api.ImageBlock{Format: api.ImageFormat(g.Format)}
		if g.Source != nil {
			block.Source = &api.ImageSource{Bytes: g.Source.Bytes}
		}
		return m.image(at, block)
	case b.Document != nil:
		return m.document(b.Document)
	case b.Video != nil && b.Video.Source != nil:
		return m.located(b.Video.Source.S3Location)
	case b.Audio != nil && b.Audio.Source != nil:
		return m.located(b.Audio.Source.S3Location)
	case b.ToolResult != nil:
		for i := range b.ToolResult.Content {
			r := &b.ToolResult.Content[i]
			if err := m.block(at, &api.ContentBlock{Image: r.Image, Document: r.Document, Video: r.Video}); err != nil {
				return err
			}
		}
	}
	return nil
}

// located refuses the place of a file where the model takes none.
func (m *media) located(l *api.S3Location) error {
	if l != nil && !m.f.buckets {
		return unsupportedField("s3Uri")
	}
	return nil
}

func (m *media) image(at place, b *api.ImageBlock) error {
	m.images++
	if b.Source == nil {
		return nil
	}
	if b.Source.S3Location != nil {
		return m.located(b.Source.S3Location)
	}
	data := b.Source.Bytes
	found := picture.Format(data)
	width, height := picture.Size(data)
	claude := m.f.format == anthropicMessages
	where := func(format string, args ...any) error {
		return modelError("messages.%d.content.%d.image.source.bytes: "+format, append([]any{at.message, at.block}, args...)...)
	}
	encoded := (len(data) + 2) / 3 * 4
	large := encoded > maxImageEncoded
	wide := max(width, height) > maxImageSide
	switch {
	case large && claude:
		return where("image exceeds 5 MB maximum: %d bytes > %d bytes", encoded, maxImageEncoded)
	case large:
		return fault.New(fault.Invalid, "The image at messages.%d.content.%d is larger than 3.75 MB. Make the image smaller and try again.", at.message, at.block)
	case found == "" && claude:
		return modelError("Could not process image")
	case found != string(b.Format) && claude:
		return where("The image was specified using the image/%s media type, but the image appears to be a image/%s image", b.Format, found)
	case found != string(b.Format):
		return modelError("The provided image does not match the specified image format.")
	case wide && claude:
		return where("At least one of the image dimensions exceed max allowed size: %d pixels", maxImageSide)
	case claude && !picture.Whole(data):
		return modelError("Could not process image")
	case wide:
		return fault.New(fault.Invalid, "The image at messages.%d.content.%d is larger than %dx%d pixels. Make the image smaller and try again.", at.message, at.block, maxImageSide, maxImageSide)
	}
	return nil
}

func (m *media) document(b *api.DocumentBlock) error {
	m.documents++
	name := schema.Deref(b.Name)
	if !documentName(name) {
		return fault.New(fault.Invalid, "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets. The name can't contain more than one consecutive whitespace character. Check that the file name conforms to these restrictions and retry your request.")
	}
	if m.names[name] {
		return fault.New(fault.Invalid, "Messages can't contain duplicate document names.")
	}
	m.names[name] = true
	if b.Source == nil {
		return nil
	}
	if err := m.located(b.Source.S3Location); err != nil {
		return err
	}
	if b.Source.Bytes == nil {
		return nil
	}
	if len(b.Source.Bytes) > maxDocumentSize {
		return fault.New(fault.Invalid, "The document %s is larger than 4.5 MB. Make the document smaller and try again.", name)
	}
	return documentType(b.Format, b.Source.Bytes)
}

// documentName reports whether the service takes a name. It takes underscores
// too, which its sentence does not tell.
func documentName(name string) bool {
	if strings.Contains(name, "  ") {
		return false
	}
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(" -_()[]", r):
		default:
			return false
		}
	}
	return name != ""
}

// documentType compares what a document is with what it is said to be. Formats
// that are text cannot be told apart.
func documentType(format api.DocumentFormat, data []byte) error {
	if image := picture.Format(data); image != "" {
		return fault.New(fault.Invalid, "Unsupported MIME type: image/%s. Retry your request with a supported file type: xlsx, txt, pdf, csv, md, doc, html, xls, docx", image)
	}
	var found string
	var fits bool
	head := data[:min(len(data), 1024)]
	switch {
	case bytes.Contains(head, []byte("%PDF-")):
		found, fits = "PDF", format == api.DocumentFormatPdf
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		found, fits = "DOCX", format == api.DocumentFormatDocx || format == api.DocumentFormatXlsx
		if bytes.Contains(data, []byte("xl/workbook.xml")) {
			found, fits = "XLSX", format == api.DocumentFormatXlsx
		}
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")):
		found, fits = "DOC", format == api.DocumentFormatDoc || format == api.DocumentFormatXls
	case utf8.Valid(data):
		found = "PLAIN_TEXT"
		switch format {
		case "", api.DocumentFormatTxt, api.DocumentFormatMd, api.DocumentFormatCsv, api.DocumentFormatHtml:
			fits = true
		case api.DocumentFormatDoc, api.DocumentFormatXls:
			fits = true // rich text and tables of text are saved under these names
		}
	default:
		return nil // the parser finds out
	}
	if !fits && format != "" {
		return fault.New(fault.Invalid, "The detected filetype is %s, but the provided filetype was %s.", found, strings.ToUpper(string(format)))
	}
	return nil
}
