# The commands of this project; `make help` lists them. Each sets up what it needs first, and can
# be repeated at will: what is done already is not done again.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
CROSS_SHARE ?= 4
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
INGOT_MLX ?= $(if $(filter Darwin,$(shell uname -s)),metal,cpu)
export INGOT_MLX

# The compiler cache lives in the checkout, unless the user has one. Paths in it are relative, so
# that it serves a moved checkout too.
export CCACHE_DIR ?= $(CURDIR)/.cache/ccache
export CCACHE_BASEDIR ?= $(CURDIR)
export CCACHE_NOHASHDIR ?= 1

configure = cmake --preset $(1) -DINGOT_MLX=$(INGOT_MLX) -Wno-dev --log-level=WARNING
compile = $(call configure,$(1)) && cmake --build --preset $(1) -j $(JOBS)
# --timeout counts for a test that hangs; the longest takes a small part of it.
ctest = ctest --test-dir build/$(1) -j $(JOBS) --output-on-failure --no-tests=error --timeout $(2)

.PHONY: help deps build demo test soak bench install format lint cross fuzz clean distclean

help:  ## list the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

deps:  ## install what building and testing needs (Debian 12; INGOT_MLX=cpu, cuda or metal)
	@tools/setup.sh build

build: deps  ## build/release/bin/ingot
	@$(call compile,release)

demo: build  ## see it work
	@demo/demo.sh

test: build  ## every test at its short size
	@$(call ctest,release,600)

soak: build  ## every test and fuzz target at its full size (hours)
	@tools/setup.sh soak
	@INGOT_SOAK=1 $(call ctest,release,28800)
	@.deps/venv/bin/python tests/soak/minilm_test.py build/release/bin/ingot .deps/all-minilm-l6-v2
	@tools/setup.sh ci
	@tools/run_fuzz.sh --share 1

bench: deps  ## build the benchmark programs and run them
	@$(call compile,bench)
	@tools/run_bench.sh build/bench/bin

install: build  ## install below PREFIX (/usr/local); DESTDIR is honoured
	@cmake --install build/release --prefix "$(PREFIX)"

format: deps  ## format every source file in place
	@tools/setup.sh ci
	@tools/format.sh

lint: build  ## formatting, layers, clang-tidy, house rules
	@tools/setup.sh ci
	@tools/lint.sh

cross:  ## build the portable rooms for aarch64 and run their tests under qemu
	@tools/setup.sh build cross
	@$(call compile,aarch64)
	@echo "cross: the processor is emulated: long tests take 1/$(CROSS_SHARE) of their inputs (INGOT_TEST_SHARE)"
	@INGOT_TEST_SHARE=$(CROSS_SHARE) $(call ctest,aarch64,1200)

fuzz:  ## a short run of every fuzz target
	@tools/setup.sh build ci
	@tools/run_fuzz.sh --share 0.01

clean:  ## remove what was built
	@rm -rf build dist

distclean: clean  ## remove what was downloaded and cached, too
	@rm -rf .deps .cache
