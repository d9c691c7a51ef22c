# The commands of this project; `make` lists them. The first that needs it builds .venv.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:

VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
LOCKS := locks/build.lock locks/requirements.lock locks/wasmer.lock
APT_BASICS := python3 python3-dev python3-venv build-essential libgmp-dev

# Scripts inside an environment carry its path: one that was moved or copied is set up again.
ifneq ($(file < $(VENV)/.root),$(CURDIR))
MOVED := moved
endif

.PHONY: help setup demo test test-3.10 check lint types contracts interop simulate histories upgrades hash-seeds fuzz hostile evidence evidence-quick soak bench vectors apps lock clean moved

help: ## list the commands
	@sed -n 's/^\([a-z0-9.-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '%-22s %s\n' "$$name" "$$text"; done

setup: $(READY) ## build .venv: everything else does it by itself

$(READY): pyproject.toml scripts/setup.py $(LOCKS) $(MOVED)
	@for python in python3 /usr/bin/python3 python3.12 python3.11 python3.10; do \
		if "$$python" -c '' 2>/dev/null; then exec "$$python" scripts/setup.py; fi; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "setup: installing $(APT_BASICS)"; export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq && apt-get install -y -qq $(APT_BASICS) >/dev/null && exec python3 scripts/setup.py; \
	else echo "setup: no Python 3 here; run: sudo apt-get install -y $(APT_BASICS)"; fi >&2; exit 1

demo: $(READY) ## four real nodes replay a recorded session (TRACE=file TRANSACTIONS=n NODES=n ENGINE=name)
	@$(PYTHON) scripts/demo.py $(if $(TRACE),--trace '$(TRACE)') \
		$(if $(TRANSACTIONS),--transactions '$(TRANSACTIONS)') \
		$(if $(NODES),--nodes '$(NODES)') $(if $(ENGINE),--engine '$(ENGINE)')

test: $(READY) ## run the tests, except those marked slow
	@$(PYTHON) -m pytest -n 2 --dist worksteal -m 'not slow' $(ARGS)

test-3.10: $(READY) ## test the runtime with both engines on Python 3.10, where one runs
	@$(PYTHON) scripts/python310.py

check: lint types contracts test test-3.10 ## what CI runs: lint, types, import contracts, tests

lint: $(READY)
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

types: $(READY)
	@$(PYTHON) -m mypy
	@$(PYTHON) -m mypy scripts
	@$(PYTHON) -m mypy -p tests.interop
	@$(PYTHON) -m mypy bench

contracts: $(READY)
	@$(VENV)/bin/lint-imports

simulate: $(READY) ## run nodes under seeded faults (SEEDS=1..200 SCENARIO=everything ARGS=)
	@$(VENV)/bin/covey simulate --seeds $(or $(SEEDS),1..200) --jobs 2 $(if $(SCENARIO),--scenario $(SCENARIO)) $(ARGS)

interop: $(READY) ## js-libp2p and a decoder in JavaScript against covey (needs Node.js 20 and npm)
	@$(PYTHON) -m tests.interop.install
	@$(PYTHON) -m pytest tests/interop $(ARGS)

histories: $(READY) ## random histories of governance in four orders: replicas beside the oracle (FIRST=0 COUNT=1000)
	@$(PYTHON) -m covey.testkit.oracle.nodes $(or $(FIRST),0) $(or $(COUNT),1000)

upgrades: $(READY) ## random upgrade schedules with attackers in four orders: no unauthorised release (FIRST=0 COUNT=1000)
	@$(PYTHON) -m covey.testkit.oracle.upgrades $(or $(FIRST),0) $(or $(COUNT),1000)

hash-seeds: $(READY) ## trace seeds under two hash seeds: they must be equal (SEEDS=1..1000 SCENARIO=everything)
	@$(PYTHON) scripts/hash_seeds.py $(or $(SEEDS),1..1000) $(if $(SCENARIO),--scenario '$(SCENARIO)')

evidence-quick: $(READY) ## repeat a sample of every claim of docs/evidence.md, about ten minutes
	@$(PYTHON) scripts/evidence_quick.py $(ARGS)

mutants: $(READY) ## plant bugs in covey, each must be found (SEEDS=1..500, ARGS=NAME)
	@$(PYTHON) scripts/mutants.py --seeds $(or $(SEEDS),1..500) $(ARGS)

evidence: $(READY) ## the same calls in many processes on every engine: same bytes, same fuel (INPUTS=10000)
	@$(PYTHON) scripts/evidence_executor.py --inputs $(or $(INPUTS),10000)

soak: $(READY) ## nodes under steady calls, killed and started again for an hour (SECONDS=3600 ARGS=)
	@$(PYTHON) scripts/soak.py --seconds $(or $(SECONDS),3600) $(ARGS)

bench: $(READY) ## measure, and write a table
	@$(PYTHON) -m bench $(ARGS)

hostile: $(READY) ## hostile frames against a real node: memory, and honest calls meanwhile (FRAMES=50000)
	@$(PYTHON) -W ignore -m bench.hostile $(or $(FRAMES),50000)

fuzz: $(READY) ## random modules and calls on every engine there is (SECONDS=60, ARGS=--fresh)
	@$(PYTHON) scripts/fuzz.py --seconds $(or $(SECONDS),60) $(ARGS)

vectors: $(READY) ## write the test vectors of protocols/ and the table of rules again, byte for byte
	@$(PYTHON) scripts/vectors.py $(ARGS)
	@$(PYTHON) scripts/rules_table.py $(ARGS)

apps: $(READY) ## build apps/ from source and compare with the committed modules (411 MB compiler)
	@$(PYTHON) -m pip install --quiet --require-hashes -r locks/apps.lock
	@$(PYTHON) scripts/build_apps.py --check

lock: $(READY) ## pin every dependency again, with hashes (needs uv)
	@$(PYTHON) scripts/lock.py

clean: ## remove .venv and everything that was generated
	@rm -rf $(VENV) $(VENV)-3.10 build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache src/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
