// SPDX-License-Identifier: Apache-2.0
#include "io/window.h"

namespace vireo::io {

namespace detail {
constinit u64 access_count = 0;
}

u64 accesses() { return detail::access_count; }

Result<Window> Window::part(u64 offset, u64 bytes) const {
    if (!contains(offset, bytes))
        return error(ErrorCode::OutOfRange, "register window");
    Window window = *this;
    window.base_ += offset;
    window.bytes_ = bytes;
    return window;
}

u64 Window::address(u64 offset, u64 width) const {
    VIREO_ASSERT(contains(offset, width) && is_aligned(base_ + offset, width));
    detail::access_count += counted_;
    return base_ + offset;
}

// Windows are made only for addresses that the processor can reach, so the conversions below lose nothing.
u8 Window::read8(u64 offset) const {
    u64 at = address(offset, 1);
    if (registers_)
        return static_cast<u8>(registers_->read(at, 1));
    return space_ == Space::Memory ? raw::read8(static_cast<uptr>(at))
                                   : raw::port_read8(static_cast<u16>(at));
}
u16 Window::read16(u64 offset) const {
    u64 at = address(offset, 2);
    if (registers_)
        return static_cast<u16>(registers_->read(at, 2));
    return space_ == Space::Memory ? raw::read16(static_cast<uptr>(at))
                                   : raw::port_read16(static_cast<u16>(at));
}
u32 Window::read32(u64 offset) const {
    u64 at = address(offset, 4);
    if (registers_)
        return registers_->read(at, 4);
    return space_ == Space::Memory ? raw::read32(static_cast<uptr>(at))
                                   : raw::port_read32(static_cast<u16>(at));
}
void Window::write8(u64 offset, u8 value) const {
    u64 at = address(offset, 1);
    if (registers_)
        return registers_->write(at, 1, value);
    space_ == Space::Memory ? raw::write8(static_cast<uptr>(at), value)
                            : raw::port_write8(static_cast<u16>(at), value);
}
void Window::write16(u64 offset, u16 value) const {
    u64 at = address(offset, 2);
    if (registers_)
        return registers_->write(at, 2, value);
    space_ == Space::Memory ? raw::write16(static_cast<uptr>(at), value)
                            : raw::port_write16(static_cast<u16>(at), value);
}
void Window::write32(u64 offset, u32 value) const {
    u64 at = address(offset, 4);
    if (registers_)
        return registers_->write(at, 4, value);
    space_ == Space::Memory ? raw::write32(static_cast<uptr>(at), value)
                            : raw::port_write32(static_cast<u16>(at), value);
}

} // namespace vireo::io
