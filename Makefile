# Everything a contributor types. `make help` lists the targets.
#
# The only tools expected on the machine are Go, make, git, bash, Python 3.10
# or newer and Node 20.19 or newer. Everything else is installed under build/ with
# pinned versions, by the targets that need it.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
GO ?= go
PYTHON ?= python3
BIN := bin/outcrop

# Engine libraries and default models for the tests, kept between runs.
# OUTCROP_MODELS points elsewhere, to share them between checkouts.
MODELS := $(or $(OUTCROP_MODELS),$(CURDIR)/build/models)

# The race detector is the one thing here that needs a C compiler. Without one
# the Go tests run all the same, without it.
RACE := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)
TEST_CGO := $(if $(RACE),1,0)

RESULTS := build/results
TALLY := build/tools/tally
LAUNCHER := build/tools/launch
# Black-box tests run the binary with coverage, so that they show what they reach.
COVERED := build/tools/outcrop-covered
LAUNCH := $(LAUNCHER) -bin $(COVERED) -models $(MODELS) -log $(RESULTS)
GENERATOR := $(GO) run ./cmd/outcrop-gen -cache build/service-models
LINT := $(GO) tool -modfile=tools/go.mod golangci-lint

##@ Use

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-zA-Z0-9_.-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build, fetch the engine and the default models, serve on 127.0.0.1:8484
	@exec $(BIN) serve $(ARGS)

.PHONY: build
build: console ## build bin/outcrop
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/outcrop

# The console's pages are embedded into the binary. They take Node; without it the
# binary has a page that says so. CONSOLE=no leaves them as they are.
CONSOLE ?= yes
PAGES := internal/console/web/build/index.html
HAS_NODE := command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || a == 22 && b >= 12 || a == 20 && b >= 19 ? 0 : 1)' 2>/dev/null

.PHONY: console
console: ## build the console's pages, where there is Node 20.19, 22.12 or newer
	@if [ '$(CONSOLE)' != yes ]; then :; \
	elif $(HAS_NODE); then $(MAKE) $(PAGES) || { echo 'build: the console cannot be built, see above; make build CONSOLE=no goes without' >&2; exit 1; }; \
	elif [ -e $(PAGES) ]; then echo 'build: there is no Node.js 20.19, 22.12 or newer, so the console stays as it was built before' >&2; \
	else echo 'build: there is no Node.js 20.19, 22.12 or newer, so bin/outcrop has no console; everything else is in it' >&2; fi

WEB_SOURCES = $(shell find web -path web/node_modules -prune -o -type f -not -path 'web/test*' -not -path 'web/dist/*' -not -name '*.test.*' -print 2>/dev/null)

$(PAGES): web/node_modules/.installed $(WEB_SOURCES)
	@echo 'build: building the console'
	@cd web && npm run --silent build
	@touch $@

web/node_modules/.installed: web/package-lock.json
	@echo 'build: installing what the console is built with'
	@cd web && npm ci --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

##@ Check

# Order: what fails fastest comes first. Every suite runs, also after another
# one has failed; the tally at the end decides.
SUITES := vet go client-go python-1.43 python-1.44 cli js frameworks js-frameworks web web-lint console

.PHONY: test
test: build ## install what the tests need and run all of them
	@rm -rf $(RESULTS); mkdir -p $(RESULTS); status=0; \
	for suite in $(SUITES); do \
		echo "== $$suite"; $(MAKE) test-$$suite || status=1; \
	done; \
	$(MAKE) $(TALLY) && $(TALLY) summary -dir $(RESULTS) -suites '$(SUITES)' -skips test/skips.txt || status=1; \
	exit $$status

# Built as test-go builds, so that nothing is compiled twice.
.PHONY: test-vet
test-vet: $(TALLY) ## go vet
	@CGO_ENABLED=$(TEST_CGO) $(TALLY) step -suite vet -dir $(RESULTS) -- $(GO) vet $(RACE) ./...

.PHONY: test-go
test-go: $(TALLY) setup foreign ## Go tests of the server, with the race detector where there is a C compiler
	@CGO_ENABLED=$(TEST_CGO) OUTCROP_MODELS=$(MODELS) OUTCROP_FOREIGN=$(CURDIR)/build/foreign $(TALLY) go -suite go -dir $(RESULTS) -- \
		$(GO) test $(RACE) -timeout 40m $(TESTFLAGS) ./...

.PHONY: test-client-go
test-client-go: clients ## the Go SDK against the real binary and models
	@$(LAUNCH) -- $(TALLY) go -suite client-go -dir $(RESULTS) -- \
		$(GO) -C test/clients/go test -count=1 -timeout 10m $(TESTFLAGS) ./...

