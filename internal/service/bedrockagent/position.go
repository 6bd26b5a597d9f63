package bedrockagent

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"
)

// A position in a list of documents is the identifier of the last one, behind
// bytes that tell which list it is of. An identifier may be longer than a
// position may be (2048 characters of base64): then it is cut, and the digest
// of the whole tells it from others that begin alike.
const (
	listDigest = 8
	cutMark    = 0xff // is in no UTF-8
	maxCut     = 1400 // bytes
	maxWhole   = 1500 // bytes
)

func (s *states) listDigest() []byte {
	sum := sha256.Sum256([]byte(s.source.Base + "/" + s.source.ID))
	return sum[:listDigest]
}

func (s *states) encode(id string) string {
	position := s.listDigest()
	if len(id) > maxWhole {
		sum := sha256.Sum256([]byte(id))
		position = append(append(position, cutMark), sum[:]...)
		end := maxCut
		for end > 0 && !utf8.RuneStart(id[end]) {
			end--
		}
		id = id[:end]
	}
	return base64.RawURLEncoding.EncodeToString(append(position, id...))
}

// decode finds the identifier that a position was made of; "" for the start.
func (s *states) decode(ctx context.Context, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	position, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(position) <= listDigest || !slices.Equal(position[:listDigest], s.listDigest()) {
		return "", invalid("The provided nextToken is invalid.")
	}
	position = position[listDigest:]
	if position[0] != cutMark {
		return string(position), nil
	}
	position = position[1:]
	if len(position) <= sha256.Size {
		return "", invalid("The provided nextToken is invalid.")
	}
	digest, prefix := [sha256.Size]byte(position), string(position[sha256.Size:])
	for after := prefix; ; {
		list, more, err := s.page(ctx, after, 1000)
		if err != nil {
			return "", err
		}
		for _, d := range list {
			if after = d.ID; !strings.HasPrefix(d.ID, prefix) {
				return prefix, nil // it has gone since; better some twice than one never
			}
			if sha256.Sum256([]byte(d.ID)) == digest {
				return d.ID, nil
			}
		}
		if !more {
			return prefix, nil
		}
	}
}
