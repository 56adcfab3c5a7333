# Everything needs Python 3.10 or newer and make; the rest is installed into .venv here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

# Where torch comes from, if not from PyPI: with https://download.pytorch.org/whl/cpu it has no CUDA.
TORCH_INDEX ?=

PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

.PHONY: demo gallery test test-fast test-all lint mutants docs release clean help

help:
	@echo "make demo      render scenes/flight.yaml with the bundled networks"
	@echo "make docs      build the pages of docs/ as a site, into site/"
	@echo "make release   run the tests, then build and check the wheel and the source archive, into dist/"
	@echo "make gallery   render all scenes and make the README's pictures of them"
	@echo "make test      run the tests, but for those that take long"
	@echo "make test-fast run those of the tests that are quick"
	@echo "make test-all  run every test"
	@echo "make mutants   plant small faults in the program and see which of them the tests notice"
	@echo "make lint      run the linters and the type checker"

demo: $(STAMP)
	$(BIN)/animator render scenes/flight.yaml
	@echo
	@echo "That film was made from scenes/flight.yaml. What to type next:"
	@echo "    $(BIN)/animator render scenes/gate.yaml --draft"
	@echo "    $(BIN)/animator preview scenes/turbo.yaml"
	@echo "    $(BIN)/animator --help"
	@echo "The first makes another film, small and quick; the second shows only the motion of one, in seconds."

gallery: $(STAMP)
	$(BIN)/python -m docs.gallery

test: $(DEV_STAMP)
	$(PYTEST) -m "not long"

test-fast: $(DEV_STAMP)
	$(PYTEST) -m "not slow"

test-all: $(DEV_STAMP)
	$(PYTEST)

mutants: $(DEV_STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.mutants

lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(DEV_STAMP)
	$(BIN)/mkdocs build --strict

# Tests, then the wheel and the source archive; nothing is uploaded.
release: $(DEV_STAMP)
	@test -z "$$(git status --porcelain)" || { echo "commit or remove what git status names first"; exit 1; }
	$(MAKE) test-all lint
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m twine check --strict dist/*
	@echo "dist/ is ready. Upload it with: $(BIN)/python -m twine upload dist/*"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "animator needs Python 3.10 or newer; try: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up $(VENV), some minutes. On Linux it takes 6.4 GB, of which 4.1 GB are what an NVIDIA card needs."
	@echo "Without such a card: stop here (Ctrl-C) and give the same command with"
	@echo "    TORCH_INDEX=https://download.pytorch.org/whl/cpu"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	test -z "$(TORCH_INDEX)" || $(BIN)/python -m pip install torch torchvision --index-url "$(TORCH_INDEX)"

$(STAMP): pyproject.toml setup.py | $(BIN)/python
	$(BIN)/python -m pip install --editable .
	@touch $@

$(DEV_STAMP): pyproject.toml setup.py | $(BIN)/python
	$(BIN)/python -m pip install --editable '.[dev]'
	@touch $@ $(STAMP)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
