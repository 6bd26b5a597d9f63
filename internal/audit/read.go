package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/logfile"
)

// FileName begins the names of the trail's files.
const FileName = "cloudtrail"

// Filter selects events. The zero value selects all.
type Filter struct {
	Since time.Time
	// Principal is a pattern with * and ? for the ARN, the access key's ID, or the
	// name: alice, user/alice, role/app, root.
	Principal string
	// Event is a pattern with * and ? for the event's name.
	Event  string
	Errors bool // only what failed or was refused

	Until     time.Time // not included; zero: no bound
	Source    string    // a pattern for the service: iam, iam.amazonaws.com
	ErrorCode string    // a pattern for the code of the error
	NoErrors  bool      // only what worked
	RequestID string    // a pattern for the request's ID
	ReadOnly  *bool     // nil: what reads and what changes
}

// Match reports whether the filter selects an event.
func (f Filter) Match(e *Event) bool {
	at, err := time.Parse(time.RFC3339, e.EventTime)
	if err != nil || at.Before(f.Since.Truncate(time.Second)) || f.Errors && e.ErrorCode == "" && e.ErrorMessage == "" {
		return false
	}
	if f.Event != "" && !like(f.Event, e.EventName) {
		return false
	}
	switch {
	case !f.Until.IsZero() && !at.Before(f.Until), f.NoErrors && e.ErrorCode != "", f.ReadOnly != nil && *f.ReadOnly != e.ReadOnly,
		f.ErrorCode != "" && !like(f.ErrorCode, e.ErrorCode), f.RequestID != "" && !like(f.RequestID, e.RequestID),
		f.Source != "" && !like(f.Source, e.EventSource) && !like(f.Source, strings.TrimSuffix(e.EventSource, domain)):
		return false
	}
	u := e.UserIdentity
	return f.Principal == "" || like(f.Principal, u.ARN) || like(f.Principal, u.UserName) || like(f.Principal, u.AccessKeyID) || like(f.Principal, u.name())
}

// name is what the other commands call who called: a role has all its sessions.
func (u Identity) name() string {
	switch {
	case u.Type == string(iam.Root):
		return "root"
	case u.SessionContext != nil && u.SessionContext.Issuer != nil:
		return "role/" + u.SessionContext.Issuer.UserName
	case u.UserName != "":
		return "user/" + u.UserName
	}
	return ""
}

// like reports whether text matches a pattern whose * takes slashes too.
func like(pattern, text string) bool {
	if text == "" {
		return false
	}
	ok, _ := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
	return ok
}

// Read gives the events of the files in a folder to yield, in the order in which
// they were written, each with its own text, until yield returns an error. A last
// line that is being written is left out. A line that is no event, as a machine
// that lost its power leaves behind, is passed over and is an error at the end.
func Read(dir string, f Filter, yield func(e *Event, text []byte) error) error {
	files, err := logfile.Files(dir, FileName)
	if err != nil {
		return err
	}
	var broken []error
	for _, file := range files {
		if !f.Since.IsZero() && file.Day.AddDate(0, 0, 1).Before(f.Since) {
			continue
		}
		bad, err := readFile(file.Path, f, yield)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if bad > 0 {
			broken = append(broken, fmt.Errorf("%s: lines that are no events: %d", file.Path, bad))
		}
	}
	return errors.Join(broken...)
}

// readFile returns how many lines are no events.
func readFile(name string, f Filter, yield func(*Event, []byte) error) (bad int, err error) {
	file, err := os.Open(name)
	if err != nil {
		return 0, fmt.Errorf("read the audit trail: %w", err)
	}
	defer file.Close()
	lines := bufio.NewReaderSize(file, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return bad, nil
		}
		if err != nil {
			return bad, fmt.Errorf("read the audit trail: %w", err)
		}
		if len(line) == 1 {
			continue // ends a line that was cut off
		}
		var e Event
		if json.Unmarshal(line, &e) != nil {
			bad++
			continue
		}
		if !f.Match(&e) {
			continue
		}
		if err := yield(&e, bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return bad, err
		}
	}
}
