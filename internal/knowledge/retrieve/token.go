package retrieve

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// A token is the place where a list goes on, and a digest of what was searched
// for, so that it does not continue another list.

const digestSize = 16

func (s *Searcher) token(q Search, offset int) string {
	digest := s.digest(q)
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint(digest, uint64(offset)))
}

// offset reads the token of a search.
func (s *Searcher) offset(q Search) (int, error) {
	if q.Token == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(q.Token)
	if err != nil || len(raw) <= digestSize || len(q.Questions) > 1 || q.Rerank != nil || string(raw[:digestSize]) != string(s.digest(q)) {
		return 0, errToken()
	}
	offset, n := binary.Uvarint(raw[digestSize:])
	if n != len(raw)-digestSize || offset == 0 || offset >= uint64(q.Limit) {
		return 0, errToken()
	}
	return int(offset), nil
}

func errToken() error {
	return fault.New(fault.Invalid, "The provided nextToken is invalid. Pass the nextToken of the response to the same request, or leave it out.")
}

// digest tells searches apart. Where the list ends is not part of it: that may
// change from page to page.
func (s *Searcher) digest(q Search) []byte {
	text, err := json.Marshal(struct {
		Account, Region, Base string
		Question              string
		Mode                  knowledge.Mode
		Filter                *knowledge.Filter
	}{s.Base.Account, s.Base.Region, s.Base.ID, q.Questions[0].Text, q.Mode, q.Filter})
	if err != nil {
		text = nil // strings, numbers and lists of them have JSON
	}
	sum := sha256.Sum256(text)
	return sum[:digestSize]
}
