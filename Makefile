# `make` or `make help` lists the targets. Each one sets up what it needs in $(VENV).
#
#   PYTHON    the interpreter a fresh virtual environment is made from (3.11 or later)
#   VENV      where that environment stands
#   PIP_ARGS  passed to pip, e.g. PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu" for the small CPU-only torch
#   JOBS      processes of `make test`
#   BASE      the commit that `make benchmark-compare` measures beside the files as they are
#   RECIPE    the recipe of `make benchmark`; ARGS is added to the command line of demo, test and benchmark, for example
#             make benchmark RECIPE=configs/det/db_mv3_ft.yml ARGS="--quick --only step loop"
PYTHON ?= python3
VENV ?= .venv
PIP_ARGS ?=
JOBS ?= 2
RECIPE ?= configs/rec/svtr_ft.yml
ARGS ?=
BASE ?=

BIN := $(VENV)/bin
PY := $(BIN)/python
READY := $(VENV)/.ready
RAPIDOCR_VENV ?= .venv-rapidocr
RAPIDOCR_READY := $(RAPIDOCR_VENV)/.ready
DEMO := output/demo
BENCHMARK := output/benchmark
WEIGHTS := pretrained/svtr_small.safetensors
# A page of the test part, on which nothing is trained.
DEMO_LINES = train_data/typewritten_fr/img/10_8aed0_default_*.jpg
DEMO_DET := output/demo_det
DET_WEIGHTS := pretrained/db_mv3.safetensors
DEMO_SYSTEM := output/demo_system
# SYSTEM_DET=output/demo_det SYSTEM_REC=output/demo: the fine-tuned ones, after `make demo demo-det`.
SYSTEM_DET ?= $(DET_WEIGHTS)
SYSTEM_REC ?= $(WEIGHTS)
# Pages of the test part.
DEMO_PAGES = $(addprefix train_data/typed_pages/img/,10_8aed0_default.jpg FRAN_0011_11086_L-medium.jpg bljd_DSN355_00003.jpg)

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-long demo-det demo-system test test-thorough test-portable test-slow rapidocr test-rapidocr lint format types parity benchmark benchmark-compare accuracy clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## make the virtual environment with the pinned packages

$(READY): requirements.txt setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "the pinned packages need Python 3.11 or later: make PYTHON=python3.11 ...")'
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet $(PIP_ARGS) -r requirements.txt
	$(PY) -m pip install --quiet $(PIP_ARGS) --no-deps -e .
	touch $@

demo: DEMO_RECIPE := configs/rec/svtr_ft_demo.yml
demo-long: DEMO_RECIPE := configs/rec/svtr_ft.yml
demo demo-long: $(READY)
	mkdir -p $(DEMO)
	$(PY) tools/eval.py -c configs/rec/svtr_ft_test.yml -o Global.pretrained_model=$(WEIGHTS) > $(DEMO)/before.txt
	$(PY) tools/train.py -c $(DEMO_RECIPE) -o Global.pretrained_model=$(WEIGHTS) Global.save_model_dir=$(DEMO) \
	    Global.overwrite=true $(ARGS)
	$(PY) tools/eval.py -c configs/rec/svtr_ft_test.yml -o Global.pretrained_model=$(DEMO) > $(DEMO)/after.txt
	$(PY) tools/export.py -c $(DEMO_RECIPE) -o Global.pretrained_model=$(DEMO) Global.save_inference_dir=$(DEMO)/inference
	$(PY) tools/infer.py --model $(DEMO)/inference --out $(DEMO)/read $(DEMO_LINES)
	@echo
	@echo "The test parts before fine-tuning:"
	@cat $(DEMO)/before.txt
	@echo "and after:"
	@cat $(DEMO)/after.txt
	@echo "The bundle for ONNX Runtime and RapidOCR: $(DEMO)/inference"
	@echo "What it read, over the lines themselves:  $(DEMO)/read/predictions.png"

demo:  ## one epoch: fine-tune on the example data, evaluate, export with parity, recognise lines, show the picture
demo-long:  ## the same with six epochs in the place of one: what the recipe for the example data really gives

demo-det: $(READY)  ## fine-tune a detector on the example pages, evaluate, find thresholds, export with parity, show the picture
	mkdir -p $(DEMO_DET)
	$(PY) tools/eval.py -c configs/det/db_mv3_ft_test.yml -o Global.pretrained_model=$(DET_WEIGHTS) > $(DEMO_DET)/before.txt
	$(PY) tools/train.py -c configs/det/db_mv3_ft.yml -o Global.pretrained_model=$(DET_WEIGHTS) Global.save_model_dir=$(DEMO_DET) \
	    Global.overwrite=true $(ARGS)
	$(PY) tools/eval.py -c configs/det/db_mv3_ft_test.yml -o Global.pretrained_model=$(DEMO_DET) > $(DEMO_DET)/after.txt
	$(PY) tools/tune.py -c configs/det/db_mv3_ft.yml -o Global.pretrained_model=$(DEMO_DET) --out $(DEMO_DET)/tune
	$(PY) tools/export.py -c configs/det/db_mv3_ft.yml -o Global.pretrained_model=$(DEMO_DET) \
	    Global.save_inference_dir=$(DEMO_DET)/inference
	$(PY) tools/infer.py --model $(DEMO_DET)/inference --out $(DEMO_DET)/found --heat-map $(DEMO_PAGES)
	@echo
	@echo "The test pages before fine-tuning:"
	@cat $(DEMO_DET)/before.txt
	@echo "and after:"
	@cat $(DEMO_DET)/after.txt
	@echo "How each threshold acts (validation pages):   $(DEMO_DET)/tune/curves.png"
	@echo "The bundle for ONNX Runtime and RapidOCR:     $(DEMO_DET)/inference"
	@echo "What it found, drawn on the pages:            $(DEMO_DET)/found"

