# Everything needs Python 3.10 or newer and make; the rest is installed into .venv here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

.PHONY: demo gallery test test-fast lint mutants clean help

help:
	@echo "make demo      render scenes/flight.yaml with the bundled networks"
	@echo "make gallery   render all scenes and make the README's pictures of them"
	@echo "make test      run the tests"
	@echo "make test-fast run those of the tests that are quick"
	@echo "make mutants   plant small faults in the program and see which of them the tests notice"
	@echo "make lint      run the linters and the type checker"

demo: $(STAMP)
	$(BIN)/animator render scenes/flight.yaml

gallery: $(STAMP)
	$(BIN)/python docs/gallery.py

test: $(DEV_STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

test-fast: $(DEV_STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "not slow"

mutants: $(DEV_STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.mutants

lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "animator needs Python 3.10 or newer; try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(STAMP): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(DEV_STAMP): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(STAMP)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
