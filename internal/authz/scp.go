package authz

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/policy"
)

// lookEvery is how long a change of the file may go unnoticed.
const lookEvery = time.Second

// ServiceControl is a service control policy in a file, for the whole account but
// its owner. A change counts within a second, as soon as somebody asks. It is
// safe for concurrent use.
//
// A file that only denies takes from what else is allowed, as such policies do
// beside AWS's FullAWSAccess; one that allows anything is the list of what is
// allowed at all.
type ServiceControl struct {
	path, account string
	logger        *slog.Logger
	now           func() time.Time

	state  atomic.Pointer[controlState]
	checks atomic.Int64 // when the file was last looked at, in ns
}

type controlState struct {
	levels [][]policy.Attached
	size   int64
	time   time.Time
	bad    string // why the present file is not used
}

// OpenServiceControl reads the file. The error names file and position.
func OpenServiceControl(path, account string, logger *slog.Logger, now func() time.Time) (*ServiceControl, error) {
	s := &ServiceControl{path: path, account: account, logger: logger, now: now}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the service control policy: %w", err)
	}
	levels, err := s.read()
	if err != nil {
		return nil, fmt.Errorf("the service control policy: %w", err)
	}
	s.state.Store(&controlState{levels: levels, size: info.Size(), time: info.ModTime()})
	s.checks.Store(now().UnixNano())
	return s, nil
}

// Levels returns the policies as Params.Service wants them. A file that became
// unreadable or wrong does not count: what was read last goes on, and the log
// says so once.
func (s *ServiceControl) Levels() [][]policy.Attached {
	state := s.state.Load()
	now, last := s.now().UnixNano(), s.checks.Load()
	if age := time.Duration(now - last); age >= 0 && age < lookEvery || !s.checks.CompareAndSwap(last, now) {
		return state.levels
	}
	next := s.look(state)
	s.state.Store(next)
	return next.levels
}

// look reads the file again if it is another one than it was.
func (s *ServiceControl) look(state *controlState) *controlState {
	next := *state
	info, err := os.Stat(s.path)
	if err == nil {
		if info.Size() == state.size && info.ModTime().Equal(state.time) {
			return state
		}
		next.size, next.time, next.bad = info.Size(), info.ModTime(), ""
		var levels [][]policy.Attached
		if levels, err = s.read(); err == nil {
			next.levels = levels
			s.logger.Info("the service control policy has changed", slog.String("file", s.path))
			return &next
		}
	}
	if text := err.Error(); text != state.bad {
		next.bad = text
		s.logger.Error("the service control policy cannot be used; the one before stays in force", slog.String("cause", text))
	}
	return &next
}

func (s *ServiceControl) read() ([][]policy.Attached, error) {
	data, err := os.ReadFile(s.path)
	if err != nil {
		return nil, err
	}
	document, err := policy.Parse(policy.Service, string(data))
	if err != nil {
		return nil, fmt.Errorf("%s%s: %s", s.path, policy.Locate(policy.Service, string(data)), fault.As(err).Message)
	}
	level := []policy.Attached{{Document: document, ID: s.arn(), Type: "service-control-policy"}}
	if !allows(data) {
		full, err := policy.Parse(policy.Service, fullAccess)
		if err != nil {
			return nil, err
		}
		level = append(level, policy.Attached{Document: full, ID: "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess", Type: "service-control-policy"})
	}
	return [][]policy.Attached{level}, nil
}

const fullAccess = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

// allows tells whether any statement of a document that has been read allows.
func allows(data []byte) bool {
	type statement struct{ Effect string }
	var one struct{ Statement statement }
	var many struct{ Statement []statement }
	if json.Unmarshal(data, &one) == nil {
		return one.Statement.Effect == "Allow"
	}
	_ = json.Unmarshal(data, &many) // what is neither has not been read either
	for _, s := range many.Statement {
		if s.Effect == "Allow" {
			return true
		}
	}
	return false
}

// arn is what denials call the policy.
func (s *ServiceControl) arn() string {
	name := filepath.Base(s.path)
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.TrimSuffix(name, filepath.Ext(name)))
	return "arn:aws:organizations::" + s.account + ":policy/o-outcrop/service_control_policy/p-" + name
}
