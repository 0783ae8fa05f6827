# Needs make (GNU 3.81 or newer) and Python 3.11 or newer with venv and pip; everything else goes into .venv.
# Another Python: make PYTHON=python3.13 report

PYTHON ?= python3
UV_VERSION := 0.13.9
PY := .venv/bin/python
TESTS ?= tests cjlab
WORKERS ?= 2

# One BLAS thread a process: two notebooks or test workers run side by side, and sums come out the same everywhere.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help report test prove lint lab lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

report: .venv/.runtime ## make the sample report, reports/nordic-outdoor-shop/latest/index.html
	.venv/bin/cjlab report data/retail/study.yaml --out reports/

test: .venv/.test ## run the tests and the doctests
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder --doctest-modules $(TESTS)

prove: .venv/.test ## run the long proofs that `make test` leaves out
	$(PY) -m pytest -q -m prove $(TESTS)

lint: .venv/.test ## check style, format and types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

lab: .venv/.runtime ## open the notebooks in JupyterLab
	.venv/bin/jupyter lab notebooks

lock: .venv/.runtime ## resolve requirements*.txt anew from pyproject.toml
	$(LOCK) --group build --output-file requirements.txt
	$(LOCK) --group build --group dev --all-extras --constraint requirements.txt --output-file requirements-test.txt

clean: ## remove the environment and the caches, never a report or a study's .cjlab
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis

LOCK = $(PY) -m uv pip compile --quiet --no-config --universal --python-version 3.11 \
	--generate-hashes --no-header --upgrade pyproject.toml

# pip's own index and certificate settings are handed to uv, which does not read them;
# where uv cannot install all the same, pip does, more slowly.
define install
	@setting() { $(PY) -m pip config get "global.$$1" 2>/dev/null || true; }; \
	index="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$(setting index-url)}}"; \
	cert="$${SSL_CERT_FILE:-$${PIP_CERT:-$$(setting cert)}}"; \
	if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; fi; \
	if [ -n "$$cert" ]; then export SSL_CERT_FILE="$$cert"; fi; \
	echo "installing $(1)"; \
	$(PY) -m uv pip install --quiet --python $(PY) --no-build-isolation $(2) \
	|| { echo "uv could not install $(1); trying pip" >&2; \
	     $(PY) -m pip install --quiet --no-build-isolation $(2); }
endef

.venv/.runtime: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "cjlab needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) --version 2>&1 | tail -n 1). Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(PY) -m pip install --quiet uv==$(UV_VERSION) || echo "no uv here; pip installs instead" >&2
	$(call install,requirements.txt,--require-hashes -r requirements.txt)
	$(call install,cjlab,--no-deps -e .)
	@touch $@

.venv/.test: .venv/.runtime requirements-test.txt
	$(call install,requirements-test.txt,--require-hashes -r requirements-test.txt)
	@touch $@
