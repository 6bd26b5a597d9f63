// Package llama binds the functions of llama.cpp that the runner needs, with
// purego and without cgo.
//
// It schedules nothing and knows no protocol. Only package runner calls it, in
// a child process: a fault in the native code ends that process. The library
// must be the pinned release; Open refuses any other.
//
// A Model and its Vocab may be read by several goroutines. A Context and its
// Batch and Samplers belong to one goroutine, which should be locked to its
// thread.
package llama

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"

	"github.com/ebitengine/purego"
)

// Library is the loaded native code. It is never unloaded: its threads may
// outlive any model.
type Library struct {
	version             func() string
	backendInit         func()
	logSet              func(cb, user uintptr)
	modelDefaultParams  func() modelParams
	ctxDefaultParams    func() contextParams
	chainDefaultParams  func() chainParams
	modelLoad           func(path string, p modelParams) modelPtr
	modelFree           func(modelPtr)
	modelGetVocab       func(modelPtr) vocabPtr
	modelNCtxTrain      func(modelPtr) int32
	modelNEmbd          func(modelPtr) int32
	modelNEmbdOut       func(modelPtr) int32
	modelNLayer         func(modelPtr) int32
	modelNHead          func(modelPtr) int32
	modelNHeadKV        func(modelPtr) int32
	modelSize           func(modelPtr) uint64
	modelHasEncoder     func(modelPtr) bool
	modelHasDecoder     func(modelPtr) bool
	modelMeta           func(m modelPtr, key string, buf *byte, n uint64) int32
	modelChatTemplate   func(m modelPtr, name uintptr) string
	initFromModel       func(m modelPtr, p contextParams) contextPtr
	ctxFree             func(contextPtr)
	nCtx                func(contextPtr) uint32
	nBatch              func(contextPtr) uint32
	getMemory           func(contextPtr) memoryPtr
	poolingType         func(contextPtr) int32
	memoryClear         func(m memoryPtr, data bool)
	memorySeqRm         func(m memoryPtr, seq, p0, p1 int32) bool
	memorySeqCp         func(m memoryPtr, from, to, p0, p1 int32)
	setNThreads         func(c contextPtr, n, nBatch int32)
	attachThreadpool    func(c contextPtr, tp, tpBatch threadpoolPtr)
	detachThreadpool    func(c contextPtr)
	batchInit           func(nTokens, embd, nSeqMax int32) batch
	batchFree           func(batch)
	encode              func(c contextPtr, b batch) int32
	decode              func(c contextPtr, b batch) int32
	getEmbeddingsSeq    func(c contextPtr, seq int32) *float32
	getLogitsIth        func(c contextPtr, i int32) *float32
	vocabType           func(vocabPtr) int32
	vocabNTokens        func(vocabPtr) int32
	vocabText           func(v vocabPtr, t Token) string
	vocabAttr           func(v vocabPtr, t Token) int32
	vocabIsEOG          func(v vocabPtr, t Token) bool
	vocabBOS            func(vocabPtr) Token
	vocabEOS            func(vocabPtr) Token
	vocabAddBOS         func(vocabPtr) bool
	tokenize            func(v vocabPtr, text *byte, n int32, out *Token, most int32, addSpecial, parseSpecial bool) int32
	tokenToPiece        func(v vocabPtr, t Token, buf *byte, n, lstrip int32, special bool) int32
	chainInit           func(chainParams) samplerPtr
	chainAdd            func(chain, s samplerPtr)
	samplerFree         func(samplerPtr)
	samplerSample       func(s samplerPtr, c contextPtr, i int32) Token
	samplerGreedy       func() samplerPtr
	samplerDist         func(seed uint32) samplerPtr
	samplerTopK         func(k int32) samplerPtr
	samplerTopP         func(p float32, minKeep uint64) samplerPtr
	samplerMinP         func(p float32, minKeep uint64) samplerPtr
	samplerTemp         func(t float32) samplerPtr
	samplerGrammar      func(v vocabPtr, grammar, root string) samplerPtr
	samplerApply        func(s samplerPtr, candidates *tokenDataArray)
	samplerAccept       func(s samplerPtr, t Token)
	loadAllFromPath     func(dir string)
	backendRegByName    func(name string) uintptr
	backendRegProc      func(reg uintptr, name string) uintptr
	devCount            func() uint64
	threadpoolInit      func(p *threadpoolParams, n int32)
	threadpoolNew       func(p *threadpoolParams) threadpoolPtr
	threadpoolFree      func(threadpoolPtr)
	progressCallback    uintptr
	progressDestination *progressSink
}

