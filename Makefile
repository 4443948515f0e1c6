# hearlog: `make demo` runs the pipeline on the embedded data set, `make test` the tests. Both set everything up.

VENV := .venv
PEERS := .venv-peers
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Stages at once, and the GPUs they are given in turn: make jobs N=4 GPUS=0,1
N := 2
GPUS :=
# Real music for `make benchmark`: python -m benchmarks.features --help
MUSIC :=
# Settings that `make tune-als` tries, every combination
ALPHA := 10,40,160
REGULARIZATION := 1,10,100
HELD_OUT := 0.2
# Random files of each kind, and seeds of every other fault, that `make faults` tries
EXAMPLES := 300
ROUNDS := 5

# A copy of the working tree with the settings of a preset, in a folder of that name
copy = mkdir .$(1) && git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from - \
  | tar --extract --directory .$(1) && cp presets/$(1).yaml .$(1)/params.yaml && git -C .$(1) init --quiet

.DEFAULT_GOAL := help
.PHONY: help setup check demo smoke study repro jobs report tune-als test faults fuzz test-browser test-spark peers benchmark cuda-check lint format deps clean

help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/installed: requirements.txt pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hearlog needs Python 3.11 or later")'
	python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

setup: $(VENV)/installed  ## Create .venv and install the pinned requirements

demo: setup  ## Run the whole pipeline on the embedded, synthetic data set (about 10 minutes on 2 cores)
	@cmp -s params.yaml presets/demo.yaml || { \
	  echo "params.yaml differs from presets/demo.yaml. For your own settings: make repro."; \
	  echo "For the demo: cp presets/demo.yaml params.yaml"; exit 1; }
	@$(MAKE) --no-print-directory jobs

smoke: setup  ## Run two tasks of a small world in a copy of the working tree, .smoke (about 3 minutes)
	@rm -rf .smoke && $(call copy,smoke)
	@cd .smoke && export PYTHONPATH=$(CURDIR)/.smoke/src && hearlog plan && dvc repro && hearlog report

study: setup  ## Run three seeds on more synthetic data in .study, N stages at once; goes on after a break (half an hour to an hour)
	@[ -d .study/.git ] || { rm -rf .study && $(call copy,study); }
	@cd .study && export PYTHONPATH=$(CURDIR)/.study/src && hearlog plan --jobs $(N) && hearlog jobs $(N) && hearlog report

repro: setup  ## Run the pipeline as params.yaml says; only what changed runs
	@hearlog plan
	@dvc repro
	@hearlog report --short

jobs: setup  ## Like repro, N stages at once (N=4), and each on one GPU (GPUS=0,1)
	@hearlog plan --jobs $(N) --gpus "$(GPUS)"
	@hearlog jobs $(N) --gpus "$(GPUS)"
	@hearlog report --short

check: setup  ## Look at the data that params.yaml names, before hours are spent
	@hearlog check

report: setup  ## Print the report of the last run again
	@hearlog report

tune-als: setup  ## Score ALS on held-out songs over a grid: make tune-als ALPHA=10,40 REGULARIZATION=10,100
	@dvc exp run --quiet --queue --single-item -S als.alpha=$(ALPHA) -S als.regularization=$(REGULARIZATION) \
	  -S als.held_out=$(HELD_OUT) factorize
	@dvc exp run --run-all --jobs 1
	@dvc exp show --md --hide-workspace --drop '.*' --keep 'Experiment|als\.(alpha|regularization)|held_out\.als\..*_at_10' \
	  --sort-by metrics/als.json:held_out.als.ndcg_at_10 --sort-order desc

test: setup  ## Run the tests
	python -m pytest

fuzz: setup  ## Give every reader many random files: make fuzz EXAMPLES=2000 (an hour)
	EXAMPLES=$(EXAMPLES) python -m pytest -n 0 --hypothesis-profile fuzz --hypothesis-show-statistics \
	  -o faulthandler_timeout=300 tests/faults/test_fuzz.py

faults: setup  ## Try every fault, and write the table of docs/robustness.md (about 10 minutes)
	EXAMPLES=$(EXAMPLES) python -m pytest tests/faults --faults-rounds $(ROUNDS) --hypothesis-profile fuzz

# Made anew when what a run depends on has changed.
.smoke/report.html: $(shell find src stages presets/smoke.yaml dvc.yaml data/demo/dvc.yaml -name '*.pyc' -prune -o -type f -print)
	@$(MAKE) --no-print-directory smoke

test-browser: setup .smoke/report.html  ## Run the tests of report.html in Chromium, on the page of `make smoke`
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/browser/requirements.txt
	python -m pytest -n 0 tests/browser

test-spark: setup  ## Run the tests of the engine spark, on two threads of this machine; they need Java 17
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-spark.txt
	python -m pytest -n 0 tests/spark

$(PEERS)/installed: benchmarks/requirements.txt
	python3 -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

peers: $(PEERS)/installed  ## Install what the benchmarks compare with into .venv-peers (3 GB)

benchmark: setup peers  ## Measure speed against peers, into benchmarks/results (two hours, on an idle machine)
	python -m benchmarks.check
	python -m benchmarks.training
	python -m benchmarks.inference
	python -m benchmarks.memory
	python -m benchmarks.mel
	python -m benchmarks.audio
	python -m benchmarks.features $(if $(MUSIC),--folder $(MUSIC))
	python -m benchmarks.logs
	python -m benchmarks.als
	python -m benchmarks.layout
	python -m benchmarks.jobs
	python -m benchmarks.demo
	$(if $(MUSIC),python -m benchmarks.decoders $(MUSIC))

cuda-check: setup  ## Test and measure a CUDA GPU in six minutes, into benchmarks/results/cuda.json
	python -m benchmarks.cuda_check

lint: setup  ## Check style and types
	ruff check
	ruff format --check
	mypy

format: setup  ## Format the code
	ruff format
	ruff check --fix

deps: setup  ## Write the code dependencies of dvc.yaml from the imports
	python -m hearlog.pipeline.dependencies

clean:  ## Remove .venv, .venv-peers and caches of tools; outputs and the DVC cache stay
	rm -rf $(VENV) $(PEERS) .smoke .study .smoke.lock .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
