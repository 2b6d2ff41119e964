# SPDX-License-Identifier: Apache-2.0
# The front of the build: Kconfig through kconfiglib, then CMake and Ninja. `make help` lists what there is.
.DEFAULT_GOAL := all
.SUFFIXES:
.NOTPARALLEL:   # ninja runs the jobs; goals given together run in the order given

top := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
out := $(abspath $(or $(O),$(top)))
config := $(out)/.config

ifneq ($(origin CROSS_COMPILE),undefined)
ifneq ($(CROSS_COMPILE),)
$(info note: CROSS_COMPILE is not needed and is ignored: one Clang compiles for every board)
endif
endif

# Debian's kconfiglib belongs to Debian's python3, which need not be the first one in PATH.
python := $(firstword $(foreach p,/usr/bin/python3 python3,$(shell $(p) -c 'import kconfiglib' 2>/dev/null && echo $(p))))
export PYTHONDONTWRITEBYTECODE := 1
kconfig = $(python) $(top)/tools/kconfig/kconfig.py --kconfig $(top)/Kconfig --config $(config)
build = $(top)/tools/build/build --out $(out) --python $(python) --jobs '$(patsubst -j%,%,$(filter -j%,$(MAKEFLAGS)))'

boards := $(sort $(notdir $(wildcard $(top)/configs/*_defconfig)))

.PHONY: all check clean compile_commands fetch help lint menuconfig mrproper need-python olddefconfig savedefconfig \
        $(boards)

all: need-python
	@$(build)

need-python:
	@test -n '$(python)' || { echo 'kconfiglib is missing: install Debian'\''s python3-kconfiglib, or run tools/setup' >&2; exit 1; }

$(boards): need-python
	@mkdir -p $(out)
	@$(kconfig) defconfig $(top)/configs/$@

# Any other name that looks like a board: say so, with the list.
%_defconfig:
	@echo "$@: no such board; there are: $(boards)" >&2; exit 1

menuconfig: need-python
	@test -t 0 && test -t 1 || { echo 'menuconfig needs a terminal' >&2; exit 1; }
	@mkdir -p $(out)
	@srctree=$(top) KCONFIG_CONFIG=$(config) $(python) -m menuconfig $(top)/Kconfig

olddefconfig: need-python
	@$(kconfig) olddefconfig

savedefconfig: need-python
	@$(kconfig) savedefconfig $(out)/defconfig
	@echo 'wrote $(out)/defconfig'

compile_commands: need-python
	@$(build) --compile-commands

fetch:
	@$(top)/third_party/fetch

lint:
	@$(top)/tools/lint/run

check:
	@$(top)/test

clean:
	@rm -rf $(out)/build $(out)/compile_commands.json
	@cd $(out) && rm -f u-boot.bin u-boot.rom vireo.bin vireo.elf vireo.map vireo.rom vireo-hosted vireo-tests

mrproper: clean
	@rm -f $(out)/.config $(out)/.config.old $(out)/defconfig

help:
	@echo 'Choose a board (writes .config):'
	@for b in $(boards); do echo "  make $$b"; done
	@echo 'Then:'
	@echo '  make                  build it: u-boot.bin (x86: u-boot.rom too), vireo.elf, vireo.bin, vireo.map'
	@echo '                        (hosted: vireo-hosted, vireo-tests)'
	@echo '  make O=DIR ...        the same with .config and everything written in DIR'
	@echo '  make menuconfig       change the configuration'
	@echo '  make savedefconfig    write it as a minimal file, defconfig'
	@echo '  make olddefconfig     bring an old .config up to date'
	@echo '  make compile_commands write compile_commands.json for editors'
	@echo '  make lint             run the linters'
	@echo '  make check            run every test (the same as ./test)'
	@echo '  make fetch            bring the third-party tarballs; afterwards no network is needed'
	@echo '  make clean            remove what was built;  make mrproper: the configuration too'
