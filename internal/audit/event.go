package audit

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/observe"
)

// Event is one record in CloudTrail's form.
type Event struct {
	EventVersion        string         `json:"eventVersion"`
	UserIdentity        Identity       `json:"userIdentity"`
	EventTime           string         `json:"eventTime"` // UTC, to the second
	EventSource         string         `json:"eventSource"`
	EventName           string         `json:"eventName"`
	Region              string         `json:"awsRegion"`
	SourceIPAddress     string         `json:"sourceIPAddress"`
	UserAgent           string         `json:"userAgent,omitempty"`
	ErrorCode           string         `json:"errorCode,omitempty"`
	ErrorMessage        string         `json:"errorMessage,omitempty"`
	RequestParameters   map[string]any `json:"requestParameters"`
	ResponseElements    map[string]any `json:"responseElements"`
	AdditionalEventData map[string]any `json:"additionalEventData,omitempty"`
	RequestID           string         `json:"requestID"`
	EventID             string         `json:"eventID"`
	ReadOnly            bool           `json:"readOnly"`
	Resources           []Resource     `json:"resources,omitempty"`
	EventType           string         `json:"eventType"`
	ManagementEvent     bool           `json:"managementEvent"`
	RecipientAccountID  string         `json:"recipientAccountId"`
	VPCEndpointID       string         `json:"vpcEndpointId,omitempty"`
	EventCategory       string         `json:"eventCategory"`
	TLSDetails          *TLSDetails    `json:"tlsDetails,omitempty"`
}

// Identity is who called.
type Identity struct {
	Type           string          `json:"type"`
	PrincipalID    string          `json:"principalId,omitempty"`
	ARN            string          `json:"arn,omitempty"`
	AccountID      string          `json:"accountId,omitempty"`
	AccessKeyID    string          `json:"accessKeyId,omitempty"`
	UserName       string          `json:"userName,omitempty"`
	SessionContext *SessionContext `json:"sessionContext,omitempty"`
}

// SessionContext tells of temporary credentials whose they are.
type SessionContext struct {
	Issuer         *Issuer           `json:"sessionIssuer,omitempty"`
	Attributes     map[string]string `json:"attributes"`
	SourceIdentity string            `json:"sourceIdentity,omitempty"`
}

// Issuer is the role that a session is of.
type Issuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName"`
}

// Resource is what a call worked on.
type Resource struct {
	ARN       string `json:"ARN"`
	AccountID string `json:"accountId,omitempty"`
	Type      string `json:"type,omitempty"`
}

// TLSDetails is how the connection was secured.
type TLSDetails struct {
	Version string `json:"tlsVersion"`
	Suite   string `json:"cipherSuite"`
	Host    string `json:"clientProvidedHostHeader,omitempty"`
}

const eventVersion = "1.11"

// bearer begins the header of a call with a Bedrock API key.
const bearer = "Bearer "

