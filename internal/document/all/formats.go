package all

import (
	"context"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/csv"
	"github.com/outcrop/outcrop/internal/document/doc"
	"github.com/outcrop/outcrop/internal/document/docx"
	"github.com/outcrop/outcrop/internal/document/html"
	"github.com/outcrop/outcrop/internal/document/markdown"
	"github.com/outcrop/outcrop/internal/document/text"
	"github.com/outcrop/outcrop/internal/document/xls"
	"github.com/outcrop/outcrop/internal/document/xlsx"
)

// table names the reader of each kind.
func (p *parser) table() map[kind]format {
	return map[kind]format{
		textFile: func(_ context.Context, in document.Input) (*document.Text, error) {
			return text.Parse(in.Content, charset(in.MIME))
		},
		markdownFile: func(_ context.Context, in document.Input) (*document.Text, error) {
			return markdown.Parse(in.Content, charset(in.MIME))
		},
		htmlFile: func(_ context.Context, in document.Input) (*document.Text, error) {
			return html.Parse(in.Content, charset(in.MIME))
		},
		csvFile: func(ctx context.Context, in document.Input) (*document.Text, error) {
			return csv.Parse(ctx, in.Content, charset(in.MIME), in.Records)
		},
		docxFile: func(ctx context.Context, in document.Input) (*document.Text, error) {
			return docx.Parse(ctx, in.Content)
		},
		xlsxFile: func(ctx context.Context, in document.Input) (*document.Text, error) {
			return xlsx.Parse(ctx, in.Content)
		},
		docFile: func(_ context.Context, in document.Input) (*document.Text, error) {
			return doc.Parse(in.Content)
		},
		xlsFile: func(ctx context.Context, in document.Input) (*document.Text, error) {
			return xls.Parse(ctx, in.Content)
		},
		pdfFile: func(ctx context.Context, in document.Input) (*document.Text, error) {
			return p.pdf.Parse(ctx, in.Content)
		},
	}
}
