// SPDX-License-Identifier: Apache-2.0
// The legacy interface of a VirtIO PCI function, section 4.1.4.10: a header in I/O BAR 0, the device's
// configuration right behind it.
#include "hosted/fakes/virtio_pci.h"
#include "hosted/report.h"

namespace vireo::fake {

using hosted::hex;
using hosted::report;

namespace {
enum Legacy : u64 {
    LegacyDeviceFeatures = 0,
    LegacyDriverFeatures = 4,
    LegacyQueueAddress = 8,
    LegacyQueueSize = 12,
    LegacyQueueSelect = 14,
    LegacyQueueNotify = 16,
    LegacyStatus = 18,
    LegacyIsr = 19,
    LegacyConfigVector = 20, // while MSI-X is enabled
    LegacyQueueVector = 22,
};

// Width of the register at this offset, 0 if none starts there.
u8 legacy_width(u64 offset) {
    switch (offset) {
    case LegacyDeviceFeatures:
    case LegacyDriverFeatures:
    case LegacyQueueAddress:
        return 4;
    case LegacyQueueSize:
    case LegacyQueueSelect:
    case LegacyQueueNotify:
    case LegacyConfigVector:
    case LegacyQueueVector:
        return 2;
    case LegacyStatus:
    case LegacyIsr:
        return 1;
    default:
        return 0;
    }
}
} // namespace

u32 VirtioPci::read_legacy(u64 offset, u8 width) {
    ++legacy_accesses_;
    if (offset >= legacy_header_bytes())
        return device_.read_config(static_cast<u32>(offset) - legacy_header_bytes(), width, false,
                                   "pci.legacy.03");
    if (legacy_width(offset) != width)
        report("pci.modern.06", name() + ": legacy register " + hex(offset) + " read with " +
                                    std::to_string(8 * width) + " bits");
    Device::Queue* queue = device_.find_queue(queue_select_);
    switch (offset) {
    case LegacyDeviceFeatures:
        return device_.read_offered(0);
    case LegacyDriverFeatures:
        return device_.accepted().words[0];
    case LegacyQueueAddress:
        if (queue && (device_.stop_is_pending(queue_select_) || queue->enabled))
            return legacy_page_;
        return queue_stuck ? 1 : 0;
    case LegacyQueueSize:
        return queue ? queue->size_max : 0;
    case LegacyQueueSelect:
        return queue_select_;
    case LegacyStatus:
        return device_.read_status();
    case LegacyIsr:
        return read_isr();
    default:
        return 0xffff;
    }
}

void VirtioPci::write_legacy(u64 offset, u8 width, u32 value) {
    ++legacy_accesses_;
    if (offset >= legacy_header_bytes())
        return device_.write_config(static_cast<u32>(offset) - legacy_header_bytes(), width, value, false,
                                    "pci.legacy.03");
    if (legacy_width(offset) != width)
        report("pci.modern.06", name() + ": legacy register " + hex(offset) + " written with " +
                                    std::to_string(8 * width) + " bits");
    switch (offset) {
    case LegacyStatus:
        if (flavour_ == Flavour::Transitional)
            report("pci.legacy.07",
                   name() + ": driven through the legacy interface although it has capabilities");
        use(true);
        device_.write_status(static_cast<u8>(value));
        break;
    case LegacyDriverFeatures:
        device_.write_accepted(0, value);
        break;
    case LegacyQueueSelect:
        device_.referee().queue_touched("queue_select written");
        queue_select_ = static_cast<u16>(value);
        break;
    case LegacyQueueAddress:
        place_legacy_queue(value);
        break;
    case LegacyQueueNotify:
        device_.notify(static_cast<u16>(value));
        break;
    case LegacyConfigVector:
    case LegacyQueueVector:
        if (value != no_vector)
            report("pci.modern.41", name() + ": MSI-X vector " + hex(value) + " mapped");
        break;
    default:
        report("pci.legacy.05", name() + ": write to read-only legacy register " + hex(offset));
    }
}

// Section 2.7.2 with Queue Align 4096; the size is the device's.
void VirtioPci::place_legacy_queue(u32 page_number) {
    Device::Queue* queue = device_.find_queue(queue_select_);
    if (!queue || queue->size_max == 0)
        return report("pci.modern.56",
                      name() + ": queue " + std::to_string(queue_select_) + " does not exist");
    if (page_number == 0)
        return device_.stop_queue(queue_select_, false);
    legacy_page_ = page_number;
    queue->size = queue->size_max;
    queue->descriptors = u64{page_number} * 4096;
    queue->driver_area = queue->descriptors + 16 * u64{queue->size};
    queue->device_area = (queue->driver_area + 6 + 2 * u64{queue->size} + 4095) / 4096 * 4096;
    device_.enable_queue(queue_select_);
}

} // namespace vireo::fake
