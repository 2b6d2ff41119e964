// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/pci/structures.h"

#include "virtio/wire/pci.h"

namespace vireo::virtio {

namespace {

// What the standard says about each structure that we use.
struct Kind {
    u8 cfg_type;
    u8 cap_len;    // least length of the capability
    u8 length;     // least length of the structure
    u8 alignment;  // of its offset
    u32 used_most; // how much of it a driver can have a use for
    std::optional<io::Window> PciStructures::* window;
};

constexpr u32 common_bytes = sizeof(wire::virtio_pci_common_cfg);
constexpr u32 least_common_bytes = offsetof(wire::virtio_pci_common_cfg, queue_notif_config_data);
constexpr u32 no_limit = ~u32{0};
constexpr Kind kinds[] = {
    {wire::VIRTIO_PCI_CAP_COMMON_CFG, sizeof(wire::virtio_pci_cap), least_common_bytes, 4, common_bytes,
     &PciStructures::common},
    {wire::VIRTIO_PCI_CAP_NOTIFY_CFG, sizeof(wire::virtio_pci_notify_cap), 2, 2, no_limit,
     &PciStructures::notify},
    {wire::VIRTIO_PCI_CAP_ISR_CFG, sizeof(wire::virtio_pci_cap), 1, 1, 1, &PciStructures::isr},
    {wire::VIRTIO_PCI_CAP_DEVICE_CFG, sizeof(wire::virtio_pci_cap), 1, 4, no_limit, &PciStructures::device},
};

const Kind* kind_of(u8 cfg_type) {
    for (const Kind& kind : kinds)
        if (kind.cfg_type == cfg_type)
            return &kind;
    return nullptr; // of no use to us, or reserved
}

Result<io::Window> locate(const bus::pci::Function& function, u8 at, u8 cap_len, const Kind& kind) {
    // A capability may be longer than we know it, but not shorter, and not longer than configuration space.
    if (cap_len < kind.cap_len || at + cap_len > 0x100)
        return error(ErrorCode::Corrupt, "capability of a wrong length");
    auto field = [&](usize offset) { return function.read32(static_cast<u8>(at + offset)); };
    u32 bar = field(offsetof(wire::virtio_pci_cap, bar)) & 0xff;
    if (bar >= bus::pci::Function::bar_count)
        return error(ErrorCode::NotSupported, "structure in a reserved BAR");
    io::Window window = VIREO_TRY(function.bar(bar));
    u32 offset = field(offsetof(wire::virtio_pci_cap, offset));
    if (offset >= window.size() || !is_aligned(offset, kind.alignment))
        return error(ErrorCode::Corrupt, "structure outside its BAR or misaligned");
    // "The drivers MUST handle an unexpectedly large length": what lies behind the end of the BAR does not exist.
    u64 length = std::min<u64>(field(offsetof(wire::virtio_pci_cap, length)), window.size() - offset);
    if (length < kind.length)
        return error(ErrorCode::Corrupt, "structure too short");
    return window.part(offset, std::min<u64>(length, kind.used_most));
}

} // namespace

PciStructures find_structures(const bus::pci::Function& function) {
    PciStructures found;
    bus::pci::CapabilityWalk walk(function);
    while (auto capability = walk.next()) {
        u8 at = capability->offset;
        if (capability->id == bus::pci::reg::capability_msix && found.msix_capability == 0)
            found.msix_capability = at;
        if (capability->id != bus::pci::reg::capability_vendor)
            continue;
        u32 header = function.read32(at); // id, next, cap_len, cfg_type
        const Kind* kind = kind_of(static_cast<u8>(header >> 24));
        if (!kind)
            continue;
        found.any = true;
        auto& slot = found.*kind->window;
        if (slot) // the device lists them in the order of its preference
            continue;
        auto window = locate(function, at, static_cast<u8>(header >> 16), *kind);
        if (!window) {
            found.problem = window.error().what;
            continue;
        }
        slot = *window;
        if (kind->window == &PciStructures::notify)
            found.notify_off_multiplier = function.read32(
                static_cast<u8>(at + offsetof(wire::virtio_pci_notify_cap, notify_off_multiplier)));
    }
    return found;
}

} // namespace vireo::virtio
