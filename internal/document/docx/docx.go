// Package docx reads Word documents: headings, paragraphs, lists, tables and
// notes as Markdown, as they read once all tracked changes are accepted.
//
// It reads the XML as a stream and keeps no tree. Headers and footers of pages,
// comments and hidden text are left out; a document has no pages until it is
// printed.
package docx

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/fault"
)

// MIME of what this package reads.
const MIME = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

// Parse reads a document. Faults: Invalid (damaged, expands without bound). The
// context's own error when it ends.
func Parse(ctx context.Context, content []byte) (*document.Text, error) {
	archive, err := bound.Open(content)
	if err != nil {
		return nil, err
	}
	main, err := mainPart(archive)
	if err != nil {
		return nil, err
	}
	if !archive.Has(main) {
		return nil, fault.New(fault.Invalid, "The file is damaged: it has no document in it.")
	}
	r := &reader{ctx: ctx, archive: archive, budget: &bound.Budget{}}
	if r.styles, err = readStyles(archive, beside(main, "styles.xml")); err != nil {
		return nil, err
	}
	if r.numbering, err = readNumbering(archive, beside(main, "numbering.xml")); err != nil {
		return nil, err
	}
	body, err := r.part(main)
	if err != nil {
		return nil, err
	}
	notes, err := r.notes(main)
	if err != nil {
		return nil, err
	}
	t := &document.Text{MIME: MIME}
	if s := strings.TrimSpace(body + "\n\n" + notes); s != "" {
		t.Pages = []document.Page{{Number: -1, Text: s}}
	}
	return t, nil
}

// beside returns the name of a part in the folder of another.
func beside(main, name string) string { return path.Join(path.Dir(main), name) }

// mainPart finds the document's part through the file's relationships.
func mainPart(archive *bound.Archive) (string, error) {
	var rels struct {
		Items []struct {
			Type   string `xml:"Type,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	if err := decode(archive, "_rels/.rels", &rels); err != nil {
		return "", err
	}
	for _, item := range rels.Items {
		if strings.HasSuffix(item.Type, "/officeDocument") {
			return strings.TrimPrefix(item.Target, "/"), nil
		}
	}
	return "word/document.xml", nil
}

// maxSettings bounds the parts that are decoded as a whole.
const maxSettings = 16 << 20

// decode reads a small part into a value; a part that is not there leaves it
// as it is.
func decode(archive *bound.Archive, name string, into any) error {
	part, err := archive.Part(name)
	if err != nil || part == nil {
		return err
	}
	if err := newDecoder(io.LimitReader(part, maxSettings)).Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return damaged(err)
	}
	return nil
}

func newDecoder(from io.Reader) *xml.Decoder {
	decoder := xml.NewDecoder(from)
	decoder.CharsetReader = func(charset string, input io.Reader) (io.Reader, error) {
		enc, err := htmlindex.Get(charset)
		if err != nil {
			return nil, err
		}
		return enc.NewDecoder().Reader(input), nil
	}
	return decoder
}

// damaged keeps faults as they are and makes one of all else.
func damaged(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	return fault.Wrap(fault.Invalid, err, "The file is damaged: its text cannot be read.")
}

// attribute returns the value of an attribute by its local name; Word's schemas
// have no two that differ in their namespace only, where it is asked for.
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
