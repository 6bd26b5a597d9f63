// Package foreign tests the adapter for OpenAI's API against a server of another
// project, llama-server, with the default models. What a fake answers is what
// its writer believes; this one answers what it does.
//
// build.sh makes the server, and make test calls it. Where it cannot be built, as
// without a C++ compiler, the tests are skipped, and say so.
package foreign
