# make lab    opens the course in JupyterLab, on your own copies in work/
# make test   runs every check
# make help   says the rest

PYTHON ?= python3
LESSON ?= 01
SEEDS ?= 20
# make hiv-table FULL=1 makes the whole table: both protocols, three fold seeds each.
FULL ?=
# TORCH=cpu takes PyTorch's small CPU build; the default is what this platform's pip gives.
TORCH ?=
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
ifeq ($(TORCH),cpu)
TORCH_INDEX := --extra-index-url https://download.pytorch.org/whl/cpu
endif

# One thread per process: two threads on a busy two-core machine are slower than one.
CALM := OMP_NUM_THREADS=1 COURSE_PROFILE=quick COURSE_PROGRESS=off COURSE_OFFLINE=1 \
        COURSE_STATE=$(CURDIR)/build/progress-of-tests.json
NBVAL := tests/guards/run_notebooks $(abspath $(BIN))/python
# Two servers and two browsers share the lessons: quicker where there are more than two cores, as quick on two.
# -rs gives the reason where there is no browser to drive.
BROWSER := $(BIN)/pytest -rs -n 2 --dist loadgroup tests/browser

# What the benchmarks compare with lives apart from what the course needs.
BENCH := build/bench-venv
BENCH_PYTHON := $(BENCH)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)/python

# Colab's versions, beside which the course's library is installed as its set-up cell does it.
COLAB := build/colab-venv
COLAB_PYTHON := $(abspath $(COLAB)/bin/python)

.PHONY: book colab-check help lab env test lint browser browser-ten build run seeds bench bench-gpu kills hiv-table mnist-bags omniglot clean

help:           ## say what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

lab: $(VENV)/lab  ## make the environment and open the course in JupyterLab
	$(BIN)/course lab

env: $(VENV)/lab  ## make the environment (.venv) and stop there

test: $(VENV)/test lint  ## run every check: style, build, library, exercises, all notebooks, the browser
	$(CALM) $(BIN)/pytest -n auto --maxprocesses 4 tests --ignore tests/browser
	$(CALM) COURSE_STRICT=1 $(NBVAL) notebooks/solutions  # claims hold, solutions are correct
	$(CALM) $(NBVAL) notebooks --ignore notebooks/solutions  # untouched blanks stop nothing
	$(CALM) $(BROWSER)

browser: $(VENV)/test  ## use every lesson in JupyterLab as a student does; screenshots in build/browser/
	$(CALM) $(BROWSER)

browser-ten: $(VENV)/test  ## the same ten times over, to see that it never fails by chance (two hours; goes on where it stopped)
	$(CALM) $(BIN)/python -m benchmarks.browser

lint: $(VENV)/test  ## check the style, and that the built notebooks match their sources
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/course build --check

build: $(VENV)/lab  ## build the notebooks from notebooks/source
	$(BIN)/course build

run: $(VENV)/lab  ## run a lesson without a browser, e.g. make run LESSON=01; results in build/
	$(BIN)/course run $(LESSON)

seeds: $(VENV)/lab  ## run a lesson over many seeds and record how often its claims held (LESSON=01 SEEDS=20)
	$(CALM) COURSE_OFFLINE= $(BIN)/course run $(LESSON) --seeds $(SEEDS) --record

bench: $(BENCH)/ready  ## time fit against other loops, an hour on two idle cores; goes on where it stopped
	$(CALM) $(BENCH_PYTHON) -m benchmarks.training

bench-gpu: $(BENCH)/ready  ## time fit on a CUDA GPU against the best hand-tuned loop
	$(CALM) $(BENCH_PYTHON) -m benchmarks.training --gpu

mnist-bags: $(VENV)/lab  ## train five poolings on bags of MNIST digits (an hour)
	$(CALM) COURSE_OFFLINE= $(BIN)/python -m benchmarks.mnist_bags

kills: $(BENCH)/ready  ## kill fit 50 times, start it again, and compare bit for bit
	$(CALM) $(BENCH_PYTHON) -m benchmarks.kills

hiv-table: $(VENV)/lab  ## make the published HIV table again, half an hour on two cores (FULL=1: hours)
	$(CALM) COURSE_OFFLINE= $(BIN)/python -m benchmarks.hiv_table $(if $(FULL),--full)

omniglot: $(VENV)/lab  ## ask distances and networks about Omniglot's one-shot runs (minutes)
	$(CALM) COURSE_OFFLINE= $(BIN)/python -m benchmarks.omniglot

colab-check: $(VENV)/test $(COLAB)/ready  ## the set-up cell and every solution under Colab's versions
	$(BIN)/python tests/colab/check_set_up.py $(COLAB_PYTHON)
	$(CALM) COURSE_STRICT=1 COLAB_RELEASE_TAG=stand-in tests/guards/run_notebooks $(COLAB_PYTHON) notebooks/solutions

book: $(VENV)/book  ## run every lesson and make a site of the course, in build/book/html
	$(CALM) $(BIN)/course book

clean:  ## remove what was built here, but never your copies in work/
	rm -rf build dist $(VENV)

$(VENV)/python:
	@$(PYTHON) -c "import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v else 'The course needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Try: make $(MAKECMDGOALS) PYTHON=python3.12' % v)"
	$(PYTHON) -m venv $(VENV)
	@touch $@

# A stamp says what stands in the environment; a changed pyproject.toml or constraints.txt installs again.
$(VENV)/lab: pyproject.toml constraints.txt | $(VENV)/python
	$(BIN)/pip install --quiet $(TORCH_INDEX) --constraint constraints.txt --editable '.[lab]'
	@touch $@

$(VENV)/test: $(VENV)/lab
	$(BIN)/pip install --quiet $(TORCH_INDEX) --constraint constraints.txt --editable '.[test]'
	@touch $@

$(VENV)/book: $(VENV)/lab
	$(BIN)/pip install --quiet $(TORCH_INDEX) --constraint constraints.txt --editable '.[book]'
	@touch $@

$(COLAB)/ready: tests/colab/constraints.txt
	$(PYTHON) -m venv --clear $(COLAB)
	$(COLAB_PYTHON) -m pip install --quiet $(TORCH_INDEX) --requirement tests/colab/constraints.txt nbval pytest-socket pytest-xdist
	$(COLAB_PYTHON) -c "import pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), 'stand_in.pth').write_text('$(abspath tests/colab/stand_in)')"
	@touch $@

$(BENCH)/ready: benchmarks/constraints.txt
	$(PYTHON) -m venv --clear $(BENCH)
	$(BENCH_PYTHON) -m pip install --quiet $(TORCH_INDEX) --requirement benchmarks/constraints.txt
	@touch $@
