package llama

import (
	"fmt"
	"strings"
	"unsafe"
)

// check refuses a library that is not the one that the bindings describe:
// another version, another layout of this platform, or a default value that is
// not where it is expected, which means that members have moved.
func (l *Library) check() error {
	// The packages are built outside a release tag, which adds "-dev".
	if v := strings.TrimSuffix(l.version(), "-dev"); v != Version {
		return fmt.Errorf("the engine library is llama.cpp %q, this build needs %q", v, Version)
	}
	if a, b, c := unsafe.Sizeof(modelParams{}), unsafe.Sizeof(contextParams{}), unsafe.Sizeof(batch{}); a != sizeModelParams || b != sizeContextParams || c != sizeBatch {
		return fmt.Errorf("struct sizes %d, %d, %d on this platform, want %d, %d, %d", a, b, c, sizeModelParams, sizeContextParams, sizeBatch)
	}
	if got, want := l.modelDefaultParams(), defaultModelParams(); got != want {
		return fmt.Errorf("llama_model_default_params answers %+v, want %+v", got, want)
	}
	if got, want := l.ctxDefaultParams(), defaultContextParams(); got != want {
		return fmt.Errorf("llama_context_default_params answers %+v, want %+v", got, want)
	}
	if p := l.chainDefaultParams(); !p.noPerf {
		return fmt.Errorf("llama_sampler_chain_default_params answers %+v", p)
	}
	var tp threadpoolParams
	l.threadpoolInit(&tp, 7)
	if want := (threadpoolParams{nThreads: 7, poll: 50}); tp != want {
		return fmt.Errorf("ggml_threadpool_params_init answers %d threads, priority %d, poll %d", tp.nThreads, tp.prio, tp.poll)
	}
	return nil
}

// defaultModelParams is what the pinned release answers.
func defaultModelParams() modelParams {
	return modelParams{nGPULayers: -1, splitMode: 1, loadMode: -1, lazyMode: 1, useExtraBufts: true}
}

// defaultContextParams is what the pinned release answers.
func defaultContextParams() contextParams {
	return contextParams{
		nCtx: 512, nBatch: 2048, nUbatch: 512, nSeqMax: 1, nOutputsMaxPerSeq: 1,
		nThreads: 4, nThreadsBatch: 4,
		ropeScalingType: -1, poolingType: -1, attentionType: -1, flashAttnType: -1,
		yarnExtFactor: -1, yarnAttnFactor: -1, yarnBetaFast: -1, yarnBetaSlow: -1, defragThold: -1,
		typeK: 1, typeV: 1,
		offloadKQV: true, noPerf: true, opOffload: true, swaFull: true,
	}
}
