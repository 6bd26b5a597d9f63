package credential

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/outcrop/outcrop/internal/iam"
)

// The form of session tokens: base64 of a version, a nonce and the sealed
// claims, which are JSON, compressed where that makes them smaller. A token is
// bound to its access key and account.
const (
	tokenVersion = 1

	plain    = 0
	deflated = 1

	// longestToken bounds what is looked at; the longest that is made is below it.
	longestToken = 8 << 10
	// mostClaims bounds what a token is decompressed to.
	mostClaims = 128 << 10
)

// packedSpace is what policies and tags of a session may take together when
// they are packed, in bytes: the 100 of PackedPolicySize. It keeps tokens below
// 4 KB.
const packedSpace = 2048

// claims are what a token says. Names are short because they are in every
// request.
type claims struct {
	Type    string            `json:"t"` // of the principal
	Name    string            `json:"n,omitempty"`
	ID      string            `json:"i,omitempty"` // of the user or role; root's access key
	Secret  string            `json:"k"`
	Issued  int64             `json:"b"` // Unix seconds
	Expires int64             `json:"e"`
	Session string            `json:"s,omitempty"`
	Source  string            `json:"d,omitempty"`
	Tags    map[string]string `json:"g,omitempty"`
	Keys    []string          `json:"x,omitempty"` // of the transitive tags
	Texts   []string          `json:"p,omitempty"` // session policies
	ARNs    []string          `json:"a,omitempty"`
}

var errToken = errors.New("not a session token of this server")

// closeToken makes the token of claims.
func (s *seal) closeToken(account, accessKeyID string, c *claims, random io.Reader) (string, error) {
	text, err := json.Marshal(c) //nolint:gosec // it is sealed below
	if err != nil {
		return "", err
	}
	data := append([]byte{plain}, text...)
	packed, err := pack(text)
	if err != nil {
		return "", err
	}
	if len(packed) < len(text) {
		data = append([]byte{deflated}, packed...)
	}
	sealed, err := shut(s.tokens, data, bound(account, accessKeyID), random)
	if err != nil {
		return "", err
	}
	token := base64.StdEncoding.EncodeToString(append([]byte{tokenVersion}, sealed...))
	if len(token) > longestToken {
		return "", fmt.Errorf("the session token would have %d characters", len(token))
	}
	return token, nil
}

// openToken reads a token. Whatever is wrong with it is errToken.
func (s *seal) openToken(account, accessKeyID, token string) (*claims, error) {
	if len(token) > longestToken || strings.ContainsAny(token, "\r\n") { // which package base64 skips
		return nil, errToken
	}
	data, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || len(data) == 0 || data[0] != tokenVersion {
		return nil, errToken
	}
	data, err = unshut(s.tokens, data[1:], bound(account, accessKeyID))
	if err != nil {
		return nil, errToken
	}
	return readClaims(data)
}

// readClaims reads what was sealed.
func readClaims(data []byte) (*claims, error) {
	if len(data) == 0 {
		return nil, errToken
	}
	text := data[1:]
	switch data[0] {
	case plain:
	case deflated:
		var err error
		text, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(text)), mostClaims+1))
		if err != nil || len(text) > mostClaims {
			return nil, errToken
		}
	default:
		return nil, errToken
	}
	c := &claims{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, errToken
	}
	return c, nil
}

func bound(account, accessKeyID string) []byte { return []byte(account + "/" + accessKeyID) }

func pack(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// PackedSize is how much of the space for policies and tags a session takes, in
// percent; above 100 there is no room for it. It is zero for a session that has
// neither.
func PackedSize(session *iam.Session) (int, error) {
	if len(session.Policies)+len(session.PolicyARNs)+len(session.Tags) == 0 {
		return 0, nil
	}
	text, err := json.Marshal(map[string]any{
		"p": session.Policies, "a": session.PolicyARNs, "g": session.Tags, "x": session.TransitiveTags,
	})
	if err != nil {
		return 0, err
	}
	packed, err := pack(text)
	return max(1, len(packed)*100/packedSpace), err
}