.PHONY: test-python
test-python: test-python-1.43 test-python-1.44 ## boto3, both pinned versions

.PHONY: test-python-1.43 test-python-1.44
test-python-1.43 test-python-1.44: test-python-%: clients build/venv-%/.installed ## boto3 of that release
	@$(LAUNCH) -- build/venv-$*/bin/python -m pytest -c test/clients/python/pytest.ini \
		--junitxml=$(RESULTS)/python-$*.xml $(PYTESTFLAGS) test/clients/python

.PHONY: test-cli
test-cli: clients build/venv-1.44/.installed ## the AWS CLI
	@PATH="$(CURDIR)/build/venv-1.44/bin:$$PATH" $(LAUNCH) -- build/venv-1.44/bin/python -m pytest \
		-c test/clients/cli/pytest.ini --junitxml=$(RESULTS)/cli.xml $(PYTESTFLAGS) test/clients/cli

.PHONY: test-js
test-js: clients test/clients/js/node_modules/.installed ## the JavaScript SDK, over HTTP/1.1 and HTTP/2
	@$(LAUNCH) -- node --test \
		--test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter=junit --test-reporter-destination=$(RESULTS)/js.xml test/clients/js/

.PHONY: test-frameworks
test-frameworks: clients build/venv-frameworks/.installed ## agent frameworks of Python, with a script in place of models
	@$(LAUNCH) -script test/clients/frameworks/rules.yaml -- build/venv-frameworks/bin/python -m pytest \
		-c test/clients/frameworks/pytest.ini --junitxml=$(RESULTS)/frameworks.xml $(PYTESTFLAGS) test/clients/frameworks

.PHONY: test-js-frameworks
test-js-frameworks: clients test/clients/js-frameworks/node_modules/.installed ## agent frameworks of JavaScript, with a script in place of models
	@$(LAUNCH) -script test/clients/frameworks/rules.yaml -- node --test \
		--test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter=junit --test-reporter-destination=$(RESULTS)/js-frameworks.xml test/clients/js-frameworks/

.PHONY: test-web
test-web: web/node_modules/.installed ## the logic of the console's pages
	@mkdir -p $(RESULTS)
	@cd web && npx vitest run --reporter=default --reporter=junit --outputFile.junit=$(CURDIR)/$(RESULTS)/web.xml $(VITESTFLAGS)

.PHONY: test-web-lint
test-web-lint: $(TALLY) console ## types, style and size of the console's pages
	@$(TALLY) step -suite web-lint -dir $(RESULTS) -- bash -euc 'cd web; npx tsc --noEmit; npm run --silent lint; npm run --silent size'

