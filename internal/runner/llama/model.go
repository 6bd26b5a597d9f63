package llama

import (
	"errors"
	"strconv"

	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// Model is a loaded model: weights and vocabulary.
type Model struct {
	lib   *Library
	ptr   modelPtr
	vocab *Vocab
}

// ErrLoad means that the library could not make a model of the file. Why is in
// what it logged.
var ErrLoad = errors.New("the library refused the model file")

// LoadModel reads a GGUF file. progress may be nil; it is called often, with a
// number from 0 to 1, or -1 where the platform cannot tell.
func (l *Library) LoadModel(path string, progress func(fraction float64)) (*Model, error) {
	p := l.modelDefaultParams()
	p.progress = l.progressCallback
	l.progressDestination.set(progress)
	defer l.progressDestination.set(nil)
	ptr := l.modelLoad(path, p)
	if ptr == 0 {
		return nil, ErrLoad
	}
	m := &Model{lib: l, ptr: ptr}
	m.vocab = newVocab(l, l.modelGetVocab(ptr))
	return m, nil
}

// Close frees the weights. Contexts must have been closed before.
func (m *Model) Close() { m.lib.modelFree(m.ptr) }

// Vocab is the model's vocabulary.
func (m *Model) Vocab() *Vocab { return m.vocab }

// TrainingContext is the number of tokens that the model was trained on at a time.
func (m *Model) TrainingContext() int { return int(m.lib.modelNCtxTrain(m.ptr)) }

// Dimensions is the length of an embedding.
func (m *Model) Dimensions() int { return int(m.lib.modelNEmbdOut(m.ptr)) }

// Size is the bytes of all weights.
func (m *Model) Size() int64 { return int64(m.lib.modelSize(m.ptr)) }

// HasDecoder reports whether the model can generate; an encoder only embeds.
func (m *Model) HasDecoder() bool { return m.lib.modelHasDecoder(m.ptr) }

// CacheBytesPerToken estimates the memory that one token takes in a key-value
// cache of 16-bit numbers.
func (m *Model) CacheBytesPerToken() int64 {
	heads := int64(m.lib.modelNHead(m.ptr))
	if heads == 0 {
		return 0
	}
	embd, kv, layers := int64(m.lib.modelNEmbd(m.ptr)), int64(m.lib.modelNHeadKV(m.ptr)), int64(m.lib.modelNLayer(m.ptr))
	head := embd / heads
	arch, _ := m.Meta("general.architecture")
	key, value := head, head
	if n, ok := m.metaInt(arch + ".attention.key_length"); ok {
		key = n
	}
	if n, ok := m.metaInt(arch + ".attention.value_length"); ok {
		value = n
	}
	return protocol.CacheBytesPerToken(layers, kv, key+value)
}

// Meta reads a scalar of the file's metadata as text.
func (m *Model) Meta(key string) (string, bool) {
	buf := make([]byte, 256)
	n := int(m.lib.modelMeta(m.ptr, key, &buf[0], uint64(len(buf))))
	if n < 0 {
		return "", false
	}
	if n >= len(buf) {
		buf = make([]byte, n+1)
		n = int(m.lib.modelMeta(m.ptr, key, &buf[0], uint64(len(buf))))
	}
	return string(buf[:n]), true
}

func (m *Model) metaInt(key string) (int64, bool) {
	s, ok := m.Meta(key)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// ChatTemplate is the file's own Jinja template, empty when it has none.
func (m *Model) ChatTemplate() string { return m.lib.modelChatTemplate(m.ptr, 0) }
