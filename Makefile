# Needs Python 3.11 or later and make; everything else goes into .venv, pinned by constraints.txt.
# One environment, two stamps: `demo` installs only what the demonstration uses, the rest adds the tools.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PINNED := -c constraints.txt
DEMO_READY := $(VENV)/.ready-demo
DEV_READY := $(VENV)/.ready-dev
PEERS_READY := $(VENV)/peers/.ready
WORKERS ?= 2
SETUP := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test browser lint docs bench zoo gallery changelog clean distclean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: $(DEMO_READY)  ## both halves of Clinometer at work, written to clinometer-demo/
	$(BIN)/clinometer demo --out clinometer-demo

test: $(DEV_READY)  ## all tests, with the examples in docstrings and documentation
	$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

browser: $(DEV_READY)  ## tests of the HTML report in Debian's Chromium, installed where that is possible
	.ci/browser
	$(BIN)/python -m pytest tests/browser $(PYTEST_ARGS)

lint: $(DEV_READY)  ## ruff, mypy --strict, and the directions in which modules may import
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: $(DEV_READY)  ## regenerate the reference pages and build the site; any warning fails
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build -q -E -W --keep-going -n -b html docs docs/_build/html
	$(BIN)/python -m pytest tests/test_docs_examples.py tests/test_docs_up_to_date.py tests/test_docs_gallery.py
	@echo "documentation: docs/_build/html/index.html"

bench: $(PEERS_READY)  ## start-up time, overhead and confidence, beside other tools; about 12 minutes
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/confidence.py
	$(BIN)/python -m benchmarks.overhead --seconds 40 --settle 12 --repeats 1 --openings 5 $(BENCH_ARGS)

zoo: $(DEV_READY)  ## how often the diagnosis is right, on scripts whose fault is known; some 40 minutes on two cores
	$(BIN)/python -m benchmarks.zoo --markdown docs/zoo.md --rates src/clinometer/diagnosis/rates.json $(ZOO_ARGS)
	$(BIN)/python docs/generate.py

gallery: $(DEV_READY)  ## check every entry of the gallery and every how-to by running it; some ten minutes
	$(BIN)/python -m pytest -n $(WORKERS) -m gallery tests/test_docs_gallery.py

changelog: $(DEV_READY)  ## show the next release's news as it stands
	$(BIN)/towncrier build --draft --version next

clean:  ## remove what was built; the environment stays
	rm -rf docs/_build build dist clinometer-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests docs benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## remove the environment as well
	rm -rf $(VENV) src/clinometer.egg-info

# An order-only step: the folder's own time stamp must not trigger a new installation.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "Clinometer needs Python 3.11 or later; %s is %d.%d. Try: make PYTHON=python3.11" % (sys.executable, v[0], v[1]))'
	$(PYTHON) -m venv $(VENV)

# The build back end is installed first and reused, so that it is pinned as well.
$(DEMO_READY): $(SETUP) | $(BIN)/python
	$(BIN)/python -m pip install --quiet $(PINNED) setuptools
	$(BIN)/python -m pip install --quiet $(PINNED) --no-build-isolation --editable '.[demo]'
	@touch $@

$(DEV_READY): $(SETUP) | $(BIN)/python
	$(BIN)/python -m pip install --quiet $(PINNED) setuptools
	$(BIN)/python -m pip install --quiet $(PINNED) --no-build-isolation --editable '.[demo,dev,docs]'
	@touch $(DEMO_READY) $@

# The tools that the benchmark compares with: beside the environment, which they must not change.
$(PEERS_READY): benchmarks/overhead/peers.txt $(DEV_READY)
	rm -rf $(VENV)/peers
	$(BIN)/python -m pip install --quiet --no-deps --target $(VENV)/peers --requirement $<
	@touch $@
