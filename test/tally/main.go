// Command tally makes one verdict of many test suites.
//
// Each suite leaves its results in one folder: Go suites as the output of
// "go test -json" (tally runs the command and shows what people want to see of
// it), everything else as JUnit XML. The summary counts them, and where CI=true
// a skipped test that is not listed with a reason counts as failed, so that
// nothing is green because it did not run.
//
// It runs no server and knows nothing of Outcrop; the Makefile calls it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(1)
	}
}

var errFailed = errors.New("not everything passed")

func run(args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New("usage: tally go|step|summary [flags] [-- command]")
	}
	flags := flag.NewFlagSet("tally "+args[0], flag.ContinueOnError)
	suite := flags.String("suite", "", "name of the suite")
	dir := flags.String("dir", "", "folder of the results")
	skips := flags.String("skips", "", "file that lists the skips that are expected")
	suites := flags.String("suites", "", "suites that must have results, separated by spaces")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "go":
		return runGo(*suite, *dir, flags.Args(), stdout, stderr)
	case "step":
		return runStep(*suite, *dir, flags.Args(), stdout, stderr)
	case "summary":
		return summarize(*dir, *skips, strings.Fields(*suites), os.Getenv("CI") == "true", stdout)
	}
	return fmt.Errorf("unknown verb %q", args[0])
}

// runGo runs a "go test" command with -json added, keeps its output and shows
// the packages and what failed.
func runGo(suite, dir string, command []string, stdout, stderr io.Writer) error {
	if len(command) < 2 {
		return errors.New("no command")
	}
	// "go test …" and "go -C folder test …": -json goes after the verb.
	var argv []string
	for i, arg := range command {
		argv = append(argv, arg)
		if i > 0 && arg == "test" {
			argv = append(argv, "-json")
			argv = append(argv, command[i+1:]...)
			break
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, suite+".json"))
	if err != nil {
		return err
	}
	defer file.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, readErr := readGo(io.TeeReader(pipe, file), stdout)
	if readErr != nil {
		_, _ = io.Copy(io.Discard, pipe) // let the command end; readErr is what is reported
	}
	if err := errors.Join(cmd.Wait(), readErr, file.Close()); err != nil {
		return fmt.Errorf("%s: %w", suite, err)
	}
	return nil
}

// runStep runs a command that knows only "good" and "bad", such as go vet, and
// keeps that as one test case.
func runStep(suite, dir string, command []string, stdout, stderr io.Writer) error {
	if len(command) == 0 {
		return errors.New("no command")
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	if writeErr := writeStep(dir, suite, err == nil); writeErr != nil {
		return writeErr
	}
	return err
}
