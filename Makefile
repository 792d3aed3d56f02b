# One command each, the same on a laptop and in CI. Needs Python 3.11 to 3.13 and make, nothing else.
PYTHON ?= python3
# Two workers, a file of tests on one of them, in the order of collection (the longest first).
PARALLEL ?= -n 2 --dist loadfile --no-loadscope-reorder
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.holdfast-ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-full check format bench package lock clean

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(STAMP) ## virtual environment, packages, Azurite

$(STAMP): requirements.txt requirements-dev.txt pyproject.toml tests/localrun/azurite/package-lock.json
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@echo "installing packages (about a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(BIN)/python -m tests.localrun.setup_azurite
	@touch $(STAMP)

demo: setup ## back up a tenant, break it, bring it back through the queues
	@$(BIN)/holdfast demo

test: setup ## everything fast (five to seven minutes on two cores)
	$(BIN)/python -m pytest -q -m "not full" $(PARALLEL)

test-full: setup ## the long proofs, too
	@$(BIN)/python -m tests.localrun.setup_platform
	@$(BIN)/python -m tests.localrun.setup_browser
	$(BIN)/python -m pytest -q --hypothesis-profile thorough $(PARALLEL)

check: setup ## format, lint, strict types, import arrows, the deployment's templates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -m "not full" tests/architecture tests/infra
	$(BIN)/python -m pytest -q tests/infra/test_second_parser.py

format: setup ## let ruff rewrite
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## speed and memory as ratios in one run
	$(BIN)/python -m tests.performance

package: setup ## the zip for Flex Consumption, its bill of materials and its digest
	@$(BIN)/python -m infra.package

lock: setup ## pin requirements*.txt anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --no-annotate --no-header -q -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 -c requirements.txt \
		--no-annotate --no-header -q -o requirements-dev.all
	grep -vxFf requirements.txt requirements-dev.all > requirements-dev.txt
	rm requirements-dev.all

clean: ## everything that was made here
	rm -rf $(VENV) .build .holdfast .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
