# lotor: everything starts here. `make setup` builds it, `make demo` shows it, `make test` proves it; each sets up what it
# needs first. Only what the tests need brings other IKE daemons onto the machine, and no daemon that comes in is enabled.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
RUST := Cargo.toml $(wildcard Cargo.lock) $(shell find rust -path rust/fuzz -prune -o -path rust/trials -prune -o \( -name '*.rs' -o -name Cargo.toml \) -print)
PYTEST := $(BIN)/python -m pytest -p no:cacheprovider
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# The oldest C library that the engine needs as Debian 12 builds it; maturin refuses the build where it needs a newer one.
MANYLINUX := manylinux_2_34
WHEEL := dist/lotor-$(VERSION)-cp311-abi3-$(MANYLINUX)_$(shell uname -m).whl
DEB := dist/lotor_$(VERSION)_$(shell dpkg --print-architecture 2>/dev/null).deb
POSTGRESQL_DEB := dist/lotor-postgresql_$(VERSION)_$(shell dpkg --print-architecture 2>/dev/null).deb
PROGRAM := pyproject.toml README.md LICENSE $(shell find src -name '*.py*' -not -name '*.pyc')

# An existing cargo of rustup's is used first, also under sudo.
export PATH := $(HOME)/.cargo/bin:$(PATH):/usr/sbin:/sbin
# Every program that a test starts would compile all of lotor again: byte code is kept, whatever the caller's environment says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup wheel deb lab-packages fleet-packages test-packages bench-packages demo fleet-demo test worlds lint types imports rust rust-beside sanitize fuzz fuzz-config fuzz-eap unit packages namespaces alone interop kernel soak hostile hostile-quick bench bench-logins bench-quick bench-comeback bench-kernel comparison bench-peers docs clean

setup: $(STAMPS)/built

# What is there already takes these a moment.
lab-packages: $(STAMPS)/system
	@./scripts/system-packages.sh lab

fleet-packages: $(STAMPS)/system
	@./scripts/system-packages.sh lab fleet

test-packages: $(STAMPS)/system
	@./scripts/system-packages.sh lab test

bench-packages: $(STAMPS)/system
	@./scripts/system-packages.sh lab test bench

$(STAMPS)/system: scripts/system-packages.sh
	./scripts/system-packages.sh build
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/python: $(STAMPS)/system pyproject.toml scripts/requirements.py
	@$(BIN)/python -c 'import sys; sys.exit("lotor needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(BIN)/python scripts/requirements.py > $(STAMPS)/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $(STAMPS)/requirements.txt
	@touch $@

$(STAMPS)/built: $(STAMPS)/python $(RUST)
	@echo 'building the packet engine: about 4 minutes the first time'
	PIP_QUIET=1 VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --quiet
	@$(BIN)/python -m compileall -q src
	@touch $@

# For every Linux with glibc 2.34 and Python 3.11 or newer: dist/lotor-*.whl. Nothing of the tests is in it.
wheel: $(WHEEL)

$(WHEEL): $(STAMPS)/python $(RUST) $(PROGRAM) $(shell find packaging/wheel.data)
	@echo 'building the wheel: about 4 minutes the first time'
	PIP_QUIET=1 $(BIN)/maturin build --release --quiet --compatibility $(MANYLINUX) --out $(@D)
	@touch $@

# For Debian 12 and 13, with all of Python that they do not have: dist/lotor_*.deb, and for gateways of a fleet
# dist/lotor-postgresql_*.deb beside it.
deb: $(DEB) $(POSTGRESQL_DEB)