var (
	reLlama    = regexp.MustCompile(`^(lib)?llama(\.[0-9A-Za-z]+)*\.(so|dylib|dll)$`)
	reGGML     = regexp.MustCompile(`^(lib)?ggml(\.[0-9A-Za-z]+)*\.(so|dylib|dll)$`)
	reGGMLBase = regexp.MustCompile(`^(lib)?ggml-base\.(so|dylib|dll)$`)
)

// libraryName finds the one file in dir whose name matches.
func libraryName(dir string, re *regexp.Regexp) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if re.MatchString(e.Name()) {
			return filepath.Join(dir, e.Name()), nil
		}
	}
	return "", fmt.Errorf("no file in %s is named like %s", dir, re)
}

// Open loads the libraries in dir, checks that they are the pinned release and
// lets ggml choose the variants that this machine can run. Messages of warning
// and above go to logs, which may be called from any thread; nil discards.
//
// It may be called once in a process.
func Open(dir string, logs func(line string)) (*Library, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	var l Library
	llama, err := openNamed(dir, reLlama)
	if err != nil {
		return nil, err
	}
	ggml, err := openNamed(dir, reGGML)
	if err != nil {
		return nil, err
	}
	base, err := openNamed(dir, reGGMLBase)
	if err != nil {
		return nil, err
	}
	if err := l.bind(llama, ggml, base); err != nil {
		return nil, err
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	l.logSet(newLogCallback(logs), 0)
	l.progressDestination = new(progressSink)
	l.progressCallback = newProgressCallback(l.progressDestination)
	l.backendInit()
	l.loadAllFromPath(dir)
	if l.devCount() == 0 {
		return nil, fmt.Errorf("no library in %s can compute on this machine (%s/%s)", dir, runtime.GOOS, runtime.GOARCH)
	}
	if err := l.bindThreadpool(); err != nil {
		return nil, err
	}
	return &l, nil
}

func openNamed(dir string, re *regexp.Regexp) (uintptr, error) {
	name, err := libraryName(dir, re)
	if err != nil {
		return 0, err
	}
	h, err := openLibrary(name)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", filepath.Base(name), err)
	}
	return h, nil
}

// symbol pairs a native name with the field that calls it.
type symbol struct {
	name string
	fn   any
}

