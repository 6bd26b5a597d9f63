package audit

import (
	"time"

	"github.com/outcrop/outcrop/internal/call"
)

// SignIn is a try to sign in to the console.
type SignIn struct {
	// Call says who, when and from where. Without a principal nobody was let in.
	Call *call.Call
	// AccessKeyID is the key that was claimed by somebody who was not let in; empty
	// where it was none.
	AccessKeyID string
	Method      string // how: accessKey, temporaryCredentials, apiKey, link
}

// SignIn records a try to sign in, as CloudTrail's ConsoleLogin.
func (t *Trail) SignIn(s SignIn) {
	c := s.Call
	who, outcome := identityOf(c, nil), "Success"
	e := &Event{
		EventVersion: eventVersion, EventTime: c.Start.UTC().Format(time.RFC3339), EventSource: "signin" + domain, EventName: "ConsoleLogin",
		Region: t.p.Region, SourceIPAddress: "localhost", UserAgent: c.Source.UserAgent, // of a Unix socket; an address is below
		AdditionalEventData: map[string]any{"MFAUsed": "No", "MobileVersion": "No", "SignInMethod": s.Method},
		RequestID:           c.RequestID, EventID: t.p.NewID(), EventType: "AwsConsoleSignIn", ManagementEvent: true,
		RecipientAccountID: c.Account, VPCEndpointID: c.Source.Endpoint, EventCategory: "Management",
	}
	if c.Source.IP.IsValid() {
		e.SourceIPAddress = c.Source.IP.String()
	}
	if c.Source.Secure {
		e.TLSDetails = &TLSDetails{Version: c.Source.TLSVersion, Suite: c.Source.CipherSuite, Host: c.Source.Host}
	}
	if c.Principal.ARN == "" {
		if !t.strangers.admit(c.Start) {
			t.leftOut.Add(1)
			return
		}
		outcome, e.ErrorMessage = "Failure", "Failed authentication"
		if len(s.AccessKeyID) <= longestKey && isKey(s.AccessKeyID) {
			who.AccessKeyID = s.AccessKeyID
		}
	}
	e.UserIdentity, e.ResponseElements = who, map[string]any{"ConsoleLogin": outcome}
	t.write(e)
}
