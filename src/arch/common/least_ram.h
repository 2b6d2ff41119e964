/* SPDX-License-Identifier: Apache-2.0 */
/* How much RAM Vireo needs, for C++ and for the reset code, which says so itself where there is not even enough
   to run C++. Plain macros: assembly reads them too. */
#pragma once

/* Image, stack, device tree and the smallest heap take less than this, on a machine with a usual set of
   devices. */
#define VIREO_LEAST_RAM_MIB 8
#define VIREO_TOO_LITTLE_RAM "\r\nVireo cannot start: there is too little RAM, it needs 8 MiB\r\n"
