// SPDX-License-Identifier: Apache-2.0
#pragma once

// Read before each source of lwIP in hosted builds (cmake/hosted.cmake): what lwIP remembers lies in sections
// of its own, which hosted/lwip.cpp finds by their names.
#pragma clang section bss = "lwip_bss" data = "lwip_data"
