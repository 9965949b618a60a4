# Two targets matter: `make report` and `make test`. Both use one environment, .venv, made once.

VENV      := .venv
BIN       := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BACKENDS  := tensorflow,torch,jax,sympy,finite_difference
OUT       ?= reports/latest

# Python 3.11 or newer; PYTHON=… names another one.
PYTHON    ?=
# Further arguments of pip, for example an index that has the CPU build of torch (README.md, "Installing").
PIP_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help report test environment clean
.DELETE_ON_ERROR:

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

report: $(INSTALLED)  ## run the whole catalogue on all five backends; the agreement report is OUT/report.html
	@$(BIN)/gradharness run --require $(BACKENDS) --out $(OUT)

test: $(INSTALLED)  ## lint, types, the arrows between the rooms, and every test
	@$(BIN)/python -m pytest -n 2 --dist loadfile

environment: $(INSTALLED)  ## install the package, the frameworks and the tools into .venv (about 3 GB, once)

clean:  ## remove the environment, the caches and the latest report
	rm -rf $(VENV) reports/latest .gradharness .mypy_cache .pytest_cache .ruff_cache

# The stamp is written last: an installation that was interrupted is taken up again.
$(INSTALLED): pyproject.toml constraints.txt
	@python=$$(for candidate in $(PYTHON) python3.11 python3; do \
	    "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	        && echo "$$candidate" && break; done) \
	    || { echo "make: no Python 3.11 or newer with venv found; install it, or name one: make PYTHON=/path/to/python"; exit 1; }; \
	echo "Installing into $(VENV) with $$($$python --version): about 3 GB, a few minutes, once."; \
	$$python -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt -e '.[all,dev]'
	@touch $@
