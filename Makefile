# `make run` and `make test` need nothing but make and a python3 of version 3.11 or newer with venv.
# `make PYTHON=python3.13 …` picks another interpreter, `VENV=` another place for the environment.
# `make install` puts the service on this machine; scripts/service.sh says what goes where, and which variables it takes.

PYTHON ?= python3
VENV ?= .venv
CONFIG ?= ./config.yaml
PREFIX ?= /opt/tppcd
MODELS ?= $(HOME)/.cache/tppcd-e2e-model
SHARED ?= ../shared

# As many at once as there are cores; a file stays whole, and the order is that of the folders, with what is quick last.
# Bytecode is kept even where the environment says otherwise: to compile everything again takes longer than many a test.
JOBS ?= auto
PARALLEL := -n $(JOBS) --dist loadfile --no-loadscope-reorder

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
SOURCES := $(shell find daemon systemd -type f -not -name '*.pyc')

SERVICE = PYTHON='$(PYTHON)' PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' CONFIG='$(CONFIG)' sh scripts/service.sh

.DEFAULT_GOAL := help
.PHONY: help run venv dist install uninstall test fast check format soak bench clients e2e-model docs lock clean

help: ## this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1|/' | while IFS='|' read -r target text; do \
		printf '  make %-10s %s\n' "$$target" "$$text"; done

run: $(INSTALLED) ## start the daemon on ./config.yaml
	@exec $(BIN)/tppcd run --config $(CONFIG)

venv: $(INSTALLED) ## set up .venv and start nothing

dist: $(LOCKED) ## build the sdist, and from it the wheel, into dist/
	@rm -rf dist && mkdir dist
	@PYTHONPATH=scripts $(BIN)/python -B -c 'import build_backend; build_backend.build_sdist("dist")' > dist/log 2>&1 || \
		{ cat dist/log >&2; exit 1; }
	@rm dist/log
	@$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir dist dist/tppcd-*.tar.gz
	@ls dist/*

install: ## the service on this machine: sudo make install
	@$(SERVICE) install

uninstall: ## remove what `make install` put there; the configuration and the state stay
	@$(SERVICE) uninstall

test: check ## format, lint and type checks, then the tests
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(PARALLEL)

fast: $(INSTALLED) ## the tests that need neither a process nor a minute
	$(BIN)/python -m pytest -m fast

check: $(INSTALLED) ## format, lint, imports and type checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/mypy

format: $(LOCKED) ## rewrite the sources as `make check` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: $(INSTALLED) ## the long campaigns
	$(BIN)/python -m pytest -m soak --timeout 7200

bench: $(INSTALLED) ## measure beside LiteLLM and nginx (../shared/bench), the translation core and the router alone
	$(BIN)/python -m bench

clients: ## install the real clients for end-to-end tests
	@test -x $(SHARED)/clients/install.sh || { echo "$(SHARED)/clients/install.sh is missing: nothing to install from" >&2; exit 1; }
	$(SHARED)/clients/install.sh

e2e-model: $(INSTALLED) $(MODELS)/.installed ## the real clients with a model server that is not ours (1.2 GB, in MODELS)
	E2E_MODEL=$(MODELS) $(BIN)/python -m pytest -m model --timeout 600 tests/model

docs: $(INSTALLED) ## regenerate what comes from the code: parts of the pages, and the schema
	$(BIN)/python -m docs.generate

lock: ## resolve the dependencies of pyproject.toml again, into constraints.txt
	test -x $(VENV)-lock/bin/uv || { $(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip -q install uv; }
	{ echo '# Every dependency, pinned and hashed. Written by `make lock`; do not edit.'; \
	  $(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-header --no-annotate --group build --group dev pyproject.toml; } > constraints.txt.new
	mv constraints.txt.new constraints.txt

clean: ## remove the environment and everything built
	rm -rf $(VENV) $(VENV)-lock build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

# The stamps say when a step has to run again; a run with fresh stamps needs no network.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "tppcd needs Python 3.11 or newer; $(PYTHON) is older or missing. Try: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "$(PYTHON) cannot create environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(LOCKED): constraints.txt | $(BIN)/python
	@echo "setting up $(VENV): downloading and installing $$(grep -c '^[a-z0-9.-]*==' $<) packages, once, about a minute" >&2
	@$(PIP) install --quiet --require-hashes -r constraints.txt
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml scripts/build_backend.py README.md LICENSE $(SOURCES)
	@echo "installing tppcd in $(VENV)" >&2
	@$(PIP) install --quiet --no-deps --no-build-isolation --force-reinstall .
	@touch $@

# The model server has an environment of its own: PyTorch is a hundred times as large as the daemon.
$(MODELS)/.installed: tests/model/requirements.txt
	@mkdir -p $(MODELS)
	$(PYTHON) -m venv $(MODELS)/venv
	$(MODELS)/venv/bin/python -m pip --disable-pip-version-check install --quiet -r $<
	@touch $@
