package llama

// The release that these bindings are written against.
//
// What to review when it moves, in this order:
//
//  1. Take the headers from the new release itself: npm package node-llama-cpp
//     at PackageVersion carries the whole source as llama/gitRelease.bundle.
//     Diff include/llama.h, ggml/include/{ggml,ggml-cpu,ggml-backend}.h.
//  2. abi.go: member order and types of llama_model_params,
//     llama_context_params, llama_batch, llama_sampler_chain_params,
//     ggml_threadpool_params. Then the sizes below.
//  3. check.go: the values that the three *_default_params functions answer.
//  4. library.go: the signature of every function that is bound there.
//  5. Return codes of llama_decode, and which calls may be made from another
//     thread than the one that decodes (tokenization, vocabulary).
//  6. Names of the shared libraries in every platform's package: libraryName.
//  7. The pins of the packages' digests, which package pack holds.
//  8. Run the tests of package runner and of inference/llamacpp with the real
//     engine, then the measurements of docs/design/021.
const (
	// Version is what llama_version answers.
	Version = "0.5.0"
	// PackageVersion is the version of the @node-llama-cpp packages.
	PackageVersion = "3.22.1"
)

// Sizes in bytes on the platforms that are built for: all of them are 64-bit
// and agree on the alignment of these members.
const (
	sizeModelParams   = 80
	sizeContextParams = 160
	sizeBatch         = 56
)
