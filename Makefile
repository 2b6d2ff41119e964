# SPDX-License-Identifier: Apache-2.0
# The front of the build. `make help` lists what there is.
# No path stands in here: a name with a blank is two names to make, whatever is done about it. Paths go to
# tools/build/goal in the environment, where they are one word whatever is in them.
.DEFAULT_GOAL := all
.SUFFIXES:
.NOTPARALLEL:   # ninja runs the jobs; goals given together run in the order given

export VIREO_MAKEFILE := $(MAKEFILE_LIST)
export VIREO_OUT = $(value O)
export VIREO_JOBSFLAG = $(filter -j%,$(MAKEFLAGS))
export PYTHONDONTWRITEBYTECODE := 1

ifneq ($(origin CROSS_COMPILE),undefined)
ifneq ($(CROSS_COMPILE),)
$(info note: CROSS_COMPILE is not needed and is ignored: one Clang compiles for every board)
endif
endif

goals := all check clean compile_commands fetch help lint menuconfig mrproper olddefconfig savedefconfig vireo-hosted
boards := $(notdir $(wildcard configs/*_defconfig))   # by name, so that a shell can complete them

.PHONY: $(goals) $(boards) FORCE

$(goals) $(boards):
	@makefile=$${VIREO_MAKEFILE# }; case $$makefile in */*) ;; *) makefile=./$$makefile ;; esac; exec "$${makefile%/*}/tools/build/goal" $@

# Any other name that looks like a board: made, or said to be none.
%_defconfig: FORCE
	@makefile=$${VIREO_MAKEFILE# }; case $$makefile in */*) ;; *) makefile=./$$makefile ;; esac; exec "$${makefile%/*}/tools/build/goal" '$@'
