package all

import (
	"bytes"
	"encoding/xml"
	"io"
	"mime"
	"path"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/document/compound"
	"github.com/outcrop/outcrop/internal/document/doc"
	"github.com/outcrop/outcrop/internal/document/docx"
	"github.com/outcrop/outcrop/internal/document/pdf"
	"github.com/outcrop/outcrop/internal/document/text"
	"github.com/outcrop/outcrop/internal/document/xls"
	"github.com/outcrop/outcrop/internal/document/xlsx"
	"github.com/outcrop/outcrop/internal/fault"
)

// kind is a format that is read.
type kind int

const (
	textFile kind = iota
	markdownFile
	htmlFile
	csvFile
	docxFile
	xlsxFile
	docFile
	xlsFile
	pdfFile
)

// byEnding says what a file's name promises. Of the formats that are text the
// name decides; of the others the content does.
var byEnding = map[string]kind{
	".txt": textFile, ".text": textFile, ".log": textFile,
	".md": markdownFile, ".markdown": markdownFile, ".mdown": markdownFile, ".mkd": markdownFile,
	".html": htmlFile, ".htm": htmlFile, ".xhtml": htmlFile,
	".csv": csvFile, ".tsv": csvFile, ".tab": csvFile,
	".docx": docxFile, ".docm": docxFile, ".dotx": docxFile,
	".xlsx": xlsxFile, ".xlsm": xlsxFile, ".xltx": xlsxFile,
	".doc": docFile, ".dot": docFile, ".xls": xlsFile, ".xlt": xlsFile,
	".pdf": pdfFile,
}

var byMIME = map[string]kind{
	"text/plain": textFile, "text/markdown": markdownFile, "text/x-markdown": markdownFile,
	"text/html": htmlFile, "application/xhtml+xml": htmlFile,
	"text/csv": csvFile, "text/tab-separated-values": csvFile,
	docx.MIME: docxFile, xlsx.MIME: xlsxFile, doc.MIME: docFile, xls.MIME: xlsFile, pdf.MIME: pdfFile,
}

// notDocuments are text for programs, and what is no text whatever it looks like:
// a picture that is cut off after its first bytes may read as a word. Bedrock's
// knowledge bases skip them, and so do ours.
var notDocuments = []string{
	".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".ico", ".psd",
	".mp3", ".wav", ".flac", ".ogg", ".m4a", ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm",
	".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".tar", ".7z", ".rar", ".jar", ".exe", ".dll", ".so", ".dylib", ".bin", ".class", ".wasm",
	".ttf", ".otf", ".woff", ".woff2", ".parquet", ".avro", ".sqlite", ".db", ".pkl", ".npy", ".ppt", ".pptx",
	".json", ".jsonl", ".ndjson", ".xml", ".xsd", ".xsl", ".svg", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".lock",
	".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".css", ".scss", ".py", ".ipynb", ".go", ".java", ".kt", ".c", ".h", ".cc", ".cpp", ".hpp",
	".cs", ".rs", ".rb", ".php", ".pl", ".sh", ".bat", ".ps1", ".sql", ".r", ".swift", ".scala", ".lua", ".tf", ".proto",
}

// promised returns what name and declared type say that a file is. known is
// false when they say nothing. The name goes first, because stores declare one
// type for everything, unless it is that of the file which a text was taken from:
// people call the text of report.pdf report.pdf.
func promised(in document.Input) (k kind, known bool) {
	declared, isDeclared := byMIME[mediaType(in.MIME)]
	k, known = byEnding[ending(in.Name)]
	if !known || isDeclared && kindNames[k] != "" && kindNames[declared] == "" {
		return declared, isDeclared
	}
	return k, true
}

func ending(name string) string { return strings.ToLower(path.Ext(name)) }

func mediaType(declared string) string {
	t, _, err := mime.ParseMediaType(declared)
	if err != nil {
		t, _, _ = strings.Cut(declared, ";")
	}
	return strings.ToLower(strings.TrimSpace(t))
}

