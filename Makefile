# Everything a fresh Debian 12 with Swift 6.3, git and make needs to run and test Jodrell.
#
#   make run      build for release, start a gateway with the embedded default, say what to type
#   make test     every test, then the lint
#   make fuzz     each fuzz target for SECONDS (600; CI: 8)
#   make asan     the tests of the rooms that touch memory, under the address sanitizer
#   make tsan     the tests of the rooms that share memory, under the thread sanitizer
#   make crash    kill -9 under load, ROUNDS times (200), everything acknowledged looked for after
#   make crash-states  STATES disks (100000) that a crash could leave, each opened and checked
#   make faults   the tests of faults in their long form: every byte, longer delays
#   make differential  PAIRS (1000000) random schemas and instances, compared with jsonschema-rs
#   make mutants  builds faults into the log and the verifier on purpose: the tests must find each
#   make openapi-check  calls every operation as the OpenAPI document has it, and as it has not
#   make bench    build jodrell-bench for release; `make release` both programs
#   make deb      a package for Debian 12, in .build/packages
#   make dist     a tarball for other systems, there as well
#   make package-test   both, installed into an empty Debian 12 and tried (needs root)
#   make docs     write the generated pages (docs/metrics.md, docs/problems.md) anew
#   make lint     swift format lint
#   make clean
#
# Variables: ARGS for `jodrell serve`, FILTER (a regular expression of test names) for test, asan
# and tsan, SHORT for asan, SECONDS and TARGETS for fuzz, ROUNDS for crash, STATES and SEED for
# crash-states, PAIRS and SEED for differential, MUTANTS for mutants, EXAMPLES, SPAN and SEED for
# openapi-check, SWIFT (swift) for all. JODRELL_CONFORMANCE_DATA, in the environment, names the
# folder of public suites that tests read (../shared/data, if it is there).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := test
.PHONY: run test lint fuzz asan tsan crash crash-states faults differential mutants openapi-check bench release deb dist \
  package-test package-tools docs clean packages

SWIFT ?= swift
# C libraries to build on; curl, openssl and strace for tests: other clients, certificates, the order
# of system calls.
PACKAGES := build-essential pkg-config librocksdb-dev libssl-dev libyaml-dev libpcre2-dev \
  libidn2-dev libisal-dev libnghttp2-dev libcurl4-openssl-dev curl nghttp2-client openssl strace
# Linked so that the addresses of functions are looked up at start and cannot be written afterwards;
# without a build id, since that depends on the folder.
RELEASE := -c release --static-swift-stdlib -Xlinker -z -Xlinker relro -Xlinker -z -Xlinker now \
  -Xlinker --build-id=none
# libFuzzer without its main, since a Swift executable brings its own. The compiler says where its
# libraries are; the command may be a link to something else that chooses a toolchain.
FUZZER = $(shell $(SWIFT) -print-target-info | \
  sed -n 's/.*"runtimeResourcePath": *"\([^"]*\)".*/\1/p')/clang/lib/linux/libclang_rt.fuzzer_no_main-$(shell uname -m).a
# So many tests at a time: with all of them at once the shortest one is over only when the longest is,
# and what it waits for may be gone.
AT_ONCE := 6
TEST = $(SWIFT) test --skip-build --experimental-maximum-parallelization-width $(AT_ONCE)
ARGS ?=
FILTER ?=
SECONDS ?= 600
TARGETS ?= http http2 proxy forwarded json chunk manifest token settings events avro redaction
ROUNDS ?= 200
STATES ?= 100000
PAIRS ?= 1000000
SEED ?= $(shell date +%s)
only = $(if $(FILTER),--filter '$(FILTER)')

# Test data of public conformance suites, where it lies beside the clone and nobody says where else:
# docs/schemas.md ("Conformance data") tells what it is. Without it those tests are skipped.
ifeq ($(origin JODRELL_CONFORMANCE_DATA),undefined)
ifneq ($(wildcard ../shared/data/.),)
export JODRELL_CONFORMANCE_DATA := $(abspath ../shared/data)
endif
endif

run: packages
	$(SWIFT) build $(RELEASE) --product jodrell
	exec "$$($(SWIFT) build $(RELEASE) --show-bin-path)/jodrell" serve --banner --schemas schemas $(ARGS)

# The tests of whole gateways wait more than they work, and come one after the other: beside all others.
WHOLE := ^EndToEndTests
ifeq ($(FILTER),)
test: AT_ONCE := 4
endif
test: packages
	$(SWIFT) build --build-tests
ifneq ($(FILTER),)
	$(TEST) $(only)
else
	log="$$(mktemp)"; \
	$(TEST) --ignore-lock --filter '$(WHOLE)' >"$$log" 2>&1 & \
	whole=$$!; \
	trap 'kill -INT "$$whole" 2>/dev/null || true; rm -f "$$log"' EXIT; \
	trap 'exit 130' INT TERM; \
	others=0; $(TEST) --ignore-lock --skip '$(WHOLE)' || others=$$?; \
	gateways=0; wait "$$whole" || gateways=$$?; \
	cat "$$log"; \
	[ "$$others$$gateways" = 00 ]