func (l *Library) bind(llama, ggml, base uintptr) error {
	if err := register(llama, []symbol{
		{"llama_version", &l.version},
		{"llama_backend_init", &l.backendInit},
		{"llama_log_set", &l.logSet},
		{"llama_model_default_params", &l.modelDefaultParams},
		{"llama_context_default_params", &l.ctxDefaultParams},
		{"llama_sampler_chain_default_params", &l.chainDefaultParams},
		{"llama_model_load_from_file", &l.modelLoad},
		{"llama_model_free", &l.modelFree},
		{"llama_model_get_vocab", &l.modelGetVocab},
		{"llama_model_n_ctx_train", &l.modelNCtxTrain},
		{"llama_model_n_embd", &l.modelNEmbd},
		{"llama_model_n_embd_out", &l.modelNEmbdOut},
		{"llama_model_n_layer", &l.modelNLayer},
		{"llama_model_n_head", &l.modelNHead},
		{"llama_model_n_head_kv", &l.modelNHeadKV},
		{"llama_model_size", &l.modelSize},
		{"llama_model_has_encoder", &l.modelHasEncoder},
		{"llama_model_has_decoder", &l.modelHasDecoder},
		{"llama_model_meta_val_str", &l.modelMeta},
		{"llama_model_chat_template", &l.modelChatTemplate},
		{"llama_init_from_model", &l.initFromModel},
		{"llama_free", &l.ctxFree},
		{"llama_n_ctx", &l.nCtx},
		{"llama_n_batch", &l.nBatch},
		{"llama_get_memory", &l.getMemory},
		{"llama_pooling_type", &l.poolingType},
		{"llama_memory_clear", &l.memoryClear},
		{"llama_memory_seq_rm", &l.memorySeqRm},
		{"llama_memory_seq_cp", &l.memorySeqCp},
		{"llama_set_n_threads", &l.setNThreads},
		{"llama_attach_threadpool", &l.attachThreadpool},
		{"llama_detach_threadpool", &l.detachThreadpool},
		{"llama_batch_init", &l.batchInit},
		{"llama_batch_free", &l.batchFree},
		{"llama_encode", &l.encode},
		{"llama_decode", &l.decode},
		{"llama_get_embeddings_seq", &l.getEmbeddingsSeq},
		{"llama_get_logits_ith", &l.getLogitsIth},
		{"llama_vocab_type", &l.vocabType},
		{"llama_vocab_n_tokens", &l.vocabNTokens},
		{"llama_vocab_get_text", &l.vocabText},
		{"llama_vocab_get_attr", &l.vocabAttr},
		{"llama_vocab_is_eog", &l.vocabIsEOG},
		{"llama_vocab_bos", &l.vocabBOS},
		{"llama_vocab_eos", &l.vocabEOS},
		{"llama_vocab_get_add_bos", &l.vocabAddBOS},
		{"llama_tokenize", &l.tokenize},
		{"llama_token_to_piece", &l.tokenToPiece},
		{"llama_sampler_chain_init", &l.chainInit},
		{"llama_sampler_chain_add", &l.chainAdd},
		{"llama_sampler_free", &l.samplerFree},
		{"llama_sampler_sample", &l.samplerSample},
		{"llama_sampler_init_greedy", &l.samplerGreedy},
		{"llama_sampler_init_dist", &l.samplerDist},
		{"llama_sampler_init_top_k", &l.samplerTopK},
		{"llama_sampler_init_top_p", &l.samplerTopP},
		{"llama_sampler_init_min_p", &l.samplerMinP},
		{"llama_sampler_init_temp", &l.samplerTemp},
		{"llama_sampler_init_grammar", &l.samplerGrammar},
		{"llama_sampler_apply", &l.samplerApply},
		{"llama_sampler_accept", &l.samplerAccept},
	}); err != nil {
		return err
	}
	if err := register(ggml, []symbol{
		{"ggml_backend_load_all_from_path", &l.loadAllFromPath},
		{"ggml_backend_reg_by_name", &l.backendRegByName},
		{"ggml_backend_dev_count", &l.devCount},
	}); err != nil {
		return err
	}
	return register(base, []symbol{
		{"ggml_backend_reg_get_proc_address", &l.backendRegProc},
		{"ggml_threadpool_params_init", &l.threadpoolInit},
	})
}

// bindThreadpool finds the thread pool's functions, which live in whichever
// variant of the CPU library was chosen.
func (l *Library) bindThreadpool() error {
	reg := l.backendRegByName("CPU")
	if reg == 0 {
		return fmt.Errorf("the libraries have no CPU backend for this machine")
	}
	for _, s := range []symbol{
		{"ggml_threadpool_new", &l.threadpoolNew},
		{"ggml_threadpool_free", &l.threadpoolFree},
	} {
		addr := l.backendRegProc(reg, s.name)
		if addr == 0 {
			return fmt.Errorf("the CPU backend has no %s", s.name)
		}
		purego.RegisterFunc(s.fn, addr)
	}
	return nil
}

func register(handle uintptr, symbols []symbol) error {
	for _, s := range symbols {
		addr, err := lookup(handle, s.name)
		if err != nil {
			return fmt.Errorf("the library has no %s: %w", s.name, err)
		}
		purego.RegisterFunc(s.fn, addr)
	}
	return nil
}
