#!/usr/bin/env bash
# Builds llama-server, the model server of another project that the adapter for
# OpenAI's API is tested against, into the folder that is named: the program, and
# the template of a model that calls tools.
#
# The source is in an npm package, as a git bundle; it is pinned by its hash. The
# build is for this machine alone and hardly optimized: it has to be there soon.
# On two idle cores it takes about five minutes, once. cmake is taken from PATH,
# else from PyPI.
set -euo pipefail

version=3.22.1
sha512=6e5b488a9b9699cd76dc7eed30880318a4ac4ab866865418795502e3c5d38d55bb5c624988927209d95333343f2e25a83e4183a5c2f816f883a60c3ba9f4e20f
cmake_version=4.1.2

out=$1
mkdir -p "$out"
out=$(cd "$out" && pwd)
if [ -x "$out/llama-server" ] && [ "$(cat "$out/version" 2>/dev/null)" = "$version" ]; then
	exit 0
fi
if ! command -v "${CXX:-c++}" >/dev/null; then
	echo 'there is no C++ compiler, so no foreign server to test against' >&2
	exit 0
fi
work=$out/work
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

cd "$work"
npm pack --silent "node-llama-cpp@$version" >/dev/null
echo "$sha512  node-llama-cpp-$version.tgz" | sha512sum --check --quiet
tar xzf "node-llama-cpp-$version.tgz" package/llama/gitRelease.bundle
git -c advice.detachedHead=false clone --quiet package/llama/gitRelease.bundle source
rm -rf package "node-llama-cpp-$version.tgz"
if ! command -v cmake >/dev/null; then
	"${PYTHON:-python3}" -m venv venv
	venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check "cmake==$cmake_version"
	PATH=$work/venv/bin:$PATH
fi
cmake -S source -B build -DCMAKE_BUILD_TYPE=Release \
	-DCMAKE_C_FLAGS_RELEASE='-O2 -DNDEBUG' -DCMAKE_CXX_FLAGS_RELEASE='-O1 -DNDEBUG' \
	-DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF \
	-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=ON \
	-DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF >build.log 2>&1 || { tail -30 build.log >&2; exit 1; }
cmake --build build --target llama-server --parallel "$(getconf _NPROCESSORS_ONLN)" >>build.log 2>&1 || { tail -30 build.log >&2; exit 1; }
cp source/LICENSE "$out/LICENSE"
cp source/models/templates/meetkai-functionary-medium-v3.2.jinja "$out/tools.jinja"
cp build/bin/llama-server "$out/llama-server"
echo "$version" >"$out/version"
