# One virtual environment for everything, rebuilt when pyproject.toml changes.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp-$(shell cksum < pyproject.toml | cut -d' ' -f1)
# TORCH_INDEX=<address of PyTorch's CPU wheels> installs torch without the CUDA libraries.
TORCH_INDEX ?=
# Tests that run at a time.
PROCESSES ?= $(shell n=$$(nproc); echo $$((n > 8 ? 8 : n)))
NEEDED_GB ?= $(if $(TORCH_INDEX),4,12)

.PHONY: demo up test chaos fast screenshots lint types catalogue pages bench clean install
.DEFAULT_GOAL := help

help: ## what there is to run
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: $(STAMP) ## distil a student on this machine, end to end, into demo-output/
	$(BIN)/distill demo --output demo-output

up: $(STAMP) ## start the whole service on this machine and leave it running
	$(BIN)/distill up

# Tests of leases and of pages have clocks of their own: two at a time, so that no machine is too busy for them.
test: $(STAMP) ## every test that this machine can run
	$(BIN)/pytest -m "not gpu" -n $(PROCESSES) --dist worksteal --ignore tests/worker --ignore tests/browser
	$(BIN)/pytest -m "not gpu" -n 2 --dist loadfile tests/worker tests/browser

fast: $(STAMP) ## the tests that take less than two minutes together
	$(BIN)/pytest -m "not gpu and not slow and not servers and not browser"

chaos: $(STAMP) ## minutes of faults on a whole service, and what it lost (CHAOS="--seed 7 --seconds 60")
	PYTHONPATH=$(CURDIR):tests/support $(BIN)/python tests/support/chaos.py $(CHAOS)

screenshots: $(STAMP) ## take the pictures of docs/images anew
	PYTHONPATH=$(CURDIR):tests/support $(BIN)/python tests/support/screenshots.py

lint: $(STAMP) ## ruff
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

catalogue: $(STAMP) ## regenerate kdcore/spec/catalogues from the networks themselves
	$(BIN)/python -m kdcore.models.catalogue

pages: $(STAMP) ## rewrite docs/methods from the table of methods, docs/studies from their results
	$(BIN)/python -m kdcore.spec.pages docs/methods
	$(BIN)/python -m kdcore.spec.studies.pages docs/studies

install: $(STAMP) ## only make the virtual environment

$(STAMP): pyproject.toml
	@$(PYTHON) .ci/preflight.py --needed-gb $(NEEDED_GB) --venv $(VENV)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@if [ -n "$(TORCH_INDEX)" ]; then $(BIN)/python -m pip install --quiet torch torchvision --index-url "$(TORCH_INDEX)"; fi
	@echo "Installing (PyTorch is large: one to five minutes) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@rm -f $(VENV)/.stamp-* && touch $@

clean: ## remove the virtual environment and what the demo left
	rm -rf $(VENV) demo-output
