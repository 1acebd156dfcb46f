# All of this works from a bare checkout with Python 3.11 and GNU make: each target first makes
# what it needs, and what is there already is left alone.

.DEFAULT_GOAL := help
.SUFFIXES:

VENV := .venv
READY := $(VENV)/ready
BIN := $(VENV)/bin
CODE := core plugins tests

# What tests leave behind is kept by user, so that root and the checkout's owner can take turns.
LEFT := $(CURDIR)/$(VENV)/left-by-$(shell id -u)
export RUFF_CACHE_DIR := $(LEFT)/ruff
export MYPY_CACHE_DIR := $(LEFT)/mypy
export HYPOTHESIS_STORAGE_DIRECTORY := $(LEFT)/hypothesis
export COVERAGE_FILE := $(LEFT)/coverage/data

DEMO_PACKAGES := iproute2
BENCH_PACKAGES := keepalived stress-ng ucarp
TEST_PACKAGES := etcd-server fence-agents iproute2 iputils-arping net-tools nftables opensmtpd procps systemd util-linux

.PHONY: help test demo lint hosts table crash abuses bench bench-outages bench-sim worlds proof fuzz clean FORCE

help: ## Say what can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

test: $(READY) ## Run everything that a change must pass. With CI=true nothing may be left out.
	@.ci/host-packages $(TEST_PACKAGES)
	@$(MAKE) --no-print-directory lint
	@rm -rf $(LEFT)/coverage && mkdir -p $(LEFT)/coverage
	@# Tests mostly compute or wait: three side by side keep two cores busy. Pairs in namespaces are
	@# watched by the millisecond, and have the machine to themselves, but for the patient ones.
	@$(BIN)/coverage run -m pytest -q -o cache_dir=$(LEFT)/pytest --junit-xml=$(LEFT)/side-by-side.xml \
		-n 3 --dist worksteal -m "not hosts or patient"
	@$(BIN)/coverage run -m pytest -q -o cache_dir=$(LEFT)/pytest --junit-xml=$(LEFT)/hosts.xml -m "not patient" tests/hosts
	@# A process that a test has killed leaves an empty file.
	@find $(LEFT)/coverage -size 0 -delete
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage json -q -o $(LEFT)/coverage.json
	@$(BIN)/python .ci/coverage_gate.py $(LEFT)/coverage.json $(LEFT)/side-by-side.xml $(LEFT)/hosts.xml

demo: $(READY) ## Show a failover: as root on Linux between two real hosts of its own, else on loopback.
	@.ci/host-packages $(DEMO_PACKAGES)
	@$(BIN)/ipfo demo

lint: $(READY) ## Check style, types and floors.
	@mkdir -p $(LEFT)
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check . || { echo "run: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/mypy --no-error-summary $(CODE)
	@$(BIN)/lint-imports --no-logo --cache-dir $(LEFT)/imports > $(LEFT)/imports.txt \
		|| { cat $(LEFT)/imports.txt >&2; exit 1; }
	@echo "lint: style, types and floors are clean"

hosts: $(READY) ## Run only the tests with real daemons and addresses (root, Linux).
	@.ci/host-packages $(TEST_PACKAGES)
	@$(BIN)/pytest -q -o cache_dir=$(LEFT)/pytest -m "root or hosts"

table: $(READY) ## Play every fault on real daemons, a sample of which is in the tests; print who held (root).
	@.ci/host-packages $(TEST_PACKAGES)
	@IPFO_ALL_PLAYS=1 $(BIN)/pytest -q -o cache_dir=$(LEFT)/pytest tests/hosts/test_one_holder.py \
		tests/hosts/test_partitions.py tests/hosts/test_fences.py tests/hosts/test_meddling.py \
		tests/hosts/test_drift.py \
		tests/hosts/test_handover.py tests/hosts/test_restart.py tests/hosts/test_checks.py

crash: $(READY) ## Kill every process of a pair at every boundary of every move: make crash PLAYS="takeover stop".
	@$(BIN)/python -m tests.crash.sweep $(PLAYS)

abuses: $(READY) ## Let plugins of every kind misbehave in every way; a sample of that is in the tests.
	@IPFO_ALL_PLAYS=1 $(BIN)/pytest -q -o cache_dir=$(LEFT)/pytest tests/isolation

bench-outages: $(READY) ## Print what a client misses at each fault, and what a node costs (root, Linux).
	@.ci/host-packages $(TEST_PACKAGES)
	@$(BIN)/python tests/bench/outages.py

bench: $(READY) ## Measure ipfo beside keepalived and UCarp; write docs/explanation/figures.md (root, Linux, 35 min).
	@.ci/host-packages $(TEST_PACKAGES) $(BENCH_PACKAGES)
	@mkdir -p $(LEFT)
	@$(BIN)/python -m tests.bench.contest $(LEFT)/figures.json --page \
		--trials $(or $(TRIALS),7) --minutes $(or $(MINUTES),40) \
		$(if $(TABLES),--tables $(TABLES))

bench-sim: $(READY) ## Print what a simulated day and a simulated fault cost.
	@$(BIN)/python -m tests.bench.simulate

worlds: $(READY) ## Run simulated worlds by seed: make worlds FIRST=0 END=100000.
	@$(BIN)/python -m tests.sim.soak $(or $(FIRST),0) $(or $(END),10000)

proof: $(READY) ## Try all that can happen in small pairs; find each rule taken out. STATES=100000 looks further.
	@$(BIN)/python -m tests.proof.prove $(STATES)

fuzz: $(READY) ## Feed each parser what atheris makes up: make fuzz RUNS=10000000 HARNESSES="wire control".
	@$(BIN)/python -m pip --disable-pip-version-check -qq install --only-binary :all: 'atheris>=3'
	@for each in $(or $(HARNESSES),$$($(BIN)/python -m tests.fuzz.run)); do \
		echo "fuzz: $$each"; \
		$(BIN)/python -m tests.fuzz.run $$each $(LEFT)/fuzz/$$each $(or $(RUNS),100000) || exit 1; \
	done

clean: ## Remove whatever the targets above have made.
	rm -rf $(VENV) dist
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# A checkout that was moved has a venv full of paths that are not there: $(READY) says for where.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
$(READY): FORCE
endif
$(READY): pyproject.toml .ci/prepare
	@.ci/prepare $(VENV)

FORCE:
