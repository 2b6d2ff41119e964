// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/pci/config_window.h"

#include "virtio/wire/pci.h"

namespace vireo::virtio {

using wire::virtio_pci_cap;

u8 PciConfigWindow::field(usize offset) const { return static_cast<u8>(capability_ + offset); }

void PciConfigWindow::select(u64 address, u8 width) {
    function_.write8(field(offsetof(virtio_pci_cap, bar)), static_cast<u8>(address >> 32));
    // The length before the offset, which has to be a multiple of it whenever it is written.
    function_.write32(field(offsetof(virtio_pci_cap, length)), width);
    function_.write32(field(offsetof(virtio_pci_cap, offset)), static_cast<u32>(address));
}

u32 PciConfigWindow::read(u64 address, u8 width) {
    // Who waits reads the same register again and again.
    if (address != address_ || width != width_)
        select(address, width);
    u8 at = field(offsetof(wire::virtio_pci_cfg_cap, pci_cfg_data));
    u32 value = width == 1 ? function_.read8(at) : width == 2 ? function_.read16(at) : function_.read32(at);
    // All ones is what a device says that was not there to be told where to point.
    bool is_answer = value != ~u32{0} >> (32 - 8 * width);
    address_ = address;
    width_ = is_answer ? width : u8{0};
    return value;
}

void PciConfigWindow::write(u64 address, u8 width, u32 value) {
    select(address, width);
    width_ = 0;
    u8 at = field(offsetof(wire::virtio_pci_cfg_cap, pci_cfg_data));
    if (width == 1)
        function_.write8(at, static_cast<u8>(value));
    else if (width == 2)
        function_.write16(at, static_cast<u16>(value));
    else
        function_.write32(at, value);
}

} // namespace vireo::virtio
