# The two commands of the README: `make` compiles the environments, `make test` passes the tests.
# Both set up all that they need in .venv; they expect python3, git, make and node, the tests also go.

PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null || echo $(CURDIR)/$(BIN)/uv)
SERVICES := $(sort $(dir $(wildcard python_apps/*/pyproject.toml)))

.PHONY: all setup check services test test-engine update bench bench-migrate soak
.DEFAULT_GOAL := all

all: setup
	@$(BIN)/gen
	@$(MAKE) --no-print-directory hint

setup: .venv/.locked .venv/.templates

# The environment follows its lock: an edit of either file makes it anew.
.venv/.locked: pyproject.toml uv.lock Makefile
	@missing=; for tool in $(PYTHON) git node npm; do command -v $$tool >/dev/null 2>&1 || missing="$$missing $$tool"; done; \
	  if [ -n "$$missing" ]; then echo "make: not found:$$missing; install it and run make again" >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is older than 3.11; run: make PYTHON=python3.12" >&2; exit 1; }
	@command -v uv >/dev/null 2>&1 || [ -x $(BIN)/uv ] || \
	  { echo "make: putting uv $(UV_VERSION) into .venv"; $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); }
	@echo "make: setting up .venv from uv.lock"
	@$(UV) sync --frozen --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"
	@touch $@

# A run finds its templates compiled; one that was edited since is compiled by the run itself.
.venv/.templates: .venv/.locked compiler/emit/template.py compiler/emit/bare.py $(wildcard genmigrate/*.py) $(shell find templates -name '*.j2')
	@$(BIN)/python -c 'from compiler.emit.bare import precompile; precompile()'
	@touch $@

.PHONY: hint
hint:
	@command -v uv >/dev/null 2>&1 || echo 'uv is in .venv; to use it in this shell: export PATH="$(CURDIR)/.venv/bin:$$PATH"'

check: setup
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Each service has its own environment and its own tests.
services: setup
	@for service in $(SERVICES); do \
	  echo "make: testing $$service"; \
	  (cd $$service && env -u VIRTUAL_ENV $(UV) run --frozen --quiet pytest --quiet) || exit 1; \
	done

.PHONY: go
go:
	@command -v go >/dev/null 2>&1 || { echo "make: not found: go; install 1.26 or newer, it builds the linters of gen lint and the tests' runner of workflows" >&2; exit 1; }

test: go check services
	@$(BIN)/gen --check
	@$(BIN)/pytest --ignore=tests/engine -m "not minutes" --numprocesses=2 --dist=loadfile
	@$(MAKE) --no-print-directory hint

test-engine: go setup
	@docker info >/dev/null 2>&1 || { echo "make test-engine: no Docker engine answers; start one (on Debian as root: tests/engine/machine/up.sh)" >&2; exit 1; }
	@$(BIN)/pytest tests/runner tests/workflows -m minutes --numprocesses=2 --dist=loadfile
	@$(BIN)/pytest tests/engine

update: setup
	@$(BIN)/gen
	@$(BIN)/gen schema
	@$(BIN)/pytest --ignore=tests/engine --ignore=tests/native --ignore=tests/runner --ignore=tests/workflows --update

bench: setup
	@$(BIN)/python -m bench.compile

bench-migrate: setup
	@$(BIN)/python -m bench.migrate

MINUTES ?= 10
soak: setup
	@$(BIN)/python -m bench.soak --minutes $(MINUTES)
