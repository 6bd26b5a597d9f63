package messages

import (
	"github.com/outcrop/outcrop/internal/inference"
)

// The kinds of citations.
const (
	citeChars  = "char_location"
	citePages  = "page_location"
	citeBlocks = "content_block_location"
	citeSearch = "search_result_location"
	citeWeb    = "web_search_result_location"
)

const citationTags = "'char_location', 'content_block_location', 'page_location', 'search_result_location', 'web_search_result_location'"

// readCitation reads one citation, of a request or of an answer.
func readCitation(path string, v value) (inference.Citation, error) {
	var c inference.Citation
	o, ok := v.object()
	if !ok {
		return c, invalid("%s: Input should be an object", path)
	}
	kind := o.text("type")
	l := new(inference.Location)
	c.Location = l
	if text, ok := o.get("cited_text"); ok {
		s, _ := text.text()
		c.Quotes = []string{s}
	}
	c.Title = o.text("document_title")
	l.Document = o.integer("document_index")
	switch kind {
	case citeChars:
		l.Unit, l.Start, l.End = inference.LocationChars, o.integer("start_char_index"), o.integer("end_char_index")
	case citePages:
		l.Unit, l.Start, l.End = inference.LocationPages, o.integer("start_page_number"), o.integer("end_page_number")
	case citeBlocks:
		l.Unit, l.Start, l.End = inference.LocationChunks, o.integer("start_block_index"), o.integer("end_block_index")
	case citeSearch:
		l.Unit, l.Start, l.End = inference.LocationSearch, o.integer("start_block_index"), o.integer("end_block_index")
		l.Document = o.integer("search_result_index")
		c.Title, c.Source = o.text("title"), o.text("source")
	case citeWeb:
		l.Unit, l.URL, l.Proof = inference.LocationWeb, o.text("url"), o.text("encrypted_index")
		c.Title = o.text("title")
	case "":
		return c, invalid("%s.type: Field required", path)
	default:
		return c, unknownTag(path, kind, citationTags)
	}
	return c, nil
}

// writeCitation writes one citation. One that says no place is a place without
// extent.
func writeCitation(c inference.Citation) []byte {
	l := inference.Location{Unit: inference.LocationChars}
	if c.Location != nil {
		l = *c.Location
	}
	quoted := ""
	for _, q := range c.Quotes {
		quoted += q
	}
	var w writer
	switch l.Unit {
	case inference.LocationSearch:
		w.text("type", citeSearch)
		w.text("cited_text", quoted)
		w.integer("search_result_index", l.Document)
		w.text("source", c.Source)
		w.nullable("title", c.Title)
		w.integer("start_block_index", l.Start)
		w.integer("end_block_index", l.End)
		return w.object()
	case inference.LocationWeb:
		w.text("type", citeWeb)
		w.text("cited_text", quoted)
		w.text("encrypted_index", l.Proof)
		w.nullable("title", c.Title)
		w.text("url", l.URL)
		return w.object()
	case inference.LocationPages:
		w.text("type", citePages)
	case inference.LocationChunks:
		w.text("type", citeBlocks)
	case inference.LocationChars:
		w.text("type", citeChars)
	default:
		w.text("type", citeChars)
	}
	w.text("cited_text", quoted)
	w.integer("document_index", l.Document)
	w.nullable("document_title", c.Title)
	switch l.Unit {
	case inference.LocationPages:
		w.integer("start_page_number", l.Start)
		w.integer("end_page_number", l.End)
	case inference.LocationChunks:
		w.integer("start_block_index", l.Start)
		w.integer("end_block_index", l.End)
	default:
		w.integer("start_char_index", l.Start)
		w.integer("end_char_index", l.End)
	}
	return w.object()
}

// nullable writes a string, or null when it is empty.
func (w *writer) nullable(key, s string) {
	if s == "" {
		w.raw(key, []byte("null"))
		return
	}
	w.text(key, s)
}
