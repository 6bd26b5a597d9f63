package operator

import (
	"encoding/json"
	"strings"

	"github.com/outcrop/outcrop/internal/audit"
	"github.com/outcrop/outcrop/internal/fault"
)

// AuditEvents are events of the audit trail, the newest first.
type AuditEvents struct {
	// Enabled: there is a trail in files. Without one there are no events here.
	Enabled bool         `json:"enabled"`
	Events  []AuditEvent `json:"events"`
	// Next is the parameter nextToken for what is older; empty: there is nothing. A
	// page may have fewer events than the limit, even none, and be followed by one.
	Next string `json:"nextToken"`
}

// AuditEvent is one event.
type AuditEvent struct {
	ID          string   `json:"id"`
	Time        string   `json:"time"` // to the second
	Name        string   `json:"name"`
	Source      string   `json:"source"`    // "iam.amazonaws.com"
	Principal   string   `json:"principal"` // ARN; empty: nobody was recognized
	UserType    string   `json:"userType"`
	UserName    string   `json:"userName"`
	AccessKeyID string   `json:"accessKeyId"`
	Region      string   `json:"region"`
	SourceIP    string   `json:"sourceIp"`
	UserAgent   string   `json:"userAgent"`
	ReadOnly    bool     `json:"readOnly"`
	ErrorCode   string   `json:"errorCode"` // empty: it has worked
	ErrorText   string   `json:"errorMessage"`
	RequestID   string   `json:"requestId"`
	Resources   []string `json:"resources"` // ARNs
	// Record is the whole event in CloudTrail's form.
	Record json.RawMessage `json:"record"`
}

// auditParameters are those of GET /outcrop/audit.
func auditParameters() []string {
	return []string{"from", "to", "event", "principal", "source", "error", "requestId", "readOnly", "limit", "nextToken"}
}

// auditToken is where a page ends.
type auditToken struct {
	File string `json:"f"`
	At   int64  `json:"o"`
}

// audit answers GET /outcrop/audit.
func (a *API) audit(q *request) (any, error) {
	f, limit, err := q.query.audit()
	if err != nil {
		return nil, err
	}
	var t auditToken
	if _, err := q.query.token(&t); err != nil {
		return nil, err
	}
	out := &AuditEvents{Enabled: a.p.AuditDir != "", Events: []AuditEvent{}}
	if !out.Enabled {
		return out, nil
	}
	next, err := audit.Newest(a.p.AuditDir, f, audit.Place{File: t.File, Offset: t.At}, limit, func(e *audit.Event, text []byte) {
		out.Events = append(out.Events, auditEvent(e, text))
	})
	if err != nil {
		return nil, err
	}
	if next != (audit.Place{}) {
		out.Next = newToken(auditToken{next.File, next.Offset})
	}
	return out, nil
}

func (v values) audit() (f audit.Filter, limit int, err error) {
	if f.Since, f.Until, err = v.span(); err != nil {
		return f, 0, err
	}
	for _, p := range []struct {
		name string
		to   *string
	}{{"event", &f.Event}, {"principal", &f.Principal}, {"source", &f.Source}, {"requestId", &f.RequestID}} {
		if *p.to, err = v.pattern(p.name); err != nil {
			return f, 0, err
		}
		if !audit.IsPattern(*p.to) {
			return f, 0, fault.New(fault.Invalid, "The parameter %s is not a pattern with * and ?.", p.name)
		}
	}
	switch text := v.Get("error"); text {
	case "", "none":
		f.NoErrors = text == "none"
	case "any":
		f.Errors = true
	default:
		if f.ErrorCode, err = v.pattern("error"); err == nil && !audit.IsPattern(text) {
			err = fault.New(fault.Invalid, "The parameter error is any, none, or a pattern of error codes with * and ?.")
		}
		if err != nil {
			return f, 0, err
		}
	}
	readOnly, err := v.one("readOnly", "true", "false")
	if err != nil {
		return f, 0, err
	}
	if readOnly != "" {
		only := readOnly == "true"
		f.ReadOnly = &only
	}
	limit, err = v.number("limit", 50, 1, 500)
	return f, limit, err
}

func auditEvent(e *audit.Event, text []byte) AuditEvent {
	out := AuditEvent{
		ID: e.EventID, Time: e.EventTime, Name: e.EventName, Source: e.EventSource, Principal: e.UserIdentity.ARN, UserType: e.UserIdentity.Type,
		UserName: e.UserIdentity.UserName, AccessKeyID: e.UserIdentity.AccessKeyID, Region: e.Region, SourceIP: e.SourceIPAddress, UserAgent: e.UserAgent,
		ReadOnly: e.ReadOnly, ErrorCode: e.ErrorCode, ErrorText: e.ErrorMessage, RequestID: e.RequestID, Resources: []string{}, Record: append(json.RawMessage(nil), text...),
	}
	if s := e.UserIdentity.SessionContext; out.UserName == "" && s != nil && s.Issuer != nil {
		out.UserName = s.Issuer.UserName
	}
	for _, r := range e.Resources {
		if strings.HasPrefix(r.ARN, "arn:") {
			out.Resources = append(out.Resources, r.ARN)
		}
	}
	return out
}