endif
	@$(MAKE) --no-print-directory lint

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests bench

# The sanitizers see what tests run: the rooms where their kind of fault can live, or what FILTER
# names in any room. What starts child processes is left out, since those are not instrumented.
# SHORT=1 leaves out what the fuzz targets, which share the build, do with random bytes as well:
# schemas, and the log's broken files.
ADDRESS_ROOMS := Bytes JSONText HTTPWire Network Crypto Settings $(if $(SHORT),,Schemas) RocksStore
THREAD_ROOMS := Network Metrics Topics RocksStore Delivery Gateway Client
# What they break is read by one thread; they take half of the time.
ONE_THREAD := DamagedTableTests|BrokenFileTests|TornLogTests
rooms = $(if $(FILTER),,JODRELL_TEST_ROOMS='$(1)')

# The address sanitizer's tests and the fuzz targets share one build, in which the rooms are optimised
# and count for libFuzzer what is reached. It is a debug build all the same, because whole-module builds
# leave most files without counters.
ADDRESS := --sanitize=address --scratch-path .build/address

# Frames are larger than in a release: the deepest evaluation of a schema took 9 MB without -O.
asan: packages
	JODRELL_COUNTED=1 $(call rooms,$(ADDRESS_ROOMS)) $(SWIFT) build --build-tests $(ADDRESS)
	ulimit -S -s 16384; JODRELL_COUNTED=1 $(call rooms,$(ADDRESS_ROOMS)) ASAN_OPTIONS=detect_leaks=0 \
	  $(TEST) $(ADDRESS) $(only) $(if $(SHORT),--skip '$(ONE_THREAD)')

tsan: packages
	$(call rooms,$(THREAD_ROOMS)) $(SWIFT) build --build-tests --sanitize=thread \
	  --scratch-path .build/tsan
	$(call rooms,$(THREAD_ROOMS)) \
	  TSAN_OPTIONS=suppressions=$(CURDIR)/.ci/tsan.suppressions \
	  $(TEST) --sanitize=thread --scratch-path .build/tsan $(only) --skip '$(ONE_THREAD)'

# libFuzzer with the address sanitizer, as many targets at a time as there are processors. What
# crashes stays in .build/fuzz-findings, as does what each target told; what is new stays in
# .build/fuzz-corpus and is where the next run begins.
fuzz: packages
	JODRELL_COUNTED=1 JODRELL_FUZZ=1 $(SWIFT) build $(ADDRESS) --product jodrell-fuzz -Xlinker $(FUZZER) -Xlinker -lstdc++
	mkdir -p .build/fuzz-findings
	fuzz() { \
	  mkdir -p .build/fuzz-corpus/$$1; \
	  echo "fuzz: $$1 for $(SECONDS) s"; \
	  SWIFT_BACKTRACE=enable=no JODRELL_FUZZ_TARGET=$$1 ASAN_OPTIONS=detect_leaks=0 \
	    .build/address/debug/jodrell-fuzz -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 \
	    -print_final_stats=1 -artifact_prefix=.build/fuzz-findings/$$1- \
	    .build/fuzz-corpus/$$1 Tests/Fuzz/corpus/$$1 >.build/fuzz-findings/$$1.log 2>&1 || { \
	      tail -50 .build/fuzz-findings/$$1.log; echo "fuzz: $$1 FAILED"; return 1; }; \
	  grep -E '^stat::number_of_executed_units' .build/fuzz-findings/$$1.log | sed "s/^/fuzz: $$1: /"; \
	}; \
	export -f fuzz; \
	printf '%s\n' $(TARGETS) | xargs -P "$$(nproc)" -I{} bash -c 'fuzz {}'

# docs/faults.md tells what these show.
crash: packages
	$(SWIFT) build --build-tests
	JODRELL_KILL_ROUNDS=$(ROUNDS) $(TEST) --filter EndToEndTests.EndToEnd/Crashes

crash-states: packages
	$(SWIFT) build -c release --product jodrell-crash-states
	cc -std=gnu11 -O2 -shared -fPIC -o .build/record.so Tests/CrashStates/record.c -ldl
	"$$($(SWIFT) build -c release --show-bin-path)/jodrell-crash-states" run \
	  $(CURDIR)/.build/record.so $(STATES) $(SEED)

FAULT_TESTS := BrokenFile|DamagedTable|DamagedBlocks|TornLog|FullVolume|ClockTests|WriteFaults|SlowDisks|SlowReaders|MemoryLimits|Descriptors|CrashStates
faults: packages
	$(SWIFT) build --build-tests
	JODRELL_FAULTS=long JODRELL_CRASH_STATES=2000 \
	  $(TEST) --filter '$(FAULT_TESTS)'

