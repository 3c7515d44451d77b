.DEFAULT_GOAL := help
.PHONY: help setup demo test chaos lint audit format bench docs engines console api-types screenshots

trainshed := .venv/bin/trainshed

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with everything that the lock file names
	@sh scripts/setup.sh

demo: setup ## Train a small network on handwritten digits, the whole way
	@.venv/bin/python scripts/demo.py

test: setup ## Run the whole test suite
	@sh scripts/test.sh

chaos: setup ## Play long storms of faults, and audit that nothing is lost (MINUTES=10)
	@sh scripts/test_deps.sh && sh scripts/setup-postgresql.sh
	@.venv/bin/python -m tests.chaos --minutes $(or $(MINUTES),10)

lint: setup ## Check style, types and the layers of the house
	@sh scripts/lint.sh

audit: setup ## Look for known faults in dependencies; says what could not be checked
	@sh scripts/audit.sh

format: setup ## Format the code
	@.venv/bin/ruff check --fix --quiet .
	@.venv/bin/ruff format .

bench: setup ## Run the benchmarks and write their numbers into the README
	@sh scripts/bench.sh

docs: setup ## Build the documentation into site/
	@.venv/bin/python scripts/cli_reference.py
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict

engines: setup ## Build the environments of the engines that this machine can run
	@.venv/bin/python scripts/build_engines.py

console: setup ## Build the console into the package
	@.venv/bin/python hatch_build.py

api-types: console ## Write the console's API types anew from the present API
	@.venv/bin/python scripts/openapi.py
	@cd web && npm run --silent types

screenshots: setup ## Take the pictures of the console that the documentation shows
	@PYTHONPATH=. .venv/bin/python scripts/console_screenshots.py
