# `make` prints the targets.

MODEL ?= tril_vae
DATA ?= digits
OUT ?=
RUN ?= runs/$(MODEL)-$(basename $(notdir $(patsubst %/,%,$(DATA))))
PRESET ?=
TRAIN ?=
ARGS ?=
RUNS ?= runs
SERVED ?= served
SOURCE = $(if $(PRESET),--preset "$(PRESET)",--run "$(RUN)")

VENV := .venv
# cpu or cuda; the installed one is kept until another is named.
ACCELERATOR ?= $(or $(patsubst $(VENV)/.installed-%,%,$(firstword $(wildcard $(VENV)/.installed-*))),cpu)
STAMP := $(VENV)/.installed-$(ACCELERATOR)
PEERS := .venv-bench
# The first of these that runs and is a Python that TensorFlow and Keras support.
PYTHON ?= $(shell for p in python3 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help install train reproduce finetune evaluate export serve models presets preset tensorboard bench check test lint format wheel clean

help:  ## Print this help
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1|/' | awk -F'|' '{printf "  make %-13s%s\n", $$1, $$2}'

install: $(STAMP)  ## Create .venv with all dependencies [ACCELERATOR=cuda]

$(STAMP): requirements.txt
	@"$(or $(PYTHON),python3)" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || \
		{ echo "error: Python 3.11 or 3.12 is needed. Name one: make install PYTHON=/path/to/python3.12" >&2; exit 1; }
	@test "$(ACCELERATOR)" = cpu -o "$(ACCELERATOR)" = cuda || { echo "error: ACCELERATOR is cpu or cuda, got $(ACCELERATOR). For a Cloud TPU see the README." >&2; exit 1; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	sed 's/^tensorflow==/tensorflow$(if $(filter cuda,$(ACCELERATOR)),[and-cuda])==/' requirements.txt > $(VENV)/requirements.txt
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $(VENV)/requirements.txt
	@touch $@

train: $(STAMP)  ## Train and evaluate a model, and draw its report [MODEL=tril_vae DATA=digits OUT=folder ARGS="--epochs 50"]
	$(VENV)/bin/python -m training.train --model "$(MODEL)" --data "$(DATA)" $(if $(OUT),--out "$(OUT)") $(ARGS)

reproduce: $(STAMP)  ## Train a recipe, and compare with the published figure [RECIPE=recipes/tril_vae-digits.json ARGS="--seed 1"]
	$(VENV)/bin/python -m training.reproduce "$(RECIPE)" $(ARGS)

finetune: $(STAMP)  ## Fine-tune a preset or a run on your data [MODEL=preset or folder DATA=my.npz TRAIN=all OUT=folder ARGS="--compare-scratch"]
	$(VENV)/bin/python -m training.finetune --base "$(MODEL)" --data "$(DATA)" $(if $(TRAIN),--train '$(TRAIN)') $(if $(OUT),--out "$(OUT)") $(ARGS)

evaluate: $(STAMP)  ## Evaluate a trained run or a preset again, or on other DATA [RUN=runs/tril_vae-digits or PRESET=name ARGS="--samples 5000"]
	$(VENV)/bin/python -m training.evaluate $(SOURCE) $(if $(filter command environment,$(origin DATA)),--data "$(DATA)") $(ARGS)

export: $(STAMP)  ## Export a trained run or a preset for TensorFlow Serving [MODEL=tril_vae DATA=digits, RUN=folder or PRESET=name]
	$(VENV)/bin/python -m export $(SOURCE) --out "$(SERVED)" $(ARGS)

serve: $(STAMP)  ## Start TensorFlow Serving on all exported models, with PRESET=name on that preset too [ARGS="--host 0.0.0.0"]
	$(if $(PRESET),$(VENV)/bin/python -m export --preset "$(PRESET)" --out "$(SERVED)")
	@$(VENV)/bin/python -m export.serving.start_server --served "$(SERVED)" $(ARGS)

models: $(STAMP)  ## List the models and their parts, or describe one with its sizes [MODEL=tril_vae]
	@$(VENV)/bin/python -m zoo $(if $(filter command environment,$(origin MODEL)),"$(MODEL)")

presets: $(STAMP)  ## List the trained models that are part of this package
	@$(VENV)/bin/python -m zoo.presets

preset: $(STAMP)  ## Make a preset of a trained run [RUN=runs/tril_vae-digits OUT=folder ARGS="--license mit"]
	$(VENV)/bin/python -m training.preset --run "$(RUN)" $(if $(OUT),--out "$(OUT)") $(ARGS)

tensorboard: $(STAMP)  ## Show the runs in TensorBoard
	$(VENV)/bin/tensorboard --logdir $(RUNS)

bench: $(STAMP) $(PEERS)/.installed  ## Measure speed and memory beside PyTorch, JAX and pythae, in about an hour [ARGS="--rows diag tril"]
	$(VENV)/bin/python -m benchmarks.peers $(or $(ARGS),--docs)

$(PEERS)/.installed: benchmarks/requirements.txt $(STAMP)
	rm -rf $(PEERS)
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

check: lint  ## Check style and run the fast tests, in about two minutes [ARGS="-k tril"]
	$(VENV)/bin/python -m pytest -m "not slow" $(ARGS)

test: $(STAMP)  ## Run all tests [ARGS="-k tril"]
	$(VENV)/bin/python -m pytest $(ARGS)

lint: $(STAMP)  ## Check formatting, lint errors, types, complexity and words
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest --numprocesses=0 --durations=0 --durations-min=5 --no-header tests/test_style.py

wheel: $(STAMP)  ## Build dist/vae_zoo-….whl and .tar.gz, for pip install elsewhere
	$(VENV)/bin/python -m build --quiet --outdir dist

format: $(STAMP)  ## Fix formatting and lint errors
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:  ## Remove .venv, .venv-bench and caches, but no runs
	rm -rf $(VENV) $(PEERS) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