// charset returns the encoding in a declared type, or "".
func charset(declared string) string {
	if _, params, err := mime.ParseMediaType(declared); err == nil {
		return params["charset"]
	}
	return ""
}

// sniff decides what a file is: by its content where that leaves no doubt, else
// by what was promised. Faults as document.Parser's.
func sniff(in document.Input) (kind, error) {
	content := in.Content
	want, known := promised(in)
	switch {
	case bytes.HasPrefix(content, []byte("%PDF-")), known && want == pdfFile && bytes.Contains(head(content), []byte("%PDF-")):
		return pdfFile, nil
	case bytes.HasPrefix(content, []byte("PK\x03\x04")), bytes.HasPrefix(content, []byte("PK\x05\x06")):
		return sniffArchive(in)
	case bytes.HasPrefix(content, []byte(compound.Magic)):
		return sniffCompound(content)
	case bytes.HasPrefix(content, []byte(`{\rtf`)):
		return 0, unsupported("Rich Text (.rtf)")
	}
	if binary := binaryType(content); binary != "" {
		return 0, unsupported(describe(binary))
	}
	if looksHTML(content) {
		return htmlFile, nil // programs save it under names of Office, too
	}
	if name := kindNames[want]; known && name != "" {
		return 0, fault.New(fault.Invalid, "The file is damaged: it is not the %s file that its name or type says.", name)
	}
	if known {
		return want, nil
	}
	if slices.Contains(notDocuments, ending(in.Name)) {
		return 0, fault.New(fault.Unsupported, "Files that end in %s are not read.", ending(in.Name))
	}
	if in.Records != nil {
		return csvFile, nil
	}
	if isBinary(content) {
		return 0, fault.New(fault.Unsupported, "The file has binary content, and is of no format that is read.")
	}
	return textFile, nil
}

// isBinary reports whether a file is certainly no text, in whatever encoding: it
// has control characters all over it. Nobody says that such a file is a document,
// and folders are full of them (.DS_Store).
func isBinary(content []byte) bool {
	content = content[:min(len(content), 4096)]
	if _, _, err := text.Decode(content, ""); err == nil {
		return false
	}
	controls := 0
	for _, c := range content {
		if c < ' ' && strings.IndexByte("\t\n\v\f\r\x1b", c) < 0 {
			controls++
		}
	}
	return controls*50 > len(content)
}

// kindNames are the formats that are not text.
var kindNames = map[kind]string{pdfFile: "PDF", docxFile: "DOCX", xlsxFile: "XLSX", docFile: "DOC", xlsFile: "XLS"}

func head(content []byte) []byte { return content[:min(len(content), 1024)] }

func unsupported(what string) error {
	return fault.New(fault.Unsupported, "The file is %s, a format that is not read.", what)
}

// binaryType returns the media type of content that is certainly not text, or
// "" when it may be. Text of unknown encoding is left to package text to refuse.
func binaryType(content []byte) string {
	detected := mimetype.Detect(content)
	for m := detected; m != nil; m = m.Parent() {
		if m.Is("text/plain") {
			return ""
		}
	}
	if detected.Is("application/octet-stream") {
		return ""
	}
	// Some signatures are so short that text has them too: what reads as UTF-8
	// without zeros is text.
	if _, _, err := text.Decode(content[:min(len(content), 4096)], ""); err == nil {
		return ""
	}
	t, _, _ := strings.Cut(detected.String(), ";")
	return t
}

func describe(mediaType string) string {
	group, _, _ := strings.Cut(mediaType, "/")
	switch group {
	case "image":
		return "an image (" + mediaType + ")"
	case "audio":
		return "a sound file (" + mediaType + ")"
	case "video":
		return "a video (" + mediaType + ")"
	case "font":
		return "a font"
	}
	return "of the type " + mediaType
}

