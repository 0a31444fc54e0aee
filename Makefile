# Everything here makes what it needs; `make demo` and `make test` work on a fresh machine.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# A torch older or newer than the constrained one would bring gigabytes nobody asked for.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: audit chaos demo test lint bench up down clean docs install

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) install --constraint constraints.txt pip setuptools wheel
	$(PIP) install --constraint constraints.txt --editable '.[test]'
	touch $(INSTALLED)

demo: $(INSTALLED)
	$(BIN)/python -m infra.demo

test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

chaos: demo
	$(BIN)/python -m tests.chaos --seeds 10 --load 200

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

audit: $(INSTALLED)
	$(BIN)/python -m infra.audit

bench: $(INSTALLED)
	$(PIP) install --constraint constraints.txt --editable '.[test,bench]'
	$(BIN)/python -m benchmarks $(ONLY)

up: $(INSTALLED)
	$(BIN)/assay up

down: $(INSTALLED)
	$(BIN)/assay down

clean:
	rm -rf .venv .assay .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
