// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/pci/config_window.h"

#include "virtio/wire/pci.h"

namespace vireo::virtio {

using wire::virtio_pci_cap;

u8 PciConfigWindow::select(u64 address, u8 width) {
    auto field = [this](usize offset) { return static_cast<u8>(capability_ + offset); };
    u8 data = field(offsetof(wire::virtio_pci_cfg_cap, pci_cfg_data));
    // Who waits reads the same register again and again.
    if (address == address_ && width == width_)
        return data;
    address_ = address;
    width_ = width;
    function_.write8(field(offsetof(virtio_pci_cap, bar)), static_cast<u8>(address >> 32));
    // The length before the offset, which has to be a multiple of it whenever it is written.
    function_.write32(field(offsetof(virtio_pci_cap, length)), width);
    function_.write32(field(offsetof(virtio_pci_cap, offset)), static_cast<u32>(address));
    return data;
}

u32 PciConfigWindow::read(u64 address, u8 width) {
    u8 data = select(address, width);
    return width == 1 ? function_.read8(data) : width == 2 ? function_.read16(data) : function_.read32(data);
}

void PciConfigWindow::write(u64 address, u8 width, u32 value) {
    u8 data = select(address, width);
    if (width == 1)
        function_.write8(data, static_cast<u8>(value));
    else if (width == 2)
        function_.write16(data, static_cast<u16>(value));
    else
        function_.write32(data, value);
}

} // namespace vireo::virtio
