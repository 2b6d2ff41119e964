// SPDX-License-Identifier: Apache-2.0
#include "io/doorbell.h"

namespace vireo::io {

void Doorbell::ring() const {
    detail::access_count += kind_ != Kind::Indirect16; // counts what it does itself
    switch (kind_) {
    case Kind::Memory16:
        return raw::write16(static_cast<uptr>(address_), static_cast<u16>(value_));
    case Kind::Memory32:
        return raw::write32(static_cast<uptr>(address_), value_);
    case Kind::Port16:
        return raw::port_write16(static_cast<u16>(address_), static_cast<u16>(value_));
    case Kind::Indirect16:
        return registers_->write(address_, 2, value_);
    case Kind::None:
        break;
    }
    VIREO_ASSERT(kind_ != Kind::None);
}

void Doorbell::ring_with(u16 next) const {
    VIREO_ASSERT(kind_ == Kind::Memory32);
    ++detail::access_count;
    raw::write32(static_cast<uptr>(address_), (value_ & 0xffff) | static_cast<u32>(next) << 16);
}

} // namespace vireo::io
