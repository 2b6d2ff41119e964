// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/mmio/mmio_source.h"

#include "base/log.h"
#include "base/owned_array.h"
#include "virtio/transport/mmio/mmio_transport.h"
#include "virtio/wire/mmio.h"

namespace vireo::virtio {

Result<std::unique_ptr<Transport>> probe_mmio(const MmioSlot& slot) {
    if (!range_fits(slot.base, slot.bytes, io::reach_of(io::Space::Memory)) || !is_aligned(slot.base, 4) ||
        slot.bytes < wire::mmio::Config)
        return error(ErrorCode::NotSupported, "slot out of reach, misaligned or too small");
    io::Window registers(io::Space::Memory, slot.base, slot.bytes);

    // Section 4.2.3.1.1: these three, in this order, and nothing else unless all are right.
    if (registers.read32(wire::mmio::MagicValue) != wire::mmio::magic)
        return error(ErrorCode::NotSupported, "no VirtIO registers (wrong MagicValue)");
    u32 version = registers.read32(wire::mmio::Version);
    if (version != wire::mmio::version_legacy && version != wire::mmio::version_modern)
        return error(ErrorCode::NotSupported, "unknown register layout (Version is not 1 or 2)");
    u32 device_type = registers.read32(wire::mmio::DeviceID);
    if (device_type == 0)
        return error(ErrorCode::NotFound, "empty slot");
    return VIREO_TRY(
        make_owned<MmioTransport>(registers, version == wire::mmio::version_legacy, device_type));
}

void MmioSource::enumerate(Sink& sink) {
    for (const MmioSlot& slot : slots_) {
        auto transport = probe_mmio(slot);
        if (transport)
            sink.found(std::move(*transport));
        else if (transport.error().code != ErrorCode::NotFound)
            warn("mmio@{:x}: {}; ignored", slot.base, transport.error());
    }
}

} // namespace vireo::virtio
