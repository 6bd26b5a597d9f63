package sigv4

import (
	"container/list"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
)

// signingKey derives the key of one day, region and service from a secret.
func signingKey(secret iam.Secret, date, region, service string) [32]byte {
	k := mac([]byte("AWS4"+secret.Reveal()), date)
	k = mac(k[:], region)
	k = mac(k[:], service)
	return mac(k[:], terminator)
}

func mac(key []byte, text string) (sum [32]byte) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	h.Sum(sum[:0])
	return sum
}

func hexMAC(key [32]byte, text string) string {
	sum := mac(key[:], text)
	return hex.EncodeToString(sum[:])
}

// stringToSign is what the signing key signs for a whole request.
func stringToSign(t time.Time, scope string, canonical []byte) string {
	sum := sha256.Sum256(canonical)
	return Algorithm + "\n" + t.Format(timeFormat) + "\n" + scope + "\n" + hex.EncodeToString(sum[:])
}

// keyName identifies a derived key. It contains the secret, so that a key whose
// secret was replaced is never served from the cache.
type keyName struct {
	secret                iam.Secret
	date, region, service string
}

// keyCache is a bounded least-recently-used cache of signing keys: deriving one
// costs four HMACs, and a client uses the same for a day. It is safe for
// concurrent use.
type keyCache struct {
	mu    sync.Mutex
	limit int
	order *list.List // of cachedKey, most recently used first
	byKey map[keyName]*list.Element
}

type cachedKey struct {
	name keyName
	key  [32]byte
}

func newKeyCache(limit int) *keyCache {
	return &keyCache{limit: limit, order: list.New(), byKey: make(map[keyName]*list.Element)}
}

func (c *keyCache) get(name keyName) (key [32]byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[name]
	if !ok {
		return key, false
	}
	c.order.MoveToFront(e)
	return e.Value.(cachedKey).key, true
}

func (c *keyCache) put(name keyName, key [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[name]; ok {
		return
	}
	c.byKey[name] = c.order.PushFront(cachedKey{name, key})
	if c.order.Len() > c.limit {
		last := c.order.Back()
		delete(c.byKey, c.order.Remove(last).(cachedKey).name)
	}
}
