# Needs Python 3.11 to 3.13 (with venv), make and git. Everything else is installed into .venv.
# Choose another interpreter with: make PYTHON=/path/to/python3.12 …

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo test coverage up down env connect bench benchmarks webhooks proof chaos mutation lint audit format lock clean browser compose-test

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed.lock
export PYTHONPATH := $(CURDIR)

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: up ## start the stack, load realistic data, sync until both ledgers agree
	@$(BIN)/python -m include.stack run $(BIN)/python -m include.demo

# The long modules are few tests each: in the order of their names they do not all come last.
test: $(INSTALLED) browser ## run the whole test suite
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

coverage: $(INSTALLED) browser ## run the suite and list the lines that it does not run: TESTS=… for a part of it
	@mkdir -p .local/coverage && $(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder $(TESTS); failed=$$?; \
		$(BIN)/coverage combine --quiet; $(BIN)/coverage report; exit $$failed

# Debian's Chromium, for the tests of the QuickBooks Online page. Without it they are skipped.
browser:
	@if [ ! -x /usr/bin/chromium ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing Chromium for the tests of the page …"; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
				chromium fonts-noto-color-emoji; } >/dev/null 2>&1 \
				|| echo "It could not be installed: the tests in a browser are skipped"; \
		else \
			echo "No /usr/bin/chromium: the tests in a browser are skipped. With it: sudo apt-get install chromium"; \
		fi; \
	fi 1>&2

up: $(INSTALLED) ## start PostgreSQL, the QuickBooks sandbox and Airflow
	@$(BIN)/python -m include.stack up

down: ## stop all of it
	@if [ -x $(BIN)/python ] && [ -d .local ]; then $(BIN)/python -m include.stack down; fi

env: $(INSTALLED) ## print the addresses of the running stack as shell exports
	@$(BIN)/python -m include.stack env

connect: $(INSTALLED) ## connect a billing lab: BILLING_LAB=… REALM=… REFRESH_TOKEN=…
	@$(BIN)/python -m include.stack run $(BIN)/python -m include.orchestration.connect

bench: $(if $(QUICK),$(INSTALLED),up) ## run the benchmarks and print their tables: QUICK=1 for three minutes of it
ifdef QUICK
	@$(BIN)/python -m tests.bench quick
else
	@$(BIN)/python -m include.stack run $(BIN)/python -m tests.bench
endif

benchmarks: $(INSTALLED) ## measure what docs/benchmarks.md shows, and draw its pictures: an hour
	@$(BIN)/python -m tests.bench.report

webhooks: $(INSTALLED) ## 10,000 webhooks in a minute, repeated, out of order and forged, and what came of them
	@$(BIN)/python -m tests.bench.webhooks

proof: $(INSTALLED) ## run the long proofs too (five kill -9 in 1,000 invoices …)
	@$(BIN)/python -m pytest -m long --timeout=1200 --numprocesses 2 --dist load --maxschedchunk 1

chaos: MINUTES ?= 30
chaos: $(INSTALLED) ## deaths after each effect, 3,000 histories in storms, MINUTES=30 of every fault on a real stack
	@$(BIN)/python -m pytest -m chaos --timeout=1200 --numprocesses 2 --dist load --maxschedchunk 1 tests/ledgers
	@$(BIN)/python -m tests.chaos weather 10 $(SEED)
	@$(BIN)/python -m tests.chaos $(MINUTES) $(SEED)

# What survived: `.venv/bin/mutmut show NAME`.
mutation: $(INSTALLED) ## change the rules one place at a time: does a test notice? Half an hour; SAMPLE=40 of the rest
ifdef SAMPLE
	@$(BIN)/python -m tests.mutation $(SAMPLE) $(SEED)
else
	@rm -rf mutants && $(BIN)/mutmut run --max-children 2
	@$(BIN)/mutmut results && $(BIN)/mutmut export-cicd-stats && cat mutants/mutmut-cicd-stats.json
endif

compose-test: $(INSTALLED) ## run docker-compose.yaml for real, break it, compare the ledgers: PROFILE=celery for many workers
	@$(BIN)/python -m tests.compose $(or $(PROFILE),default)

lint: $(INSTALLED) ## check format, style, types, import rules, and for insecure code
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive include dags plugins config

# A mirror of PyPI may not have its list of vulnerabilities: --strict fails then, instead of finding nothing.
audit: $(INSTALLED) ## look the locked packages up in PyPI's list of known vulnerabilities
	@$(BIN)/pip-audit --strict --progress-spinner off --disable-pip --require-hashes --requirement requirements.lock || { \
		echo "Not passed: a package has a known vulnerability (listed above); or, if it says \"could not be audited\" or" \
			"\"Max retries\", the data cannot be had from here, and nothing is known about the packages" >&2; exit 1; }

format: $(INSTALLED) ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(INSTALLED) ## resolve requirements.txt into requirements.lock, for Python 3.11 to 3.13
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command 'make lock' --output-file requirements.lock requirements.txt

clean: down ## stop the stack, remove its data and secrets
	@rm -rf .local

# The environment is made again only when one of these changed: a copy of what it was made from lies in it.
INSTALLS := requirements.lock provider/pyproject.toml
ifneq ($(shell cat $(INSTALLS) | cmp -s - $(INSTALLED) && echo same),same)
.PHONY: $(INSTALLED)
endif
UV := $(shell sed -n 's/^\(uv==[0-9.]*\).*/\1/p' requirements.txt)
SUPPORTED := import ensurepip, ssl, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
$(INSTALLED):
	@{ set -euo pipefail; begun=$$SECONDS; \
	if ! $(BIN)/python -c '$(SUPPORTED)' 2>/dev/null; then \
		found=; \
		for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
			if "$$python" -c '$(SUPPORTED)' 2>/dev/null; then found=$$python; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "This needs Python 3.11, 3.12 or 3.13 with its venv module, and found none" \
				"$(if $(PYTHON),in $(PYTHON),on the PATH). Choose one: make PYTHON=/path/to/python3.12 up"; \
			exit 1; \
		fi; \
		rm -rf $(VENV); "$$found" -m venv $(VENV); \
	fi; \
	echo "Installing the pinned requirements into $(VENV) ($$($(BIN)/python --version)) …"; \
	if ! $(BIN)/uv --version 2>/dev/null | grep -qF "$(subst uv==,uv ,$(UV))"; then \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(UV)"; \
	fi; \
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --system-certs --python $(BIN)/python \
		requirements.lock || { \
		echo "uv could not do it, pip tries: it reads pip's own configuration (index, certificates) and is slower"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
			-r requirements.lock; }; \
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python \
		--editable ./provider; \
	cat $(INSTALLS) > $(INSTALLED); \
	echo "Installed in $$((SECONDS - begun)) s"; } 1>&2