$(POSTGRESQL_DEB): $(STAMPS)/python packaging/deb/postgresql.sh packaging/deb/rtupdate $(wildcard packaging/deb/*-postgresql*) pyproject.toml
	./packaging/deb/postgresql.sh $(VERSION) $(BIN)/python $@

$(DEB): $(WHEEL) $(shell find packaging -type f -not -path '*.data/*') $(shell find examples -type f)
	./packaging/deb/build.sh $(WHEEL) $(BIN)/python $@

demo: setup lab-packages
	@$(BIN)/python -m demo

# Two gateways of one fleet, and people who move between them while gateways die: docs/fleet.md.
FLEET_PEOPLE ?= 200
fleet-demo: setup fleet-packages
	@$(BIN)/python -m demo.fleet --people $(FLEET_PEOPLE)

# The Rust side is compiled and tested while the tests of packages, namespaces and interop wait for disks and programs, which
# come first by far (nice). It may tell in target/rust.log at once what is shown here at the end. It is done before what
# measures.
test: lint types imports unit deb test-packages
	@$(MAKE) --no-print-directory --jobs=2 rust-beside worlds; code=$$?; cat target/rust.log; exit $$code
	@$(MAKE) --no-print-directory alone hostile-quick

worlds:
	@$(MAKE) --no-print-directory --jobs=1 packages namespaces interop

# By make itself, not by a shell's `&`, whose processes an interrupt does not reach. One job: cargo counts processors by itself.
rust-beside:
	@echo '== rust, sanitize: beside what follows'
	@mkdir -p target; nice -n 10 $(MAKE) --no-print-directory --jobs=1 rust sanitize >target/rust.log 2>&1

lint: setup
	@echo '== lint: ruff'
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

types: setup
	@echo '== types: mypy --strict'
	$(BIN)/mypy

imports: setup
	@echo '== imports: the floors of the house'
	$(BIN)/lint-imports

rust: setup
	@echo '== rust: format, clippy, unit tests'
	cargo fmt --check
	@if cargo clippy --version >/dev/null 2>&1; then cargo clippy --quiet --all-targets -- -D warnings; \
	else echo 'this cargo brings no clippy (Debian packages none): clippy did not run'; fi
	cargo test --quiet --workspace --exclude lotor-native

# The Rust tests under the address sanitizer: C code (AWS-LC, libdeflate) is not instrumented, but what it is given lies
# between guarded ends. Flags of unstable options work with a stable compiler by RUSTC_BOOTSTRAP.
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
sanitize:
	@echo '== sanitize: the Rust tests under the address sanitizer'
	@if ls "$$(rustc --print target-libdir)"/librustc*asan* >/dev/null 2>&1; then \
		RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test --quiet --target $(HOST) --target-dir target/sanitize \
			-p lotor-esp -p lotor-modp -p lotor-pump -p lotor-trials -p lotor-wire --lib --tests; \
	else echo 'this Rust brings no address sanitizer (Debian packages none): it did not run'; fi

$(STAMPS)/promtool: scripts/promtool.sh $(STAMPS)/system
	./scripts/promtool.sh $(BIN)
	@touch $@

$(STAMPS)/peers: scripts/peers.sh lab/registers.c $(STAMPS)/system
	./scripts/peers.sh $(VENV)/peers
	@touch $@

$(STAMPS)/resolved: scripts/resolved.sh $(STAMPS)/system
	./scripts/resolved.sh $(VENV)/resolved
	@touch $@

unit: setup test-packages $(STAMPS)/promtool
	@echo '== unit and simulation'
	$(PYTEST) -m 'not root and not interop and not package' --numprocesses auto --dist worksteal

packages: setup test-packages deb
	@echo '== packages: built, installed and used in fresh Debian 12 and 13, removed'
	@test "$$(id -u)" = 0 || { echo 'these tests make Debian roots and network namespaces: run sudo make test' >&2; exit 1; }
	$(PYTEST) tests/packages -m package --numprocesses 3 --dist loadgroup

namespaces: setup test-packages
	@echo '== namespaces: what needs root'
	@test "$$(id -u)" = 0 || { echo 'these tests make network namespaces: run sudo make test' >&2; exit 1; }
	$(PYTEST) -m 'root and not interop and not package and not alone' --numprocesses 3 --dist loadfile

alone: setup test-packages
	@echo '== alone: what measures'
	@test "$$(id -u)" = 0 || { echo 'these tests make network namespaces: run sudo make test' >&2; exit 1; }
	$(PYTEST) tests/dataplane -m 'root and alone'

interop: setup test-packages $(STAMPS)/resolved $(STAMPS)/peers
	@echo '== interop: vpnc, strongSwan and lotor in network namespaces'
	@test "$$(id -u)" = 0 || { echo 'these tests make network namespaces: run sudo make test' >&2; exit 1; }
	$(PYTEST) tests/interop -m interop --numprocesses 4 --maxschedchunk 1

# An emulated machine with Debian's own kernel, for what User Mode Linux lacks: whole daemons at both ends, too. It takes
# ten minutes on a calm host, so it is not part of `make test`.
kernel: setup test-packages $(STAMPS)/machine
	@echo "== kernel: xfrm interfaces in Debian's own kernel"
	$(BIN)/python -m lab.machine pytest tests/dataplane/test_dataplane_interfaces_root.py \
		tests/dataplane/test_dataplane_offload_root.py tests/interop/test_interop_interfaces.py

$(STAMPS)/machine: scripts/machine.sh $(STAMPS)/system
	./scripts/machine.sh $(VENV)/machine
	@touch $@

# Each trial of rust/trials under libFuzzer for FUZZ_SECONDS, beginning with rust/trials/corpus; what is found new stays in
# target/fuzz/corpus, and an input that breaks something in target/fuzz/broken. Not part of `make test`, which runs the
# same trials over the corpus and a fixed set of generated inputs. FUZZ names the targets.
FUZZ ?= $(notdir $(wildcard rust/trials/corpus/*))
FUZZ_SECONDS ?= 60
CARGO_FUZZ := 0.13.1

fuzz:
	@cargo fuzz --version 2>/dev/null | grep -qxF 'cargo-fuzz $(CARGO_FUZZ)' || cargo install --quiet --locked --version $(CARGO_FUZZ) cargo-fuzz
	@cargo fmt --check --manifest-path rust/fuzz/Cargo.toml
	@for each in $(FUZZ); do \
		echo "== fuzz: $$each, $(FUZZ_SECONDS) s"; mkdir -p target/fuzz/corpus/$$each target/fuzz/broken; \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir rust/fuzz --target-dir target/fuzz $$each \
			target/fuzz/corpus/$$each rust/trials/corpus/$$each -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -len_control=0 \
			-timeout=20 -artifact_prefix=target/fuzz/broken/ -verbosity=1 -print_final_stats=1 || exit 1; \
	done

# 100,000 mutated configurations, ten minutes on one core: each ends in settings or in problems with a line and a column. The
# test suite tries 3,000.
MUTATIONS ?= 100000
fuzz-config: setup
	@echo '== fuzz-config: $(MUTATIONS) mutated configurations'
	LOTOR_CONFIG_MUTATIONS=$(MUTATIONS) $(PYTEST) -q --numprocesses auto tests/config/test_config_mutations.py

# 300 broken logins by each method of EAP at each end, and as many with broken words inside of TLS, three minutes on one core;
# the test suite tries 6 of each.
EAP_MUTATIONS ?= 300
fuzz-eap: setup
	@echo '== fuzz-eap: $(EAP_MUTATIONS) broken logins of each kind'
	LOTOR_EAP_MUTATIONS=$(EAP_MUTATIONS) $(PYTEST) -q --numprocesses auto tests/ike/test_ike_v2_eap_fuzz.py

# A thousand renewals under traffic, ten minutes; tests/interop/test_interop_renewal.py is the short version.
soak: setup test-packages
	@test "$$(id -u)" = 0 || { echo 'the soak makes network namespaces: run sudo make soak' >&2; exit 1; }
	@$(BIN)/python -m lab.soak

# Floods, guesses and lone messages of strangers against lotor and strongSwan, by turns, in network namespaces; takes half an
# hour and writes docs/reliability.md. `hostile-quick` takes two minutes and writes nothing.
hostile: setup test-packages
	@test "$$(id -u)" = 0 || { echo 'these attacks need network namespaces: run sudo make hostile' >&2; exit 1; }
	@$(BIN)/python -m bench.hostile --write

hostile-quick: setup test-packages
	@echo '== hostile: floods of strangers against lotor and strongSwan, the short form'
	@test "$$(id -u)" = 0 || { echo 'these attacks need network namespaces: run sudo make test' >&2; exit 1; }
	@$(BIN)/python -m bench.hostile --rounds 1 --seconds 8 --rates 50,200 --after 6 --people 100

# Beside other programs in network namespaces; takes half an hour and writes docs/performance.md and docs/plots. `bench-quick` takes two
# minutes and writes nothing.
bench: setup bench-peers
	@$(BIN)/python -m bench.tunnel --rounds 3 --seconds 3 --write
	@$(BIN)/python -m bench.handshakes --rounds 3 --count 300 --write
	@$(BIN)/python -m bench.processes --write
	@$(BIN)/python -m bench.memory --write
	@$(BIN)/python -m bench.startup --write

# Logins a second with each back end (accounts of the host, own users, PAM, RADIUS, LDAP) beside strongSwan with the same
# FreeRADIUS and the same PAM, by turns; five minutes.
bench-logins: setup bench-peers
	@$(BIN)/python -m bench.logins --write

bench-quick: setup bench-peers
	@$(BIN)/python -m bench.tunnel --rounds 1 --seconds 1 --without sha1 --without tunnels
	@$(BIN)/python -m bench.handshakes --rounds 1 --count 50 --groups 2 --without Argon
	@$(BIN)/python -m bench.processes --rounds 1 --count 50
	@$(BIN)/python -m bench.memory --tunnels 100 --visits 0
	@$(BIN)/python -m bench.startup --count 5
	@$(BIN)/python -m bench.logins --rounds 1 --count 24

# How long a connection is away, beside the programs that are installed of openvpn, ocserv with openconnect, strongSwan:
# twenty minutes a round. `comparison` also sets each of them up in fresh Debian roots, and writes docs/comparison.md.
bench-comeback: setup bench-peers
	@$(BIN)/python -m bench.comeback --write

# lotor with `engine kernel` beside strongSwan with kernel-netlink, by turns, in User Mode Linux: TCP through a gateway, and
# SA pairs a second; twenty minutes, and a section of docs/performance.md. For a calm machine.
bench-kernel: setup bench-peers $(STAMPS)/peers
	@$(BIN)/python -m bench.kernel --write

comparison: setup bench-peers deb
	@$(BIN)/python -m bench.comparison --write

bench-peers: $(STAMPS)/python bench-packages
	@test "$$(id -u)" = 0 || { echo 'the benchmarks make network namespaces: run sudo make bench' >&2; exit 1; }
	@$(BIN)/python scripts/requirements.py bench > $(STAMPS)/bench.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $(STAMPS)/bench.txt

clean:
	rm -rf $(VENV) target build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f src/lotor/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