# jsonschema-rs comes from PyPI into an environment of its own; where that cannot be reached, nothing
# is compared, which is said and no failure. SEED repeats a run.
differential: packages
	$(SWIFT) build $(RELEASE) --product jodrell-schema-driver
	@python=.build/differential/bin/python; \
	if ! $$python -c 'import jsonschema_rs' 2>/dev/null; then \
	  python3 -m venv .build/differential && $$python -m pip install -q jsonschema-rs || true; \
	fi; \
	if $$python -c 'import jsonschema_rs' 2>/dev/null; then \
	  $$python Tests/Differential/differential.py \
	    "$$($(SWIFT) build -c release --show-bin-path)/jodrell-schema-driver" \
	    --pairs $(PAIRS) --seed $(SEED); \
	else \
	  echo "differential: SKIPPED, jsonschema-rs could not be installed from PyPI"; \
	fi

# A mutant and the tests that must fail with it. Without any, in the same build, they must pass.
MUTANTS := sync-skipped=CrashStates directory-sync-skipped=CrashStates entry-reused=CrashStates \
  chunks-kept=CrashStates side-file-skipped=OpeningTests engine-unchecked=BrokenFileTests \
  extent-unchecked=BrokenFileTests end-guessed=DamagedTableTests
mutants: packages
	$(SWIFT) build --build-tests --scratch-path .build/mutants -Xswiftc -DMUTANTS
	try() { JODRELL_MUTANT=$$1 $(TEST) --scratch-path .build/mutants \
	  -Xswiftc -DMUTANTS --filter "$$2" >.build/mutants/$$1.log 2>&1; }; \
	try none 'CrashStates|OpeningTests|BrokenFileTests|DamagedTableTests' || { tail .build/mutants/none.log; exit 1; }; \
	echo "mutants: without any, all tests pass"; \
	for mutant in $(MUTANTS); do \
	  name=$${mutant%=*}; tests=$${mutant#*=}; \
	  if try "$$name" "$$tests"; then echo "mutants: $$name SURVIVED $$tests"; exit 1; fi; \
	  grep -q 'Test run with' ".build/mutants/$$name.log" || { tail ".build/mutants/$$name.log"; exit 1; }; \
	  echo "mutants: $$name found by $$tests"; \
	done
	SWIFT=$(SWIFT) Tests/Mutants/key-binding $(CURDIR)/.build/key-binding

# Schemathesis comes from PyPI into an environment of its own; where that cannot be reached, nothing
# is called, which is said and no failure. SEED repeats a run.
EXAMPLES ?= 40
SPAN ?= 240
openapi-check: packages
	$(SWIFT) build --product jodrell
	@tool=.build/openapi-check/bin/schemathesis; \
	if ! $$tool --version >/dev/null 2>&1; then \
	  python3 -m venv .build/openapi-check && .build/openapi-check/bin/python -m pip install -q 'schemathesis>=4' || true; \
	fi; \
	if $$tool --version >/dev/null 2>&1; then \
	  python3 Tests/Contract/openapi_check.py "$$($(SWIFT) build --show-bin-path)/jodrell" $(CURDIR)/$$tool \
	    --examples $(EXAMPLES) --seconds $(SPAN) --seed $(SEED); \
	else \
	  echo "openapi-check: SKIPPED, schemathesis could not be installed from PyPI"; \
	fi

bench: packages
	$(SWIFT) build $(RELEASE) --product jodrell-bench

release: packages
	for product in jodrell jodrell-bench; do $(SWIFT) build $(RELEASE) --product $$product; done

# Sources/Debian/README.md tells what they hold.
deb dist package-test package-tools: PACKAGES += binutils dpkg-dev patchelf
package-test package-tools: PACKAGES += debootstrap
# What the packages and their test need: to be made by itself, since what is needed is looked for once in
# a run of make.
package-tools: packages
deb dist: release
	PROGRAMS="$$($(SWIFT) build $(RELEASE) --show-bin-path)" Sources/Debian/$@

package-test: deb dist
	PROGRAMS="$$($(SWIFT) build $(RELEASE) --show-bin-path)" Sources/Debian/test

# The pages are compared with the code by tests; with this variable the tests write them instead.
docs: packages
	JODRELL_WRITE_PAGES=1 $(SWIFT) test --filter 'ScrapeTests/page|RefusalTests/documentation'

clean:
	rm -rf .build

# Asks dpkg first, so that nothing happens, and no privilege is needed, where all is there.
packages:
	@missing=(); \
	for package in $(PACKAGES); do \
	  [ "$$(dpkg-query -W -f='$${db:Status-Status}' $$package 2>/dev/null || true)" = installed ] \
	    || missing+=($$package); \
	done; \
	if [ $${#missing[@]} -gt 0 ]; then \
	  echo "installing $${missing[*]}"; \
	  sudo=(); if [ "$$(id -u)" -ne 0 ]; then sudo=(sudo); fi; \
	  "$${sudo[@]}" apt-get update -qq; \
	  "$${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	    --no-install-recommends "$${missing[@]}"; \
	fi
