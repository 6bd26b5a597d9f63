package csv_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/csv"
	"github.com/outcrop/outcrop/internal/fault"
)

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, content, want string }{
		{"a header", "Item,Price\nWing,12\nTail,3\n", "Item: Wing\nPrice: 12\n\nItem: Tail\nPrice: 3"},
		{"a mark, and line ends of Windows", "\ufeffItem,Price\r\nWing,12\r\n", "Item: Wing\nPrice: 12"},
		{"semicolons", "Item;Price\nWing;12,50\n", "Item: Wing\nPrice: 12,50"},
		{"tabs", "Item\tPrice\nWing\t12\n", "Item: Wing\nPrice: 12"},
		{"a separator that is named", "sep=;\r\nItem;Price\r\nWing;12,50\r\n", "Item: Wing\nPrice: 12,50"},
		{"a separator that is named, in quotation marks", "\"sep=,\"\nItem,Price\nWing,12\n", "Item: Wing\nPrice: 12"},
		{"what only looks like one", "sep=x\nItem,Price\n", "sep=x\nItem | Price"},
		{"fields of several lines", "Item,Text\nWing,\"one\ntwo, \"\"three\"\"\"\n", "Item: Wing\nText: one\ntwo, \"three\""},
		{"empty cells and rows", "Item,Price,Note\nWing,,x\n,,\n\nTail,3\n", "Item: Wing\nNote: x\n\nItem: Tail\nPrice: 3"},
		{"more cells than columns", "Item,Price\nWing,12,extra\n", "Item: Wing\nPrice: 12\nextra"},
		{"no header", "Wing,12\nTail,3\n", "Wing | 12\nTail | 3"},
		{"one row", "just,these\n", "just | these"},
		{"one column", "Name\nAda\nBob\n", "Name\nAda\nBob"},
		{"quotation marks out of place", "Item,Size\nPipe,2\" wide\n", "Item: Pipe\nSize: 2\" wide"},
	} {
		want := &document.Text{MIME: csv.MIME, Pages: []document.Page{{Number: -1, Text: c.want}}}
		got, err := csv.Parse(t.Context(), []byte(c.content), "", nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

const records = "question, answer ,topic,owner\n" +
	"What is it?,\"A fund, mostly.\",money,Ada\n" +
	"Empty?,,money,Bob\n" +
	"Where?,Here.,,Bob\n"

func TestRecords(t *testing.T) {
	t.Parallel()
	type metadata = map[string]string
	for _, c := range []struct {
		name    string
		options document.RecordOptions
		want    []metadata
	}{
		{"every other column", document.RecordOptions{Content: "answer"}, []metadata{{"question": "What is it?", "topic": "money", "owner": "Ada"}, {"question": "Where?", "owner": "Bob"}}},
		{"some", document.RecordOptions{Content: "answer", Include: []string{"topic"}}, []metadata{{"topic": "money"}, {}}},
		{"all but some", document.RecordOptions{Content: "answer", Exclude: []string{"question", "owner"}}, []metadata{{"topic": "money"}, {}}},
		{"excluded wins", document.RecordOptions{Content: "answer", Include: []string{"topic", "owner"}, Exclude: []string{"topic"}}, []metadata{{"owner": "Ada"}, {"owner": "Bob"}}},
		{"the text too, when it is named", document.RecordOptions{Content: "answer", Include: []string{"answer"}}, []metadata{{"answer": "A fund, mostly."}, {"answer": "Here."}}},
	} {
		got, err := csv.Parse(t.Context(), []byte("\ufeff"+records), "", &c.options)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := &document.Text{
			MIME:    csv.MIME,
			Records: []document.Record{{Text: "A fund, mostly.", Metadata: c.want[0]}, {Text: "Here.", Metadata: c.want[1]}},
			Notes:   []string{"1 rows have no text and were left out."},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestBadRecords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, content string
		options       document.RecordOptions
		want          string
	}{
		{"no such columns", records, document.RecordOptions{Content: "text", Include: []string{"topic", "year"}}, `The CSV file has no column "text", "year". Its first row must name the columns.`},
		{"a row with too few", "a,b\n1,2\n3\n", document.RecordOptions{Content: "a"}, "The CSV file is not well formed at line 3: the row has not as many fields as the header."},
		{"an open quotation mark", "a,b\n1,\"2\n", document.RecordOptions{Content: "a"}, "The CSV file is not well formed at line 2: a quotation mark is out of place."},
		{"binary", "a,b\n\x00\x01\x02\x03", document.RecordOptions{Content: "a"}, "The file is not text: it has binary content."},
	} {
		text, err := csv.Parse(t.Context(), []byte(c.content), "", &c.options)
		if !fault.Is(err, fault.Invalid) || fault.As(err).Message != c.want {
			t.Errorf("%s: got %+v, %v, want %s", c.name, text, err, c.want)
		}
	}
}

func TestEmpty(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "\n\n", "\ufeff", " \r\n", "a,b\n"} {
		text, err := csv.Parse(t.Context(), []byte(content), "", &document.RecordOptions{Content: "a"})
		if err != nil || len(text.Pages)+len(text.Records) != 0 {
			t.Errorf("%q: got %+v, %v, want nothing", content, text, err)
		}
	}
}

// A header that is repeated before each value must not make a small file large:
// where it would, it is not repeated.
func TestExpansionIsBounded(t *testing.T) {
	t.Parallel()
	columns := make([]string, 2000)
	for i := range columns {
		columns[i] = fmt.Sprintf("%s%d", strings.Repeat("x", 70), i)
	}
	content := strings.Join(columns, ",") + "\n" + strings.Repeat(strings.Repeat("1,", 1999)+"1\n", 1000)
	text, err := csv.Parse(t.Context(), []byte(content), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(text.Pages[0].Text); got > 4*len(content) {
		t.Errorf("got %d bytes of text from %d, want no names repeated", got, len(content))
	}
}

func FuzzRecords(f *testing.F) {
	f.Add(records, "answer", "topic")
	f.Add("a;b\n\"1\";2\n", "a", "")
	f.Add("\ufeffa\n\n", "a", "b")
	f.Fuzz(func(t *testing.T, content, column, excluded string) {
		for _, o := range []*document.RecordOptions{nil, {Content: column}, {Content: column, Exclude: []string{excluded}}} {
			text, err := csv.Parse(t.Context(), []byte(content), "", o)
			if err != nil && !fault.Is(err, fault.Invalid) {
				t.Fatalf("got %v, want a text or invalid", err)
			}
			if err != nil || o == nil {
				continue
			}
			for _, r := range text.Records {
				if strings.TrimSpace(r.Text) == "" {
					t.Errorf("got a record without text")
				}
			}
		}
	})
}
