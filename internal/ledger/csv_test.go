package ledger_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/ledger"
)

func TestCSV(t *testing.T) {
	var got strings.Builder
	err := ledger.WriteCSV(&got, []string{"model", "tag:team"}, []ledger.Row{
		{Keys: []string{"a, b", `=HYPERLINK("x")`}, Calls: 3, Failed: 1, Unpriced: 2, Input: 10, Output: 20, CacheRead: 30, CacheWrite: 40, Queries: 50, Quantity: 150},
		{Keys: []string{"", "+1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "model,tag:team,calls,failed,unpriced,input_tokens,output_tokens,cache_read_tokens,cache_write_tokens,queries,cost_usd\n" +
		`"a, b","'=HYPERLINK(""x"")",3,1,2,10,20,30,40,50,0` + "\n" +
		",'+1,0,0,0,0,0,0,0,0,0\n"
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

type noSpace struct{ err error }

func (f noSpace) Write([]byte) (int, error) { return 0, f.err }

func TestCSVThatCannotBeWritten(t *testing.T) {
	err := errors.New("no space left")
	if got := ledger.WriteCSV(noSpace{err}, nil, []ledger.Row{{}}); !errors.Is(got, err) {
		t.Errorf("got %v", got)
	}
}
