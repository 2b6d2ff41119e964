// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/burst_access.h"
#include "io/window.h"

namespace vireo::io {

// Writes all bytes, one after the other, to one 8-bit register: a FIFO. In port space it is one access to the
// hypervisor. For consoles: it is not counted.
inline void write_burst(const Window& window, u64 offset, std::string_view bytes) {
    VIREO_ASSERT(window.contains(offset, 1));
    if (window.space() == Space::Port)
        raw::port_write8_burst(static_cast<u16>(window.base() + offset), bytes);
    else
        for (char byte : bytes)
            raw::write8(static_cast<uptr>(window.base() + offset), static_cast<u8>(byte));
}

} // namespace vireo::io
