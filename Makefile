# make lab    opens the course in JupyterLab, on your own copies in work/
# make test   runs every check
# make help   says the rest

PYTHON ?= python3
LESSON ?= 01
SEEDS ?= 20
PORT ?=
# TORCH=cpu takes PyTorch's small CPU build; the default is what this platform's pip gives.
TORCH ?=
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
ifeq ($(TORCH),cpu)
TORCH_INDEX := --extra-index-url https://download.pytorch.org/whl/cpu
endif

# Tests and seeds run one thread per process: two threads on a busy two-core machine are slower than one.
QUIET := OMP_NUM_THREADS=1 COURSE_PROFILE=quick COURSE_PROGRESS=off COURSE_OFFLINE=1

.PHONY: help lab env test lint build run seeds clean

help:           ## say what each target does
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

lab: $(VENV)/lab  ## make the environment and open the course in JupyterLab
	$(BIN)/course lab

env: $(VENV)/lab  ## make the environment (.venv) and stop there

$(VENV)/python:
	$(PYTHON) -c "import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] else 'The course needs Python 3.11 or newer, and this is ' + sys.version.split()[0] + '. Try: make $(MAKECMDGOALS) PYTHON=python3.12')"
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/lab: pyproject.toml constraints.txt | $(VENV)/python
	$(BIN)/pip install --quiet $(TORCH_INDEX) --constraint constraints.txt --editable '.[lab]'
	@touch $@

$(VENV)/test: $(VENV)/lab
	$(BIN)/pip install --quiet $(TORCH_INDEX) --constraint constraints.txt --editable '.[test]'
	@touch $@

build: $(VENV)/lab  ## build the notebooks from notebooks/source
	$(BIN)/course build