demo-system: $(READY)  ## read example pages with the shipped weights: text, pictures, XML, PDF; evaluate end to end
	mkdir -p $(DEMO_SYSTEM)
	$(PY) tools/export.py -c configs/det/db_mv3_ft.yml -o Global.pretrained_model=$(SYSTEM_DET) Global.save_inference_dir=$(DEMO_SYSTEM)/det
	$(PY) tools/export.py -c configs/rec/svtr_ft.yml -o Global.pretrained_model=$(SYSTEM_REC) Global.save_inference_dir=$(DEMO_SYSTEM)/rec
	$(PY) tools/infer.py --det $(DEMO_SYSTEM)/det --rec $(DEMO_SYSTEM)/rec $(DEMO_PAGES) -o $(DEMO_SYSTEM)/read --overwrite \
	    --format txt,json,picture,page,alto,hocr,pdf
	$(PY) tools/eval.py -c configs/system/typed_pages.yml -o System.det=$(DEMO_SYSTEM)/det System.rec=$(DEMO_SYSTEM)/rec \
	    --report $(DEMO_SYSTEM)/pages.html
	@echo "Text, pictures, XML and PDF of the pages:  $(DEMO_SYSTEM)/read"
	@echo "What was right and wrong on the test part: $(DEMO_SYSTEM)/pages.html"

test: $(READY)  ## the tests, without the thorough and the slow ones
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(JOBS) --dist loadfile -m "not slow and not thorough" $(ARGS)

test-thorough: $(READY)  ## the tests that take ten seconds or more, or go through many cases of a kind
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(JOBS) --dist loadfile -m "thorough and not slow" $(ARGS)

# Older processors compute the same networks with other instructions and other rounding.
test-portable: $(READY)  ## the tests of networks, losses, export and parity as a processor without AVX2 and AVX-512 computes
	ONEDNN_MAX_CPU_ISA=SSE41 ATEN_CPU_CAPABILITY=default OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(JOBS) --dist loadfile \
	    -m "not slow and not thorough" tests/modeling tests/losses tests/export tests/parity $(ARGS)

test-slow: $(READY)  ## only the tests that take a minute or more each
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -m slow $(ARGS)

# RapidOCR brings packages of its own, so it lives in an environment of its own.
$(RAPIDOCR_READY): Makefile
	test -x $(RAPIDOCR_VENV)/bin/python || $(PYTHON) -m venv $(RAPIDOCR_VENV)
	$(RAPIDOCR_VENV)/bin/python -m pip install --quiet $(PIP_ARGS) rapidocr==3.10.0 onnxruntime==1.31.1
	touch $@

rapidocr: $(RAPIDOCR_READY)  ## make the environment of test-rapidocr

test-rapidocr: $(READY) $(RAPIDOCR_READY)  ## the tests beside RapidOCR: our bundles in it, its models here
	PPOCR_LIKE_RAPIDOCR_PYTHON=$(abspath $(RAPIDOCR_VENV))/bin/python $(PY) -m pytest -q -rs tests/export/test_rapidocr.py \
	    tests/export/test_rapidocr_models.py tests/export/test_pair.py tests/weights/test_onnx.py \
	    tests/weights/test_rapidocr_package.py $(ARGS)

lint: $(READY)  ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)  ## mypy
	$(BIN)/mypy

parity: $(READY)  ## PaddleOCR's recipes and answers against ours, and the tests of it (PPOCR_LIKE_CASES: the folder with the cases)
	@test -n "$$PPOCR_LIKE_CASES" || { echo "set PPOCR_LIKE_CASES to the folder that holds parity/ and paddleocr/"; exit 1; }
	OMP_NUM_THREADS=1 $(PY) tests/parity/run.py --models "$$PPOCR_LIKE_CASES/parity/models" --ops "$$PPOCR_LIKE_CASES/parity/ops" \
	    --configs "$$PPOCR_LIKE_CASES/paddleocr/configs" --json output/parity.json $(ARGS)
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -rs tests/parity

benchmark: $(READY)  ## what a recipe costs on this machine, and what holds it back (docs/benchmark.md): RECIPE, ARGS
	mkdir -p $(BENCHMARK)
	$(PY) tools/benchmark.py -c $(RECIPE) --json $(BENCHMARK)/figures.json --picture $(BENCHMARK)/figures.png $(ARGS)

benchmark-compare: $(READY)  ## a commit and the files as they are, measured in turns; the ratios and their spread: BASE, RECIPE, ARGS
	@test -n "$(BASE)" || { echo "give the commit to compare with: make benchmark-compare BASE=HEAD~5"; exit 1; }
	mkdir -p $(BENCHMARK)
	$(PY) tools/benchmark.py -c $(RECIPE) --base $(BASE) --json $(BENCHMARK)/compared.json $(ARGS)

accuracy: $(READY)  ## docs/accuracy.md's figures again: hours, can be stopped and goes on (PPOCR_LIKE_CASES: the folder with the sets)
	@test -n "$$PPOCR_LIKE_CASES" || { echo "set PPOCR_LIKE_CASES to the folder that holds data/"; exit 1; }
	$(PY) tools/trials.py docs/trials/accuracy.yml --out output/accuracy $(ARGS)

clean:  ## remove caches (keeps environments and output/)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
