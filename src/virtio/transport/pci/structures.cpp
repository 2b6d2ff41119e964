// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/pci/structures.h"

#include "base/owned_array.h"
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

// A capability may be longer than we know it, but not shorter, and not longer than configuration space.
bool has_room(u8 at, u8 cap_len, usize least) { return cap_len >= least && at + cap_len <= 0x100; }

// The way to BARs that found no room, made when it is first needed.
Result<PciConfigWindow*> way_around(const bus::pci::Function& function, PciStructures& found) {
    bus::pci::CapabilityWalk walk(function);
    while (auto capability = found.indirect ? std::nullopt : walk.next()) {
        u32 header = function.read32(capability->offset); // id, next, cap_len, cfg_type
        if (capability->id == bus::pci::reg::capability_vendor &&
            header >> 24 == wire::VIRTIO_PCI_CAP_PCI_CFG &&
            has_room(capability->offset, static_cast<u8>(header >> 16), sizeof(wire::virtio_pci_cfg_cap)))
            found.indirect = VIREO_TRY(make_owned<PciConfigWindow>(function, capability->offset));
    }
    if (!found.indirect)
        return error(ErrorCode::TooLarge, "PCI BAR does not fit into the windows of the host bridge");
    return found.indirect.get();
}

Result<io::Window> bar_window(const bus::pci::Function& function, unsigned index, PciStructures& found) {
    auto direct = function.bar(index);
    if (direct || direct.error().code != ErrorCode::TooLarge)
        return direct;
    // It counts offsets with 32 bits, as the capabilities do.
    return io::Window(*VIREO_TRY(way_around(function, found)), PciConfigWindow::address_of(index),
                      std::min(function.bar_facts(index).bytes, u64{1} << 32));
}

Result<io::Window> locate(const bus::pci::Function& function, u8 at, u8 cap_len, const Kind& kind,
                          PciStructures& found) {
    if (!has_room(at, cap_len, kind.cap_len))
        return error(ErrorCode::Corrupt, "capability of a wrong length");
    auto field = [&](usize offset) { return function.read32(static_cast<u8>(at + offset)); };
    u32 bar = field(offsetof(wire::virtio_pci_cap, bar)) & 0xff;
    if (bar >= bus::pci::Function::bar_count)
        return error(ErrorCode::NotSupported, "structure in a reserved BAR");
    io::Window window = VIREO_TRY(bar_window(function, bar, found));
    u32 offset = field(offsetof(wire::virtio_pci_cap, offset));
    if (offset >= window.size() || !is_aligned(offset, kind.alignment))
        return error(ErrorCode::Corrupt, "structure outside its BAR or misaligned");
    // "The drivers MUST handle an unexpectedly large length": what lies behind the end of the
    // BAR does not exist.
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
        // The device lists them in the order of its preference, which cannot know what is out of reach.
        bool is_indirect = slot && slot->registers();
        if (slot && !is_indirect)
            continue;
        auto window = locate(function, at, static_cast<u8>(header >> 16), *kind, found);
        if (!window) {
            found.problem = window.error().what;
            continue;
        }
        if (is_indirect && window->registers())
            continue;
        slot = *window;
        if (kind->window == &PciStructures::notify)
            found.notify_off_multiplier = function.read32(
                static_cast<u8>(at + offsetof(wire::virtio_pci_notify_cap, notify_off_multiplier)));
    }
    return found;
}

} // namespace vireo::virtio
