# Everything a newcomer needs; all of it stays in this folder (TEMPER_HOME moves the program's data).
# `make clean` keeps .temper: it holds the user's data and trained adapters.
SHELL := /bin/sh
export TEMPER_HOME ?= $(CURDIR)/.temper
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := .venv/.ready
PACKAGES := app models views controllers services trainer_image

.PHONY: help demo run test test-fast test-gpu test-oldest soak bench lint format lock package screenshots \
  cloud-emulator clean

help:
	@echo "make demo       set up, fine-tune a small real model on this computer, compare"
	@echo "make run        open the window"
	@echo "make test       set up and run all checks and tests"
	@echo "make test-fast  the tests that take milliseconds each"
	@echo "make package    freeze the program, and make a Debian package of it, in dist/"
	@echo "make screenshots  draw the pictures of the documentation anew"
	@echo "make soak       kill the window, and trainers, twenty times each (docs/soak.md)"
	@echo "make bench      measure what has a budget       make lint   static checks only"

$(READY): requirements.lock pyproject.toml packaging/make-venv.sh
	@sh packaging/make-venv.sh $(PYTHON)
	@touch $@

demo: $(READY)
	@$(BIN)/python -m app demo

run: $(READY)
	@sh packaging/linux/system-libraries.sh
	@$(BIN)/python -m app

test: lint
	@sh packaging/linux/system-libraries.sh --tests
	@$(BIN)/python -m pytest -n auto --maxprocesses=4

test-fast: $(READY)
	@sh packaging/linux/system-libraries.sh
	@$(BIN)/python -m pytest -q -n auto -m "not slow and not gpu and not benchmark and not soak"

test-gpu: $(READY)
	@$(BIN)/python -m pytest -m gpu

# With the oldest libraries of trainer_image/needs.txt; TESTS names some of tests/trainer.
test-oldest: $(READY)
	@$(BIN)/python -m tests.oldest $(TESTS)

soak: $(READY)
	@sh packaging/linux/system-libraries.sh --tests
	@TEMPER_SOAK_KILLS=20 $(BIN)/python -m pytest -s tests/docker/test_window_killed.py
	@TEMPER_SOAK_MEGABYTES=1000 $(BIN)/python -m pytest -s -k ten_cuts tests/integration/test_agent_transfers.py
	@TEMPER_SOAK_PODS=100 $(BIN)/python -m pytest -s tests/integration/test_remote_soak.py
	@TEMPER_FAULT_CELLS=all $(BIN)/python -m pytest tests/integration/test_remote_limits.py
	@TEMPER_FAULT_CELLS=usual $(BIN)/python -m pytest tests/docker/test_remote_containers.py
	@TEMPER_SOAK_BUNDLE=1 $(BIN)/python -m pytest -s -o faulthandler_timeout=0 tests/e2e/test_bundle_without_network.py
	@$(BIN)/python -m pytest -m soak -o faulthandler_timeout=0 tests/docker/test_offline.py
	@TEMPER_SOAK_BUNDLE_KILLS=20 $(BIN)/python -m pytest -s tests/integration/test_bundles_killed.py
	@TEMPER_SOAK_TRAINER_KILLS=20 $(BIN)/python -m pytest -s -o faulthandler_timeout=0 tests/trainer/test_killed.py

bench: $(READY)
	@$(BIN)/python tests/benchmarks/bench_startup.py
	@$(BIN)/python tests/benchmarks/bench_log_view.py
	@$(BIN)/python tests/benchmarks/bench_configs.py
	@$(BIN)/python tests/benchmarks/bench_runs_page.py
	@$(BIN)/python tests/benchmarks/bench_history.py
	@$(BIN)/python tests/benchmarks/bench_docker_log.py
	@$(BIN)/python tests/benchmarks/bench_near_duplicates.py
	@$(BIN)/python tests/benchmarks/bench_import.py
	@$(BIN)/python tests/benchmarks/bench_agent_transfer.py
	@$(BIN)/python tests/benchmarks/bench_click_to_step.py

lint: $(READY)
	@$(BIN)/ruff format --check -q .
	@$(BIN)/ruff check -q .
	@$(BIN)/mypy --no-error-summary $(PACKAGES)
	@cd packaging && ../$(BIN)/mypy --no-error-summary --cache-dir ../.mypy_cache \
	  --config-file ../pyproject.toml *.py
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

format: $(READY)
	@$(BIN)/ruff check -q --fix .
	@$(BIN)/ruff format -q .

# The program's packages with hashes; the trainer's pins without: its torch differs by machine.
lock: $(READY)
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header pyproject.toml --group dev -o requirements.lock

screenshots: $(READY)
	@sh packaging/linux/system-libraries.sh
	@$(BIN)/python tests/screenshots.py

cloud-emulator: $(READY)
	@$(BIN)/python -m tests.emulators.runpod

package: $(READY)
	@sh packaging/linux/system-libraries.sh --package
	@$(BIN)/python packaging/build.py

# The tests' Docker engine runs as root, so root owns its images; a killed session may have left it.
clean:
	@[ ! -d .cache/docker-engine ] || python3 -m tests.docker.engine_store
	@rm -rf .venv .cache build dist || { echo "Some files are root's: sudo make clean" >&2; exit 1; }
