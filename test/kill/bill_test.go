package kill

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/pack/packtest"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
)

const (
	billKills   = 12
	billClients = 6
)

// The bill is right after a run with kills, cancels and retries: of every answer
// that a client got whole there is one record, with the tokens that the answer
// named.
func TestTheBillIsRightWhateverIsKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	packtest.Open(t)
	random := seed(t)
	data := t.TempDir()
	// Two servers on one data directory, each killed now and then.
	servers := []*server{{t: t, data: data}, {t: t, data: data}}
	addresses := make([]string, len(servers))
	for i, s := range servers {
		addresses[i] = free(t)
		s.extra = []string{"--listen", addresses[i]}
		s.env = []string{"OUTCROP_AUTH=off"}
		s.start()
	}

	ctx, stop := context.WithCancel(t.Context())
	bill := &answers{of: map[string]tokens{}}
	var group sync.WaitGroup
	for i := range billClients {
		c := &client{random: rand.New(rand.NewPCG(random.Uint64(), uint64(i))), addresses: addresses, bill: bill}
		group.Go(func() { c.run(ctx) })
	}
	for i := range billKills {
		before := bill.count()
		servers[0].until("there are more answers", func() bool { return bill.count() >= before+10 })
		if i%3 > 0 { // every third dies with an answer that has just arrived
			pause(time.Duration(random.IntN(300_000)) * time.Microsecond)
		}
		s := servers[i%len(servers)]
		s.kill()
		s.start()
	}
	before := bill.count()
	servers[0].until("there are answers after the last kill", func() bool { return bill.count() >= before+20 })
	stop()
	group.Wait()

	// One of the two is killed once more, and nobody starts it again: whoever
	// reads the bill finds what it left. The other one still runs.
	servers[1].kill()
	usage := servers[0].usage()
	servers[0].stop()
	if after := servers[0].usage(); after != usage {
		t.Errorf("the bill beside the running server was %+v, and %+v after its end", usage, after)
	}
	records := servers[0].records()
	if len(records) != usage.Calls {
		t.Errorf("got %d records, but outcrop usage counts %d calls", len(records), usage.Calls)
	}
	var sum, want tokens
	kinds := map[string]int{}
	for id, answer := range bill.of {
		record, ok := records[id]
		if !ok {
			t.Errorf("the answer %s (%s) is not in the bill", id, answer.kind)
			continue
		}
		if record.in != answer.in || record.out != answer.out {
			t.Errorf("the answer %s (%s) used %d and %d tokens, but its record has %d and %d", id, answer.kind, answer.in, answer.out, record.in, record.out)
		}
		if record.kind != "ok" && record.kind != "interrupted" {
			t.Errorf("the answer %s (%s) is in the bill as %s", id, answer.kind, record.kind)
		}
		sum.in, sum.out = sum.in+record.in, sum.out+record.out
		want.in, want.out = want.in+answer.in, want.out+answer.out
		kinds[answer.kind]++
	}
	if sum != want {
		t.Errorf("the records of the answers have %+v tokens, the answers %+v", sum, want)
	}
	outcomes := map[string]int{}
	for _, r := range records {
		outcomes[r.kind]++
	}
	t.Logf("%d answers %v with %d and %d tokens; %d records %v; clients: %d canceled, %d failed",
		len(bill.of), kinds, want.in, want.out, len(records), outcomes, bill.canceled, bill.failed)
	for _, kind := range []string{"converse", "converse-stream", "invoke", "invoke-stream", "embed"} {
		if kinds[kind] == 0 {
			t.Errorf("no answer of the kind %s came through", kind)
		}
	}
	if bill.canceled == 0 || outcomes["Canceled"] == 0 {
		t.Error("no call was canceled")
	}
	if bill.failed == 0 {
		t.Error("no call failed by a kill")
	}
}

// free returns an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// tokens are what an answer or a record names; kind is the operation, or what
// became of it.
type tokens struct {
	kind    string
	in, out int
}

// answers are what clients got whole, by request ID.
type answers struct {
	mu               sync.Mutex
	of               map[string]tokens
	canceled, failed int
}

func (a *answers) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.of)
}

// client asks, hangs up now and then, and tries again when it fails.
type client struct {
	random    *rand.Rand
	addresses []string
	bill      *answers
}

func (c *client) run(ctx context.Context) {
	for ctx.Err() == nil {
		hangUp := c.random.IntN(4) == 0
		one, cancel := ctx, context.CancelFunc(func() {})
		if hangUp {
			one, cancel = context.WithTimeout(ctx, time.Duration(c.random.IntN(400))*time.Millisecond)
		}
		id, answer, err := c.ask(one)
		cancel()
		c.bill.mu.Lock()
		switch {
		case err == nil:
			c.bill.of[id] = answer
		case hangUp && one.Err() != nil:
			c.bill.canceled++
		default:
			c.bill.failed++
		}
		c.bill.mu.Unlock()
		if err != nil {
			pause(20 * time.Millisecond)
		}
	}
}