.PHONY: test-console
test-console: clients test/console/node_modules/.installed ## the console in a real browser
	@browser=$$(test/console/browser.sh) && OUTCROP_BIN=$(CURDIR)/$(COVERED) OUTCROP_MODELS=$(MODELS) CHROMIUM=$$browser \
		GOCOVERDIR=$(CURDIR)/build/coverage RESULTS=$(CURDIR)/$(RESULTS) node --test --test-concurrency=1 \
		--test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter=junit --test-reporter-destination=$(RESULTS)/console.xml test/console/*.test.mjs

.PHONY: check
check: ## everything that must hold before a commit is pushed: tidy, generate, format, lint, cross-compile, layers, unchanged tree
	@mkdir -p build; $(TREE_STATE) > build/tree-before
	@$(MAKE) check-tidy check-generate check-fmt lint check-layers check-cross
	@$(TREE_STATE) > build/tree-after; \
	if ! diff -u build/tree-before build/tree-after; then echo 'make check changed the tree, see above' >&2; exit 1; fi
	@if [ "$${CI:-}" = true ] && [ -n "$$(git status --porcelain)" ]; then git status --short; echo 'the tree is not clean' >&2; exit 1; fi

TREE_STATE = { git status --porcelain; git diff HEAD | git hash-object --stdin; }
MODULES := . tools test/clients/go

.PHONY: check-tidy
check-tidy: ## go.mod and go.sum are tidy
	@for m in $(MODULES); do $(GO) -C $$m mod tidy -diff || { echo "run go mod tidy in $$m" >&2; exit 1; }; done

.PHONY: check-generate
check-generate: ## generated code and pages are what the generators make
	@$(GENERATOR) -check || { echo 'run make generate' >&2; exit 1; }
	@$(GO) run ./cmd/outcrop config reference | diff -u docs/CONFIGURATION.md - || { echo 'run make generate' >&2; exit 1; }

.PHONY: check-fmt
check-fmt: ## gofmt has nothing to say
	@files=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$files" ]; then echo "$$files"; echo 'run make fmt' >&2; exit 1; fi

.PHONY: check-layers
check-layers: ## packages import only what their layer may
	@$(GO) test -count=1 ./test/layers

.PHONY: check-cross
check-cross: ## the binary builds without cgo for every platform it is released for
	@for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "build $$os/$$arch"; CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -o /dev/null ./cmd/outcrop || exit 1; \
	done; done

.PHONY: lint
lint: ## golangci-lint, all linters
	@$(LINT) run ./...

.PHONY: bench
bench: build setup ## benchmarks, and the figures of the running server
	@mkdir -p build/bench; status=0; \
	OUTCROP_MODELS=$(MODELS) $(GO) test -run '^$$' -bench . -benchmem -timeout 3h ./internal/... | tee build/bench/go.txt || status=1; \
	$(GO) run ./test/bench -bin $(BIN) -models $(MODELS) -figures build/bench/go.txt -peer build/bench/peer -python $(PYTHON) || status=1; \
	exit $$status

.PHONY: bench-console
bench-console: build test/console/node_modules/.installed ## figures of the console in a real browser
	@browser=$$(test/console/browser.sh) && OUTCROP_BIN=$(CURDIR)/$(BIN) CHROMIUM=$$browser node test/console/speed.mjs

##@ Change

.PHONY: screenshots
screenshots: build setup test/console/node_modules/.installed ## take the pictures of docs/CONSOLE.md
	@browser=$$(test/console/browser.sh) && OUTCROP_BIN=$(CURDIR)/$(BIN) OUTCROP_MODELS=$(MODELS) CHROMIUM=$$browser node test/console/screenshots.mjs docs/console

.PHONY: generate
generate: ## generate internal/api from the pinned service models, and the configuration page
	@$(GENERATOR)
	@mkdir -p build; $(GO) run ./cmd/outcrop config reference > build/CONFIGURATION.md
	@mv build/CONFIGURATION.md docs/CONFIGURATION.md

.PHONY: fmt
fmt: ## format the Go files
	@git ls-files -co --exclude-standard '*.go' | xargs gofmt -w

.PHONY: clean
clean: ## remove what was built and installed, but not the fetched models
	@rm -rf bin build/results build/tools build/venv-* web/node_modules internal/console/web/build test/clients/js/node_modules test/clients/js-frameworks/node_modules test/console/node_modules

# What the targets above need.

.PHONY: setup
setup: build
	@$(BIN) setup --models $(MODELS)

# A model server of another project, built once: minutes. Where it cannot be built,
# as without a C++ compiler, there is none, and the tests that ask it are skipped.
.PHONY: foreign
foreign:
	@PYTHON=$(PYTHON) test/foreign/build.sh build/foreign

.PHONY: clients
clients: setup $(TALLY) $(LAUNCHER)
	@mkdir -p $(RESULTS) build/coverage
	@CGO_ENABLED=0 $(GO) build -cover -o $(COVERED) ./cmd/outcrop

.PHONY: $(TALLY) $(LAUNCHER)
$(TALLY) $(LAUNCHER): build/tools/%:
	@mkdir -p $(RESULTS)
	@CGO_ENABLED=0 $(GO) build -o $@ ./test/$*

# The frameworks bring more than a hundred packages, which uv installs in
# seconds.
build/venv-frameworks/.installed: test/clients/frameworks/requirements.txt
	@rm -rf build/venv-frameworks; $(PYTHON) -m venv build/venv-frameworks
	@build/venv-frameworks/bin/python -m pip install --quiet --no-input --disable-pip-version-check uv==0.13.9
	@build/venv-frameworks/bin/uv pip install --quiet --python build/venv-frameworks/bin/python --requirement $<
	@touch $@

build/venv-%/.installed: test/clients/python/requirements-%.txt
	@rm -rf build/venv-$*; $(PYTHON) -m venv build/venv-$*
	@build/venv-$*/bin/python -m pip install --quiet --no-input --disable-pip-version-check --requirement $<
	@touch $@

test/console/node_modules/.installed: test/console/package-lock.json
	@cd test/console && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

test/clients/js/node_modules/.installed test/clients/js-frameworks/node_modules/.installed: test/clients/%/node_modules/.installed: test/clients/%/package-lock.json
	@cd test/clients/$* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