// event describes an exchange that is over, or as good as over.
func (t *Trail) event(v *observe.View, k kind) *Event {
	c := v.Call
	e := &Event{
		EventVersion: eventVersion, UserIdentity: identityOf(c, v.Header), EventTime: c.Start.UTC().Format(time.RFC3339),
		EventSource: k.source, EventName: c.Operation, Region: cmp.Or(c.Region, t.p.Region),
		SourceIPAddress: "localhost", UserAgent: v.Header.Get("User-Agent"), // of a Unix socket; an address is below
		RequestID: c.RequestID, EventID: t.p.NewID(), ReadOnly: k.readOnly,
		EventType: "AwsApiCall", ManagementEvent: k.management, RecipientAccountID: c.Account, VPCEndpointID: c.Source.Endpoint,
		EventCategory: "Data",
	}
	if k.management {
		e.EventCategory = "Management"
	}
	if c.Source.IP.IsValid() {
		e.SourceIPAddress = c.Source.IP.String()
	}
	if c.Source.Secure {
		e.TLSDetails = &TLSDetails{Version: c.Source.TLSVersion, Suite: c.Source.CipherSuite, Host: c.Source.Host}
	}
	authorization := v.Header.Get("Authorization")
	switch {
	case strings.HasPrefix(authorization, bearer):
		e.AdditionalEventData = map[string]any{"callWithBearerToken": true}
	case authorization != "":
		e.AdditionalEventData = map[string]any{"SignatureVersion": "SigV4", "AuthenticationMethod": "AuthHeader"}
	case c.Principal.Type != iam.Anonymous && c.Principal.ARN != "":
		e.AdditionalEventData = map[string]any{"SignatureVersion": "SigV4", "AuthenticationMethod": "QueryString"}
	}
	if strings.HasPrefix(c.Resource, "arn:") {
		e.Resources = []Resource{{ARN: c.Resource, AccountID: c.Account, Type: k.resource}}
	}
	if name, ok := strings.CutPrefix(c.Resource, s3ARN); ok && !strings.Contains(name, "/") {
		e.Resources[0].Type = "AWS::S3::Bucket"
	}
	e.ErrorCode, e.ErrorMessage = failure(v)
	if v.Op == nil {
		e.RequestParameters = objectOf(c.Resource)
		return e
	}
	if e.ErrorCode != accessDenied && v.Input != nil {
		e.RequestParameters = bounded(describe(v.Op.Input, v.Input, !k.private))
	}
	if !k.private && v.Code == "" && v.Output != nil && (!k.readOnly || k.issues) {
		e.ResponseElements = bounded(describe(v.Op.Output, v.Output, true))
	}
	return e
}

// identityOf says who called. Where nobody was recognized it names the key that
// was claimed.
func identityOf(c *call.Call, h http.Header) Identity {
	p := c.Principal
	if p.ARN == "" {
		return Identity{Type: "Unknown", AccountID: c.Account, AccessKeyID: claimedKey(h)}
	}
	if p.Type == iam.Anonymous {
		return Identity{Type: "AWSAccount", AccountID: "ANONYMOUS_PRINCIPAL"}
	}
	who := Identity{Type: string(p.Type), PrincipalID: p.UserID, ARN: p.ARN, AccountID: p.Account, AccessKeyID: p.AccessKeyID}
	if p.Type == iam.User {
		who.UserName = p.Name
	}
	if p.Session == nil {
		return who
	}
	s := &SessionContext{
		Attributes:     map[string]string{"creationDate": p.Session.Issued.UTC().Format(time.RFC3339), "mfaAuthenticated": "false"},
		SourceIdentity: p.Session.SourceIdentity,
	}
	if p.Type == iam.AssumedRole {
		id, _, _ := strings.Cut(p.UserID, ":")
		s.Issuer = &Issuer{Type: "Role", PrincipalID: id, ARN: "arn:aws:iam::" + p.Account + ":role/" + p.Name, AccountID: p.Account, UserName: p.Name}
	}
	who.SessionContext = s
	return who
}

// longestKey is the longest access key ID that IAM gives out, in bytes. What is
// longer is none, and may be a secret in the wrong place.
const longestKey = 128

// claimedKey is the access key that an Authorization header names.
func claimedKey(h http.Header) string {
	_, rest, ok := strings.Cut(h.Get("Authorization"), "Credential=")
	id, _, slash := strings.Cut(rest, "/")
	if !ok || !slash || len(id) > longestKey || !isKey(id) {
		return ""
	}
	return id
}

// isKey reports whether id is of capital letters and digits alone, as every access
// key is. Secrets have small ones, and often nothing else that tells them apart.
func isKey(id string) bool {
	for _, r := range id {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return id != ""
}

// s3ARN begins the ARNs of buckets and objects.
const s3ARN = "arn:aws:s3:::"

// objectOf takes the ARN of a bucket or an object apart.
func objectOf(resource string) map[string]any {
	name, ok := strings.CutPrefix(resource, s3ARN)
	if !ok {
		return nil
	}
	bucket, key, isObject := strings.Cut(name, "/")
	p := map[string]any{"bucketName": bucket}
	if isObject {
		p["key"] = key
	}
	return p
}