const (
	text  = "anthropic.claude-3-5-sonnet-20241022-v2:0"
	embed = "amazon.titan-embed-text-v2:0"
)

// ask makes one call of any kind, and reads what it used from the answer.
func (c *client) ask(ctx context.Context) (id string, t tokens, err error) {
	most := 1 + c.random.IntN(24)
	words := prose(c.random.IntN(1000), 1+c.random.IntN(12))
	// The words need no more escapes than Go writes.
	conversation := fmt.Sprintf(`{"messages":[{"role":"user","content":[{"text":%q}]}],"inferenceConfig":{"maxTokens":%d}}`, words, most)
	native := fmt.Sprintf(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":%d,"messages":[{"role":"user","content":%q}]}`, most, words)
	embedding := fmt.Sprintf(`{"inputText":%q}`, words)
	call := []struct{ kind, path, body string }{
		{"converse", text + "/converse", conversation},
		{"converse-stream", text + "/converse-stream", conversation},
		{"invoke", text + "/invoke", native},
		{"invoke-stream", text + "/invoke-with-response-stream", native},
		{"embed", embed + "/invoke", embedding},
	}[c.random.IntN(5)]
	address := c.addresses[c.random.IntN(len(c.addresses))]
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/model/"+call.path, strings.NewReader(call.body))
	if err != nil {
		return "", t, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", t, err
	}
	defer res.Body.Close()
	id = res.Header.Get("X-Amzn-Requestid")
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		return "", t, fmt.Errorf("%s: %s", res.Status, body)
	}
	t, err = read(call.kind, res)
	t.kind = call.kind
	return id, t, err
}

// read reads an answer to its end.
func read(kind string, res *http.Response) (t tokens, err error) {
	if !strings.HasSuffix(kind, "-stream") {
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return t, err
		}
		var v struct {
			Usage struct {
				InputTokens, OutputTokens int
				NativeInput               int `json:"input_tokens"`
				NativeOutput              int `json:"output_tokens"`
			}
			InputTextTokenCount int
		}
		err = json.Unmarshal(body, &v)
		return tokens{in: v.Usage.InputTokens + v.Usage.NativeInput + v.InputTextTokenCount, out: v.Usage.OutputTokens + v.Usage.NativeOutput}, err
	}
	frames := eventstream.NewDecoder(res.Body, eventstream.Limits{})
	whole := false
	for {
		m, err := frames.Decode()
		if errors.Is(err, io.EOF) && whole {
			return t, nil
		}
		if err != nil {
			return t, err
		}
		if m.Text(":message-type") != "event" {
			return t, fmt.Errorf("the stream ended with %s", m.Payload)
		}
		var v struct {
			Usage *struct{ InputTokens, OutputTokens int }
			Bytes []byte
		}
		if err := json.Unmarshal(m.Payload, &v); err != nil {
			return t, err
		}
		if v.Usage != nil {
			t.in, t.out, whole = v.Usage.InputTokens, v.Usage.OutputTokens, true
		}
		var chunk struct {
			Metrics *struct{ InputTokenCount, OutputTokenCount int } `json:"amazon-bedrock-invocationMetrics"`
		}
		if len(v.Bytes) > 0 {
			if err := json.Unmarshal(v.Bytes, &chunk); err != nil {
				return t, err
			}
		}
		if chunk.Metrics != nil {
			t.in, t.out, whole = chunk.Metrics.InputTokenCount, chunk.Metrics.OutputTokenCount, true
		}
	}
}

// total is what outcrop usage says.
type total struct {
	Calls, InputTokens, OutputTokens int
	CostUSD                          string
}

// usage runs outcrop usage.
func (s *server) usage() total {
	s.t.Helper()
	cmd := s.command("usage", "--by", "", "--format", "json")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("outcrop usage: %v: %s", err, complaints.String())
	}
	if complaints.Len() > 0 {
		s.t.Errorf("outcrop usage complains: %s", complaints.String())
	}
	var list []total
	if err := json.Unmarshal(out, &list); err != nil || len(list) != 1 {
		s.t.Fatalf("outcrop usage: got %s, %v", out, err)
	}
	return list[0]
}

// records reads all records, by request ID.
func (s *server) records() map[string]tokens {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(s.data, "usage.db"))+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(s.t.Context(), "SELECT id, outcome, input, output FROM usage")
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	records := map[string]tokens{}
	for rows.Next() {
		var id string
		var r tokens
		if err := rows.Scan(&id, &r.kind, &r.in, &r.out); err != nil {
			s.t.Fatal(err)
		}
		if _, twice := records[id]; twice {
			s.t.Errorf("the record %s is there twice", id)
		}
		if r.kind == "" {
			s.t.Errorf("the record %s has no end", id)
		}
		records[id] = r
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return records
}
