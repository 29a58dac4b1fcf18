# Everything here works on a fresh machine with Python 3.11 or newer. The tests against a real Asterisk need Docker;
# as root on Debian or Ubuntu a private one is installed and started if none answers.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL_VENV = if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -q && apt-get install -q -y --no-install-recommends python3-venv; \
	  else echo "Python's venv is missing; on Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; fi
TYPED := tests/harness tests/program tests/integration tests/attacks tests/unit tests/demo tests/bench

.PHONY: test unit lint images integration attacks demo bench clean help
.DEFAULT_GOAL := help

help:
	@echo "make test         everything: lint, unit tests, then a real Asterisk 16 and 22 in Docker"
	@echo "make unit         unit tests"
	@echo "make lint         ruff and mypy"
	@echo "make images       builds the containers"
	@echo "make integration  tests against a real Asterisk"
	@echo "make attacks      one test for each way a number could leak"
	@echo "make demo         the whole story on one screen"
	@echo "make bench        prints ratios against a named baseline"
	@echo "make clean        removes the tests' containers, images, caches and the private Docker's processes"

# Rebuilt only when pyproject.toml changes.
$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(INSTALL_VENV); }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

# Images mostly wait for packages, and a test for calls to end: so more runs at once than there are cores. The files that
# take longest come first, and each keeps to one process because its tests share a PBX.
test: $(VENV)/ready
	$(MAKE) --no-print-directory -j 3 --output-sync=target lint unit images
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder tests/integration tests/attacks

unit: $(VENV)/ready
	$(BIN)/pytest tests/unit

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy $(wildcard $(TYPED))

images: $(VENV)/ready
	PYTHONPATH=tests $(BIN)/python -m harness.images

integration: images
	$(BIN)/pytest tests/integration

attacks: images
	$(BIN)/pytest tests/attacks

demo: images
	PYTHONPATH=tests $(BIN)/python -m demo

# Meant for a machine that does nothing else meanwhile.
bench: images
	PYTHONPATH=tests $(BIN)/python -m bench

clean:
	-PYTHONPATH=tests $(PYTHON) -m harness.clean
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
