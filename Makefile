PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo test check bench bench-incidents bench-peers docs pictures check-deploy clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## make .venv with the command .venv/bin/recwatch

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "recwatch needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || tests/system_packages.sh python3-venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install ## watch a recommender get stuck, on embedded data
	$(BIN)/recwatch demo

test: install ## run every test, with the real Prometheus, Alertmanager and Chromium
	@tests/system_packages.sh prometheus prometheus-alertmanager chromium systemd
	@command -v npm >/dev/null || tests/system_packages.sh npm # it may have come with Node.js from elsewhere
	@tests/npm_packages.sh axe-core@4.10.3
	$(BIN)/python -m pytest -n auto

check: install ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# OPTIONS="--only statistics scaling --rows 1000000"; python -m tests.bench --help says them all
bench: install ## speed and memory as ratios to decoding and to SQL in DuckDB
	$(BIN)/python -m tests.bench --pictures docs/images $(OPTIONS)

# OPTIONS="--seeds 1-5 --requests-per-hour 300 1500 6000"; python -m tests.incident_bench --help says them all
bench-incidents: install ## what is found in simulated logs, by kind and size; writes docs/incident-bench.md
	$(BIN)/python -m tests.incident_bench --write docs/incident-bench.md $(OPTIONS)

bench-peers: install ## the same logs past Evidently, popmon and thresholds in SQL; writes docs/peers-bench.md
	$(BIN)/python -m tests.incident_bench.peers --write docs/peers-bench.md $(OPTIONS)

docs: install ## renew what is made from the code: parts of docs/, the alert rules, the dashboards
	$(BIN)/python -m monitor.config.reference > docs/configuration.md
	$(BIN)/python -m monitor.exposition.reference
	$(BIN)/recwatch rules -o grafana/alerts/recwatch.rules.yaml
	$(BIN)/python -m grafana.builder

check-deploy: ## the manifest, the compose file and the container file's steps against what reads them; needs the network
	PYTHON=$(PYTHON) tests/deploy/validate.sh

pictures: install ## renew the pictures of the page in docs/images, with Chromium
	@tests/system_packages.sh chromium
	$(BIN)/python -m tests.monitor.web.pictures docs/images

clean: ## remove what the other targets made
	rm -rf $(VENV) .bench build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
