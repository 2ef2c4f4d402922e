# Everything that a fresh machine needs: Python 3.11+ and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO := $(VENV)/demo

export ORT_DISABLE_TELEMETRY = 1

.DEFAULT_GOAL := help
.PHONY: help setup system demo test test-heavy test-images lint format wheel lock examples soak bench bench-update bench-fleet bench-service bench-cache bench-browser bench-edge clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/infergen: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev,examples]'
	@touch $@

setup: $(BIN)/infergen ## Make the virtual environment

demo: setup ## Generate the sample service, boot it, and show its answers
	@$(BIN)/python -m examples.demo

system:
	@.ci/system-packages

test: setup system ## Run the whole test suite
	$(BIN)/python -m pytest -n 2

test-heavy: setup system ## Run the tests that take longer: faults, kills, many services, browsers
	$(BIN)/python -m pytest -n 2 tests/heavy

test-images: setup ## Build and run the generated image; needs a container engine
	@PYTHON=$(BIN)/python .ci/test-images

lint: setup ## Static checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/infergen templates lint --strict
	$(BIN)/infergen templates lint --strict examples/overlay
	$(BIN)/yamllint --strict --config-data relaxed vars infergen.yaml correspond_file_path.yaml examples
	$(BIN)/shellcheck .ci/run .ci/system-packages .ci/test-images template/web/run.sh template/edge-update/systemd/install.sh

format: setup ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: setup ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --outdir dist

lock: setup ## Renew the requirements of generated services; LOCK_FLAGS=--upgrade
	$(BIN)/python lock.py $(LOCK_FLAGS)

examples: setup ## Train and export the example models again
	$(BIN)/python -m examples

soak: export SOAK_SECONDS ?= 300
soak: setup ## Minutes of mixed faults: SOAK_SECONDS=300
	$(BIN)/python -m pytest -s tests/soak

bench: setup ## Measure the generator against its peers
	$(BIN)/python -m bench.generator
	$(BIN)/python -m bench.lint

bench-update: setup ## Measure an update against its peers
	$(BIN)/python -m bench.update

bench-fleet: setup ## Measure fleets of many services
	$(BIN)/python -m bench.fleet

bench-service: setup ## Measure a generated service against its peers
	$(BIN)/python -m bench.service

bench-cache: setup ## Measure the caches of generated services
	$(BIN)/python -m bench.cache

bench-browser: setup ## Measure a generated page against bare Python
	$(BIN)/python -m bench.browser

bench-edge: setup ## Measure an edge-device project against bare ONNX Runtime
	$(BIN)/python -m bench.edge

clean: ## Remove what the targets above made
	rm -rf $(VENV) dist
