//go:build unix

package subprocess

import (
	"bufio"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What a child started ends with it.
func TestKillEndsTheGroup(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-c", "sleep 600 & echo started; wait")
	cmd.SysProcAttr = Attributes()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var tail Tail
	drained, exited := make(chan struct{}), make(chan struct{})
	if err := Start(cmd, drained, func() { tail.End(cmd.ProcessState.String()); close(exited) }); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "started" {
		t.Fatalf("got %q, want started", lines.Text())
	}
	Kill(cmd)
	for lines.Scan() { // the end of the output is the end of everybody who holds it
		t.Errorf("got %q after the end", lines.Text())
	}
	close(drained)
	<-exited
	if got := tail.String(); got != "signal: killed" {
		t.Errorf("got %q, want that it was killed", got)
	}
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("/nowhere/llama-server")
	if err := Start(cmd, nil, func() { t.Error("it never ran") }); err == nil || !strings.Contains(err.Error(), "/nowhere/llama-server") {
		t.Errorf("got %v, want an error that names the program", err)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	t.Parallel()
	var tail Tail
	for range 1000 {
		if n, err := tail.Write([]byte("0123456789")); n != 10 || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := tail.Write([]byte("the end\n")); err != nil {
		t.Fatal(err)
	}
	tail.End("exit status 1")
	got := tail.String()
	if !strings.HasPrefix(got, "exit status 1; its last output was: ") || !strings.HasSuffix(got, "the end") || len(got) > tailSize+100 {
		t.Errorf("got %d bytes, ending %q", len(got), got[max(0, len(got)-20):])
	}
}

func TestEnvironmentIsAsGiven(t *testing.T) {
	t.Parallel()
	if got := Environment([]string{"A=b"}); !slices.Equal(got, []string{"A=b"}) {
		t.Errorf("got %v", got)
	}
}