// looksHTML reports whether content begins as an HTML document does. A fragment
// is not enough: Markdown may begin with any tag.
func looksHTML(content []byte) bool {
	s := string(head(content))
	s = strings.TrimPrefix(s, "\xef\xbb\xbf")
	for range 10 {
		s = strings.TrimLeft(s, " \t\r\n\f")
		if rest, ok := strings.CutPrefix(s, "<!--"); ok {
			_, s, _ = strings.Cut(rest, "-->")
			continue
		}
		if strings.HasPrefix(s, "<?xml") {
			_, s, _ = strings.Cut(s, "?>")
			continue
		}
		break
	}
	s = strings.ToLower(s[:min(len(s), 32)])
	for _, tag := range []string{"<!doctype html", "<html"} {
		if rest, ok := strings.CutPrefix(s, tag); ok && (rest == "" || strings.ContainsAny(rest[:1], " \t\r\n>")) {
			return true
		}
	}
	return false
}

// contentTypes is the part of an Office file that says what it is.
type contentTypes struct {
	Overrides []struct {
		Type string `xml:"ContentType,attr"`
	} `xml:"Override"`
}

// sniffArchive tells the Office formats from other archives.
func sniffArchive(in document.Input) (kind, error) {
	want, known := promised(in)
	archive, err := bound.Open(in.Content)
	if err != nil {
		detected := mimetype.Detect(in.Content)
		if known && (want == docxFile || want == xlsxFile) || detected.Is(docx.MIME) || detected.Is(xlsx.MIME) {
			return 0, err
		}
		return 0, unsupported("a ZIP archive")
	}
	part, err := archive.Part("[Content_Types].xml")
	if err != nil {
		return 0, err
	}
	if part == nil {
		return 0, unsupported("a ZIP archive")
	}
	var types contentTypes
	if err := xml.NewDecoder(io.LimitReader(part, 4<<20)).Decode(&types); err != nil {
		return 0, fault.Wrap(fault.Invalid, err, "The file is damaged: its list of parts cannot be read.")
	}
	for _, override := range types.Overrides {
		switch t := strings.ToLower(override.Type); {
		case strings.HasSuffix(t, "wordprocessingml.document.main+xml"), strings.HasSuffix(t, "wordprocessingml.template.main+xml"),
			strings.HasPrefix(t, "application/vnd.ms-word.") && strings.HasSuffix(t, ".main+xml"):
			return docxFile, nil
		case strings.HasSuffix(t, "spreadsheetml.sheet.main+xml"), strings.HasSuffix(t, "spreadsheetml.template.main+xml"),
			strings.HasPrefix(t, "application/vnd.ms-excel.sheet.macroenabled"), strings.HasPrefix(t, "application/vnd.ms-excel.template.macroenabled"):
			return xlsxFile, nil
		case strings.Contains(t, "presentationml."):
			return 0, unsupported("a presentation (PowerPoint)")
		case strings.HasPrefix(t, "application/vnd.ms-excel.sheet.binary"):
			return 0, unsupported("a binary workbook (.xlsb)")
		}
	}
	return 0, unsupported("a ZIP archive")
}

// sniffCompound tells what is in a compound file: the container of Office
// formats up to 2003, and of those after that when they are encrypted.
func sniffCompound(content []byte) (kind, error) {
	file, err := compound.Open(content)
	if err != nil {
		return 0, err
	}
	for _, of := range []struct {
		stream string
		kind   kind
		err    error
	}{
		{"EncryptedPackage", 0, fault.New(fault.Invalid, "The file is encrypted with a password.")},
		{"WordDocument", docFile, nil},
		{"Workbook", xlsFile, nil},
		{"Book", 0, unsupported("a workbook of an Excel before 1997")},
		{"PowerPoint Document", 0, unsupported("a presentation (PowerPoint)")},
		{"__properties_version1.0", 0, unsupported("a message of Outlook")},
	} {
		if file.Has(of.stream) {
			return of.kind, of.err
		}
	}
	return 0, unsupported("an OLE compound file")
}
