# Every target works on a fresh clone with nothing but Python 3.10 or newer: it first makes a
# virtual environment in .venv, which is made again when pyproject.toml or constraints.txt change.
#
#   make test PYTHON=python3.12              another interpreter (after make clean, if .venv exists)
#   make test PYTEST_ARGS="-k patience -x"   arguments for pytest
#   make test WORKERS=0                      one process, as a debugger wants it
#   make demo DEMO_ARGS="--help"             arguments for the demo

PYTHON ?= python3
PIP_FLAGS ?=
PYTEST_ARGS ?=
DEMO_ARGS ?=
BENCH_ARGS ?=
# Tests marked ray have a Ray in each of two processes, and the others run between them. A process that
# dies is not replaced: xdist would give the replacement the test that killed it, again and again.
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CODE := $(wildcard tune_es search_spaces experiments benchmarks tests .ci/pins.py)

# The oldest versions that pyproject.toml allows, without torch, the frameworks around it and other
# packages that are compared: what needs these is left out by name.
OLDEST := .venv-oldest
OLDEST_LEFT_OUT := finetune integrations test_readme.py test_docstrings.py \
  ray/test_best_checkpoint.py ray/test_data_parallel.py ray/test_other_models.py ray/test_trackers.py \
  replay/test_benchmark.py replay/test_finetune_policies.py

.PHONY: help setup test chaos oldest coverage mutants lint format demo bench pins clean

help:
	@echo "make test      run the tests"
	@echo "make chaos     put faults into real sweeps: drivers, nodes and trials die, files are torn"
	@echo "make oldest    run the tests with the oldest Ray, Optuna and the rest that are allowed"
	@echo "make coverage  branch coverage of the core, at least 95 %"
	@echo "make mutants   which wrong criteria the tests notice"
	@echo "make lint      ruff and mypy --strict"
	@echo "make demo      a sweep of 16 trials that stops early and says why"
	@echo "make bench     time one decision, and the judging of recorded curves"
	@echo "make format    let ruff rewrite what it can"
	@echo "make pins      bring constraints.txt up to date with pyproject.toml"
	@echo "make clean     remove the environment and the caches"

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "$(PYTHON) was not found; name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "tune-es needs Python 3.10 or newer, and $(PYTHON) is $$("$(PYTHON)" -V 2>&1);" \
	    "name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install -q $(PIP_FLAGS) -c constraints.txt -e '.[demo,dashboard,report,peers,privacy,dev]'
	@touch $@

test: $(READY)
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup --max-worker-restart=0 \
	  -m "not chaos" $(PYTEST_ARGS)

chaos: $(READY)
	$(BIN)/python -m pytest -q -n0 -m chaos $(PYTEST_ARGS)

$(OLDEST)/.ready: pyproject.toml constraints-oldest.txt
	"$(PYTHON)" -m venv --clear $(OLDEST)
	$(OLDEST)/bin/python -m pip install -q $(PIP_FLAGS) -c constraints-oldest.txt \
	  -e '.[tune,dashboard,report,privacy]' hypothesis playwright pytest pytest-xdist
	@touch $@

oldest: $(OLDEST)/.ready
	$(OLDEST)/bin/python -m pytest -q -n $(WORKERS) --dist loadgroup --max-worker-restart=0 \
	  -m "not chaos" $(OLDEST_LEFT_OUT:%=--ignore tests/%) $(PYTEST_ARGS)

coverage: $(READY)
	HYPOTHESIS_PROFILE=ci $(BIN)/python -m coverage run -m pytest -q -n0 -m "not ray and not chaos" \
	  tests/unit tests/contract tests/promotion tests/oracle tests/properties
	$(BIN)/python -m coverage report

mutants: $(READY)
	$(BIN)/python -m pip install -q $(PIP_FLAGS) 'mutmut==3.8.1'
	$(BIN)/python -m experiments.mutation --found mutants.jsonl

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy $(CODE)

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: $(READY)
	$(BIN)/python -m experiments.demo $(DEMO_ARGS)

bench: $(READY)
	$(BIN)/python -m benchmarks.decision $(BENCH_ARGS)
	$(BIN)/python -m benchmarks.replay

pins: $(READY)
	$(BIN)/python -m pip install -q uv
	$(BIN)/python .ci/pins.py

clean:
	rm -rf $(VENV) $(OLDEST) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage htmlcov build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
