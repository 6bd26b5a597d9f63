package converse

import (
	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

func cited(b *api.CitationsContentBlock) inference.Cited {
	var c inference.Cited
	for _, text := range b.Content {
		c.Text = append(c.Text, schema.Deref(text.Text))
	}
	for _, from := range b.Citations {
		var quotes []string
		for _, q := range from.SourceContent {
			quotes = append(quotes, schema.Deref(q.Text))
		}
		c.Citations = append(c.Citations, citation(from.Title, from.Source, quotes, from.Location))
	}
	return c
}

func citedBlock(p inference.Cited) *api.CitationsContentBlock {
	b := &api.CitationsContentBlock{}
	for _, text := range p.Text {
		b.Content = append(b.Content, api.CitationGeneratedContent{Text: &text})
	}
	for _, from := range p.Citations {
		c := api.Citation{Title: str(from.Title), Source: str(from.Source), Location: citationLocation(from.Location)}
		for _, q := range from.Quotes {
			c.SourceContent = append(c.SourceContent, api.CitationSourceContent{Text: &q})
		}
		b.Citations = append(b.Citations, c)
	}
	return b
}

// citationDelta and readCitationDelta are the forms of a stream.
func citationDelta(from inference.Citation) *api.CitationsDelta {
	c := &api.CitationsDelta{Title: str(from.Title), Source: str(from.Source), Location: citationLocation(from.Location)}
	for _, q := range from.Quotes {
		c.SourceContent = append(c.SourceContent, api.CitationSourceContentDelta{Text: &q})
	}
	return c
}

func readCitationDelta(c *api.CitationsDelta) inference.Citation {
	var quotes []string
	for _, q := range c.SourceContent {
		quotes = append(quotes, schema.Deref(q.Text))
	}
	return citation(c.Title, c.Source, quotes, c.Location)
}

func citation(title, source *string, quotes []string, l *api.CitationLocation) inference.Citation {
	return inference.Citation{Title: schema.Deref(title), Source: schema.Deref(source), Quotes: quotes, Location: readLocation(l)}
}

func readLocation(l *api.CitationLocation) *inference.Location {
	span := func(unit inference.LocationUnit, document, start, end *int32) *inference.Location {
		return &inference.Location{
			Unit: unit, Document: int(schema.Deref(document)), Start: int(schema.Deref(start)), End: int(schema.Deref(end)),
		}
	}
	switch {
	case l == nil:
	case l.DocumentChar != nil:
		return span(inference.LocationChars, l.DocumentChar.DocumentIndex, l.DocumentChar.Start, l.DocumentChar.End)
	case l.DocumentPage != nil:
		return span(inference.LocationPages, l.DocumentPage.DocumentIndex, l.DocumentPage.Start, l.DocumentPage.End)
	case l.DocumentChunk != nil:
		return span(inference.LocationChunks, l.DocumentChunk.DocumentIndex, l.DocumentChunk.Start, l.DocumentChunk.End)
	case l.SearchResultLocation != nil:
		return span(inference.LocationSearch, l.SearchResultLocation.SearchResultIndex, l.SearchResultLocation.Start, l.SearchResultLocation.End)
	case l.Web != nil:
		return &inference.Location{Unit: inference.LocationWeb, URL: schema.Deref(l.Web.Url), Domain: schema.Deref(l.Web.Domain)}
	}
	return nil
}

func citationLocation(l *inference.Location) *api.CitationLocation {
	if l == nil {
		return nil
	}
	document, start, end := number(l.Document), number(l.Start), number(l.End)
	switch l.Unit {
	case inference.LocationChars:
		return &api.CitationLocation{DocumentChar: &api.DocumentCharLocation{DocumentIndex: document, Start: start, End: end}}
	case inference.LocationPages:
		return &api.CitationLocation{DocumentPage: &api.DocumentPageLocation{DocumentIndex: document, Start: start, End: end}}
	case inference.LocationChunks:
		return &api.CitationLocation{DocumentChunk: &api.DocumentChunkLocation{DocumentIndex: document, Start: start, End: end}}
	case inference.LocationSearch:
		return &api.CitationLocation{SearchResultLocation: &api.SearchResultLocation{SearchResultIndex: document, Start: start, End: end}}
	case inference.LocationWeb:
		return &api.CitationLocation{Web: &api.WebLocation{Url: str(l.URL), Domain: str(l.Domain)}}
	}
	return nil
}
