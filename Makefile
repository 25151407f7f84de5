# Seatrial. `make demo` shows it, `make test` proves it; each sets up what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
PY := $(VENV)/bin/python
NAME ?= lab
export PYTHONPATH := operator:.
# What stands on make's own command line. A CONTEXT or KUBECONFIG that the shell happens to export chooses no cluster.
given = $(if $(findstring command,$(origin $(1))),$($(1)))
option = $(if $(call given,$(1)),--$(2) '$(call given,$(1))')

.PHONY: help
help: ## this list
	@awk 'BEGIN{FS=":.*## "} /^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(PY):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; install it, or set PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -q >/dev/null && apt-get install -y -q python3-venv >/dev/null; } || { echo "the venv module is missing: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: pyproject.toml | $(PY)
	@echo "· installing the Python packages into $(VENV)"
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) # left half made by an interrupt
	@$(PY) -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready ## the virtual environment with everything the tests need

# $(call prepare,RUN) says what `make RUN` does and how long that takes. Then it compiles what a lab needs and builds
# the images while pip installs; none of that needs the Python packages.
define prepare
@test -z "$(PYTHON)" || $(PYTHON) -m tests.cluster expect $(1)
@$(MAKE) -s --no-print-directory $(PY)
@$(MAKE) -s --no-print-directory -j3 RUN=$(1) setup programs $(if $(filter 0,$(shell id -u)),container-images)
endef
RUN ?= test
.PHONY: programs container-images
programs: | $(PY)
	@$(PY) -m tests.cluster programs $(RUN)
container-images: | $(PY)
	@$(PY) -m tests.cluster images $(RUN) >/dev/null

.PHONY: lint
lint: setup ## lint, types, layers
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

.PHONY: check
check: setup ## lint, types, layers, unit tests side by side: before every commit
	@$(PY) -m tests.run check

.PHONY: test
test: ## everything, on the lab's control planes and node; KUBECONFIG=file: on your control plane instead
	$(call prepare,test)
	@$(TEST_CLUSTER) $(PY) -m tests.run test
TEST_CLUSTER = env -u KUBECONFIG $(if $(call given,KUBECONFIG),SEATRIAL_TEST_KUBECONFIG='$(call given,KUBECONFIG)')

DEMO_CLUSTER_GIVEN = $(call given,CONTEXT)$(call given,KUBECONFIG)
.PHONY: demo demo-down
demo: $(if $(DEMO_CLUSTER_GIVEN),setup) ## the story of four models, on a node that the lab starts; CONTEXT=… REGISTRY=…: on your cluster
	$(if $(DEMO_CLUSTER_GIVEN),,$(call prepare,demo))
	@$(PY) -m tests.demo $(DEMO_CLUSTER) $(call option,REGISTRY,registry) $(call option,PULL_REGISTRY,pull-registry) \
	  $(call option,REGISTRY_CA,registry-ca) $(if $(call given,PLAIN_HTTP),--plain-http)
demo-down: setup ## remove what the demo has made on your cluster: CONTEXT=…
	$(PY) -m tests.demo --down $(DEMO_CLUSTER)
DEMO_CLUSTER = $(call option,CONTEXT,context) $(call option,KUBECONFIG,kubeconfig)

.PHONY: lab-up lab-down lab-status lab-exec
lab-up: setup ## a real cluster without Docker: the control plane, or NODE=1 for a whole node
	$(PY) -m tests.cluster up --name $(NAME) $(if $(NODE),--flavour node)
lab-down: setup ## end it and leave nothing behind
	$(PY) -m tests.cluster down --name $(NAME)
lab-status: setup ## export KUBECONFIG=… and what runs
	@$(PY) -m tests.cluster status --name $(NAME)
lab-exec: setup ## run CMD="…" inside it
	@$(PY) -m tests.cluster exec --name $(NAME) -- $(CMD)

.PHONY: images
images: | $(PY) ## the runtime and operator images as OCI archives in the cache
	$(PY) -m tests.cluster images

.PHONY: generate
generate: setup ## write the generated files: CRDs, field reference, diagram
	$(PY) -m seatrial.codegen.generate
	$(PY) -m seatrial.codegen.diagram --write README.md

.PHONY: verify
verify: generate ## fail when a generated file was out of date
	git diff --exit-code -- crds charts README.md

.PHONY: bench
bench: setup ## the figures of the README
	$(PY) -m tests.bench
