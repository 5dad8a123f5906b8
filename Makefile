# Everything a newcomer needs. `make help` lists it; settings are environment variables, see .env.example.

WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin/python
READY := $(VENV)/.installed
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

.DEFAULT_GOAL := help
.PHONY: help up down status clean demo token test check lint format bench crash contracts migrate

help:  ## list these commands
	@grep -hE '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18
	@echo
	@echo "  make up BUS=kafka   DETACH=1   VAR=<folder>   PORT_REGISTRY=18001   SAMPLE=none|<folder>   STORY=no"

up: $(READY)  ## start the whole system, import the sample, play the story, serve until Ctrl-C
	@$(BIN) -m deploy.local up

down: $(READY)  ## stop it; the data stay
	@$(BIN) -m deploy.local down

status: $(READY)  ## what runs, with its pid
	@$(BIN) -m deploy.local status

clean: $(READY)  ## stop it and delete VAR, the database included
	@$(BIN) -m deploy.local clean

demo: $(READY)  ## play the story once more, with a new hazard, on the running system
	@$(BIN) -m deploy.local demo

token: $(READY)  ## print one token: TIER=district|street|community|enterprise AREA=<code> [ENTERPRISE=<id>] [ROLES=a,b]
	@$(BIN) -m deploy.local token

test: $(READY)  ## run every test this machine can run (REQUIRE_KAFKA=1: a skipped Kafka test is a failure)
	@$(BIN) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint  ## lint, file sizes, drift of contracts
	@$(BIN) -m pytest -q -n $(WORKERS) --dist loadfile tests/architecture tests/contracts

lint: $(READY)  ## format, style, types, imports
	@$(BIN) -m ruff format --check .
	@$(BIN) -m ruff check .
	@$(BIN) -m mypy libs services deploy tests
	@$(BIN) -c 'from importlinter.cli import lint_imports_command as lint; lint()'
	@$(BIN) -m yamllint --strict deploy

format: $(READY)  ## put the code into its format
	@$(BIN) -m ruff format .
	@$(BIN) -m ruff check --fix .

bench: $(READY)  ## measure, and print docs/benchmarks.md: ONLY=<part>
	@$(BIN) -m tests.bench $(ARGS)

crash: $(READY)  ## break things on purpose, and print docs/reliability.md: ONLY=<part> SEED=<n> SCALE=<share>
	@$(BIN) -m tests.crash $(ARGS)

contracts: $(READY)  ## write the OpenAPI documents and event schemas anew
	@$(BIN) -m tests.contracts.write

migrate: $(READY)  ## bring the databases of the system in VAR to the newest migration
	@$(BIN) -m deploy.local migrate

# Standard output belongs to the commands: `make token` prints a token and nothing else.
$(READY): requirements.lock
	@{ \
	if [ -e $(VENV) ] && ! $(BIN) -c 'import pip' 2>/dev/null; then \
		echo "$(VENV) is damaged or was moved: making it anew"; rm -rf $(VENV); fi; \
	if [ ! -e $(BIN) ]; then \
		python="$(PYTHON)"; \
		[ -n "$$python" ] || python=$$(python3 deploy/interpreter.py) || python=python3; \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
			{ echo "Python 3.11 or newer is needed; '$$python' is not. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }; \
		"$$python" -m venv $(VENV) || \
			{ rm -rf $(VENV); echo "Python cannot make a virtual environment (Debian: apt-get install python3-venv)."; exit 1; }; \
	fi; \
	echo "installing requirements.lock into $(VENV)"; \
	$(BIN) -m pip install --disable-pip-version-check --root-user-action=ignore --quiet \
		--require-hashes -r requirements.lock || \
		{ echo "The packages of requirements.lock could not be installed: see the message above."; exit 1; }; \
	touch $(READY); \
	} >&2
