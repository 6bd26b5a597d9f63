package llama

import "unsafe"

// Token is an entry of a vocabulary.
type Token = int32

// Handles of the library's own objects.
type (
	modelPtr      uintptr
	contextPtr    uintptr
	vocabPtr      uintptr
	samplerPtr    uintptr
	memoryPtr     uintptr
	threadpoolPtr uintptr
)

// modelParams is llama_model_params.
type modelParams struct {
	devices             uintptr
	tensorBuftOverrides uintptr
	nGPULayers          int32
	splitMode           int32
	loadMode            int32
	lazyMode            int32
	mainGPU             int32
	_                   [4]byte
	tensorSplit         uintptr
	progress            uintptr
	progressUser        uintptr
	kvOverrides         uintptr
	vocabOnly           bool
	checkTensors        bool
	useExtraBufts       bool
	noHost              bool
	noAlloc             bool
	loadMTP             bool
	_                   [2]byte
}

// contextParams is llama_context_params.
type contextParams struct {
	nCtx              uint32
	nBatch            uint32
	nUbatch           uint32
	nSeqMax           uint32
	nRsSeq            uint32
	nOutputsMax       uint32
	nOutputsMaxPerSeq uint32
	nThreads          int32
	nThreadsBatch     int32
	ctxType           int32
	ropeScalingType   int32
	poolingType       int32
	attentionType     int32
	flashAttnType     int32
	ropeFreqBase      float32
	ropeFreqScale     float32
	yarnExtFactor     float32
	yarnAttnFactor    float32
	yarnBetaFast      float32
	yarnBetaSlow      float32
	yarnOrigCtx       uint32
	defragThold       float32
	cbEval            uintptr
	cbEvalUser        uintptr
	typeK             int32
	typeV             int32
	abort             uintptr
	abortUser         uintptr
	embeddings        bool
	offloadKQV        bool
	noPerf            bool
	opOffload         bool
	swaFull           bool
	kvUnified         bool
	_                 [2]byte
	samplers          uintptr
	nSamplers         uint64
	ctxOther          uintptr
}

// tokenData is llama_token_data.
type tokenData struct {
	id    Token
	logit float32
	p     float32
}

// tokenDataArray is llama_token_data_array. It is passed by pointer only.
type tokenDataArray struct {
	data     unsafe.Pointer
	size     uint64
	selected int64
	sorted   bool
	_        [7]byte
}

// batch is llama_batch. Its arrays belong to the library (llama_batch_init),
// so that no Go memory is kept by native code.
type batch struct {
	nTokens int32
	_       [4]byte
	token   unsafe.Pointer
	embd    unsafe.Pointer
	pos     unsafe.Pointer
	nSeqID  unsafe.Pointer
	seqID   unsafe.Pointer
	logits  unsafe.Pointer
}

// chainParams is llama_sampler_chain_params.
type chainParams struct {
	noPerf bool
}

// maxThreads is GGML_MAX_N_THREADS.
const maxThreads = 512

// threadpoolParams is ggml_threadpool_params. It is passed by pointer only.
type threadpoolParams struct {
	cpuMask   [maxThreads]bool
	nThreads  int32
	prio      int32
	poll      uint32
	strictCPU bool
	paused    bool
	_         [2]byte
}
