# Pendler. `make help` tells what there is.
PYTHON ?= python3
BIN := .venv/bin
export PENDLER_PORT ?= 8000

.DEFAULT_GOAL := help

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready ## Make .venv from requirements.lock

run: setup ## Run the exchange on this machine, with demonstration vacancies
	@exec $(BIN)/pendler run

engines: setup ## Start Kafka, Elasticsearch and a stand-in for MongoDB (Java 17 and Maven)
	@for engine in kafka mongodb elasticsearch; do deploy/engines/$$engine.sh start; done

run-cluster: setup ## Run the exchange on those engines: four workers, one web process, the same demonstration
	@$(BIN)/python -m deploy.cluster start

stop: ## Stop what `make run-cluster` and `make engines` started
	@$(BIN)/python -m deploy.cluster stop

test: setup ## All tests; starts a Kafka broker of its own where Java and Maven are there
	@$(BIN)/python -m pytest -n 3 --no-loadscope-reorder

test-browser: setup ## The pages in a real browser: journeys, keyboard, axe, 320 pixels, hostile markup (needs Chromium)
	@$(BIN)/python -m pytest -m browser tests/browser

check: setup ## The static checks: format, lint, types, import rules, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m deploy.reference --check

schemas: setup ## Write the generated schemas and reference pages anew
	$(BIN)/python -m deploy.reference

bench: setup ## Measure; one JSON object a line
	@$(BIN)/python -m bench

soak: setup ## The slow tests, engines and services broken at random for half an hour, drills of two hours; says what was lost
	@$(BIN)/python -m pytest -m soak
	@$(BIN)/pendler chaos --minutes 30
	@$(BIN)/python -m bench away stopped scaled endurance

shots: setup ## Pictures of the pages at three widths, light and dark, in seven languages, into var/shots (needs Chromium)
	@$(BIN)/python -m bench.shots

eval: setup ## How right the ESCO codes are, on the benchmarks beside the checkout; writes var/eval.json
	@mkdir -p var && $(BIN)/python -m bench.esco --out var/eval.json

lock: ## Resolve the newest versions into requirements.lock (needs uv)
	uv pip compile -q --universal --upgrade --generate-hashes --no-emit-index-url --no-header \
		--extra dev --python-version 3.11 pyproject.toml -o requirements.lock

clean: ## Remove .venv, caches and downloaded engines; never var/
	rm -rf .venv .engines .pytest_cache .mypy_cache .ruff_cache .import_linter_cache tests/.cache

.venv/ready: requirements.lock pyproject.toml
	@echo "Installing into .venv (once)" >&2
	@if command -v uv >/dev/null 2>&1; then \
		uv venv -q --clear --python $(PYTHON) .venv \
		&& uv pip install -q --python $(BIN)/python --require-hashes -r requirements.lock \
		&& uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
		$(PYTHON) -m venv --clear .venv \
		&& $(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock \
		&& $(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
	@touch $@

.PHONY: help setup run engines run-cluster stop test test-browser check schemas bench shots eval soak lock clean
