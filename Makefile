# medgan. `make` alone says what there is. Needs Python >= 3.11 with pip and venv, and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Further options for pip, e.g. PIP_ARGS="--index-url ..." for another build of torch.
PIP_ARGS ?=
# Real scans for benchmarks and tests; tests that need them skip where they are not.
MEDGAN_DATA ?= $(abspath ../shared/data)
export MEDGAN_DATA
# Small arrays: more threads than one only get in each other's way.
test tests test-all quick: export OMP_NUM_THREADS := 1
# Folder of your own scans, for `make demo`.
DATA ?=
OUT ?= demo_output

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all quick lint types contracts tests format \
        bench bench-batch bench-restoration bench-ct bench-adapt bench-detect bench-denoise bench-synthesis \
        bench-modes bench-few-cases bench-virtual-speed bench-readers bench-indexing bench-runner bench-engines bench-training bench-gpu fuzz wheel clean

help: ## Say what there is
	@echo 'medgan: restore missing slices of CT and MR scans, and make virtual scans.'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  make demo DATA=folder     the same on your own scans'

install: $(STAMP) ## Make .venv and install medgan with its tools, once

# torch comes first and by its plain version: pip then keeps whatever build of it the machine
# offers (CPU or CUDA), and nothing that follows replaces it.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'medgan needs Python 3.11 or newer. Name one: make PYTHON=python3.12 ...'; exit 1; }
	@echo 'Installing into $(VENV), once; this takes some minutes.'
	@$(PYTHON) -m venv $(VENV) || { \
	  echo 'The venv module is missing; on Debian and Ubuntu: apt-get install python3-venv'; exit 1; }
	$(BIN)/python -m pip install -q $(PIP_ARGS) -c constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install -q $(PIP_ARGS) -c constraints.txt -e '.[dev,pacs,cluster]'
	@touch $@

demo: $(STAMP) ## The main job on generated scans; with DATA=folder, on your own
ifeq ($(strip $(DATA)),)
	$(BIN)/medgan demo -o '$(OUT)'
else
	$(BIN)/medgan demo '$(DATA)' -o '$(OUT)'
endif

test: lint types contracts tests ## Lint, types, contracts, tests: what has to be green

test-all: lint types contracts ## The same with slow tests and those that need programs from outside
	$(BIN)/pytest -m 'not gpu'

quick: lint types contracts ## Lint, types, contracts, and tests without whole journeys, first fault
	$(BIN)/pytest -x --ignore tests/journeys

lint: $(STAMP) ## Style and formatting (ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## Types (mypy, strict)
	$(BIN)/mypy

contracts: $(STAMP) ## Who may import whom (import-linter)
	$(BIN)/lint-imports

tests: $(STAMP) ## Tests alone
	$(BIN)/pytest

format: $(STAMP) ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## Speed and memory beside other libraries (docs/benchmarks.md)
	$(BIN)/python benchmarks/indexing.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/large_scans.py --whole 512,512,300
	$(BIN)/python benchmarks/throughput.py --scans 100
	$(BIN)/python benchmarks/runner.py --scans 300

bench-batch: $(STAMP) ## 1,000 small scans in one batch: scans an hour, memory over time
	$(BIN)/python benchmarks/throughput.py

bench-restoration: $(STAMP) ## Restoration against the classical methods (docs/benchmarks.md)
	$(BIN)/python benchmarks/restoration.py '$(MEDGAN_DATA)'

bench-ct: $(STAMP) ## Hounsfield units of filled CT slices (docs/benchmarks.md)
	$(BIN)/python benchmarks/ct_values.py '$(MEDGAN_DATA)'

bench-adapt: $(STAMP) ## What --adapt gains and loses
	$(BIN)/python benchmarks/adaptation.py '$(MEDGAN_DATA)'

bench-detect: $(STAMP) ## Damage planted in real scans, and found (docs/detect.md)
	$(BIN)/python benchmarks/detect.py '$(MEDGAN_DATA)'

bench-denoise: $(STAMP) ## Denoising against the classical methods (docs/denoise.md)
	$(BIN)/python benchmarks/denoise.py '$(MEDGAN_DATA)'

bench-synthesis: $(STAMP) ## Virtual scans against real ones (docs/benchmarks.md)
	$(BIN)/python benchmarks/synthesis.py '$(MEDGAN_DATA)'
	$(BIN)/python benchmarks/synthesis.py '$(MEDGAN_DATA)' --utility \
	  --model medgan/models/shipped/hippocampus-3d --recipe synthesize/prior
	$(BIN)/python benchmarks/synthesis_folds.py '$(MEDGAN_DATA)'

bench-modes: $(STAMP) ## Modes of phantoms that a GAN covers (docs/benchmarks.md)
	$(BIN)/python benchmarks/modes.py

bench-few-cases: $(STAMP) ## What virtual cases add where few real ones are (docs/benchmarks.md)
	$(BIN)/python benchmarks/few_cases.py '$(MEDGAN_DATA)' --real-share 0.5
	$(BIN)/python benchmarks/few_cases.py '$(MEDGAN_DATA)' --real-share 0.5 --set 'mode_waves=[3,4,2]'

bench-virtual-speed: $(STAMP) ## Seconds and memory of making and judging virtual scans (docs/benchmarks.md)
	$(BIN)/python benchmarks/virtual_speed.py

bench-readers: $(STAMP) ## Messy folders, read by medgan and by others (docs/readers.md)
	$(BIN)/python -m pip install -q $(PIP_ARGS) -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/readers.py

bench-indexing: $(STAMP) ## Time to index 1,000 slice headers, beside pydicom
	$(BIN)/python benchmarks/indexing.py

bench-runner: $(STAMP) ## What the runner itself costs (docs/running.md)
	$(BIN)/python benchmarks/runner.py

bench-engines: $(STAMP) ## What a scan costs in each engine (docs/running.md)
	$(BIN)/python benchmarks/engines.py

bench-gpu: $(STAMP) ## The same loop on a GPU: steps a second, memory, agreement (docs/benchmarks.md)
	$(BIN)/python benchmarks/gpu.py --device cuda

bench-training: $(STAMP) ## What a training step costs (docs/training.md)
	$(BIN)/python benchmarks/training.py restore/slices_faithful

fuzz: $(STAMP) ## Read 1,000 damaged DICOM and 300 damaged NIfTI files
	$(BIN)/python benchmarks/fuzz.py

wheel: $(STAMP) ## Build the wheel into dist/
	$(BIN)/python -m pip wheel -q --no-deps -w dist .

clean: ## Remove caches and build outputs; keeps .venv
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
