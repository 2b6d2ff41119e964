// SPDX-License-Identifier: Apache-2.0
#include "hosted/fakes/mmio.h"

#include "hosted/report.h"

namespace vireo::fake {
namespace {

// Register offsets, tables of sections 4.2.2 and 4.2.4.
enum Offset : u64 {
    MagicValue = 0x000,
    Version = 0x004,
    DeviceId = 0x008,
    VendorId = 0x00c,
    DeviceFeatures = 0x010,
    DeviceFeaturesSel = 0x014,
    DriverFeatures = 0x020,
    DriverFeaturesSel = 0x024,
    GuestPageSize = 0x028, // version 1
    QueueSel = 0x030,
    QueueSizeMax = 0x034,
    QueueSize = 0x038,
    QueueAlign = 0x03c, // version 1
    QueuePfn = 0x040,   // version 1
    QueueReady = 0x044,
    QueueNotify = 0x050,
    InterruptStatus = 0x060,
    InterruptAck = 0x064,
    Status = 0x070,
    QueueDescLow = 0x080,
    QueueDescHigh = 0x084,
    QueueDriverLow = 0x090,
    QueueDriverHigh = 0x094,
    QueueDeviceLow = 0x0a0,
    QueueDeviceHigh = 0x0a4,
    ShmSel = 0x0ac,
    ShmLenLow = 0x0b0,
    ShmLenHigh = 0x0b4,
    ShmBaseLow = 0x0b8,
    ShmBaseHigh = 0x0bc,
    QueueReset = 0x0c0,
    ConfigGeneration = 0x0fc,
    Config = 0x100,
};

enum class Direction { None, R, W, RW };

Direction direction_of(u64 offset, bool legacy) {
    switch (offset) {
    case MagicValue:
    case Version:
    case DeviceId:
    case VendorId:
    case DeviceFeatures:
    case QueueSizeMax:
    case InterruptStatus:
        return Direction::R;
    case DeviceFeaturesSel:
    case DriverFeatures:
    case DriverFeaturesSel:
    case QueueSel:
    case QueueSize:
    case QueueNotify:
    case InterruptAck:
        return Direction::W;
    case Status:
        return Direction::RW;
    case GuestPageSize:
    case QueueAlign:
        return legacy ? Direction::W : Direction::None;
    case QueuePfn:
        return legacy ? Direction::RW : Direction::None;
    default:
        break;
    }
    if (legacy)
        return Direction::None;
    switch (offset) {
    case QueueReady:
    case QueueReset:
        return Direction::RW;
    case QueueDescLow:
    case QueueDescHigh:
    case QueueDriverLow:
    case QueueDriverHigh:
    case QueueDeviceLow:
    case QueueDeviceHigh:
    case ShmSel:
        return Direction::W;
    case ShmLenLow:
    case ShmLenHigh:
    case ShmBaseLow:
    case ShmBaseHigh:
    case ConfigGeneration:
        return Direction::R;
    default:
        return Direction::None;
    }
}

// Which address registers of a queue were written.
constexpr u8 wrote_size = 1;
constexpr u8 all_modern = 0x7f;

Features transport_features(u32 version) {
    if (version == 1)
        return Features{feature::any_layout, feature::indirect_desc, feature::event_idx};
    return Features{feature::indirect_desc,   feature::event_idx,         feature::version_1,
                    feature::access_platform, feature::ring_packed,       feature::in_order,
                    feature::order_platform,  feature::notification_data, feature::ring_reset,
                    feature::suspend};
}

void set_half(u64& address, bool high, u32 value) {
    address = high ? (address & 0xffff'ffff) | u64{value} << 32 : (address & ~u64{0xffff'ffff}) | value;
}

} // namespace

MmioSlot::MmioSlot(u64 base, u32 register_version, Device* device)
    : version(register_version), base_(base), device_(device), range_(io::Space::Memory, base, bytes, *this) {
    if (!device_)
        return;
    device_->use_legacy_interface(is_legacy());
    device_->set_transport_features(transport_features(version));
    if (version == 1)
        device_->become_legacy();
}

void MmioSlot::complain(const char* rule, u64 offset, const char* text) const {
    hosted::report(rule, (device_ ? device_->name() : "empty slot") + ": register " + hosted::hex(offset) +
                             ": " + text);
}

// Section 4.2.3.1: MagicValue and Version first, then DeviceID; nothing else before, nothing
// at all if it is 0.
bool MmioSlot::identify(u64 offset, u32& value) {
    switch (offset) {
    case MagicValue:
        identified_ = std::max(identified_, 1u);
        value = magic;
        return true;
    case Version:
        if (identified_ < 1)
            complain("mmio.24", offset, "Version read before MagicValue");
        identified_ = std::max(identified_, 2u);
        value = version;
        return true;
    case DeviceId:
        if (identified_ < 2)
            complain("mmio.25", offset, "DeviceID read before MagicValue and Version");
        if (magic != 0x7472'6976)
            complain("mmio.06", offset, "the device has no valid MagicValue");
        else if (version != 1 && version != 2)
            complain("mmio.08", offset, "the device has no valid Version");
        identified_ = 3;
        value = device_id ? *device_id : device_ ? device_->type() : 0;
        return true;
    default:
        return false;
    }
}

u32 MmioSlot::read(u64 offset, u8 width) {
    ++reads_;
    if (device_ && device_->faults.gone) {
        ++device_->reads_after_removal;
        return 0xffff'ffff;
    }
    if (offset < Config && (width != 4 || offset % 4 != 0))
        complain("mmio.04", offset, "not a 32-bit access");
    u32 value = 0;
    if (offset < Config && identify(offset, value))
        return value;
    if (identified_ < 3)
        complain("mmio.24", offset, "read before the device was identified");
    if (!device_ || device_id == 0u) {
        complain("mmio.27", offset, "read although DeviceID is 0");
        return 0;
    }
    if (offset >= Config)
        return device_->read_config(static_cast<u32>(offset - Config), width, true, "mmio.05");
    Direction direction = direction_of(offset, is_legacy());
    if (direction == Direction::None)
        complain("mmio.01", offset, "read of an undefined register");
    else if (direction == Direction::W)
        complain("mmio.03", offset, "read of a write-only register");
    if (offset >= ShmSel && offset <= ShmBaseHigh)
        complain("mmio.28", offset, "shared memory register read");
    return read_register(offset);
}

u32 MmioSlot::read_register(u64 offset) {
    switch (offset) {
    case VendorId:
        return 0x554d'4551;
    case DeviceFeatures:
        if (!device_features_select_)
            complain("mmio.12", offset, "read before DeviceFeaturesSel was written");
        return device_->read_offered(device_features_select_.value_or(0));
    case InterruptStatus:
        return device_->events() | undefined_events;
    case Status:
        return device_->read_status();
    case ConfigGeneration:
        return device_->generation();
    case ShmLenLow:
    case ShmLenHigh:
    case ShmBaseLow:
    case ShmBaseHigh:
        return 0xffff'ffff; // no such region
    case QueueSizeMax:
    case QueuePfn:
    case QueueReady:
    case QueueReset:
        return read_queue_register(offset, device_->find_queue(queue_select_));
    default:
        return 0;
    }
}

u32 MmioSlot::read_queue_register(u64 offset, Device::Queue* queue) {
    if (!queue_selected_)
        complain("mmio.35", offset, "queue register read before QueueSel was written");
    if (offset != QueueSizeMax)
        ready_was_read_ = true;
    if (!queue)
        return 0;
    auto index = static_cast<u16>(queue_select_);
    switch (offset) {
    case QueueSizeMax:
        if (is_legacy() && queue->enabled)
            complain("mmio.legacy.03", offset, "QueueSizeMax read while the queue is in use");
        return queue->size_max;
    case QueuePfn:
        return device_->stop_is_pending(index) || queue->enabled ? page_number_ : queue_stuck ? 1 : 0;
    case QueueReady:
        ready_back_due_ = false;
        if (queue->resetting) // QueueReset shows how far it is
            return queue->enabled || queue_stuck;
        return device_->stop_is_pending(index) || queue->enabled || queue_stuck;
    default: // QueueReset
        if (!device_->accepted().has(feature::ring_reset))
            complain("mmio.01", offset, "QueueReset without RING_RESET");
        return has_queue_reset && device_->stop_is_pending(index);
    }
}

void MmioSlot::write(u64 offset, u8 width, u32 value) {
    if (device_ && device_->faults.gone)
        return;
    if (offset < Config && (width != 4 || offset % 4 != 0))
        complain("mmio.04", offset, "not a 32-bit access");
    if (identified_ < 3)
        complain("mmio.24", offset, "written before the device was identified");
    if (!device_ || device_id == 0u) {
        complain("mmio.27", offset, "written although DeviceID is 0");
        return;
    }
    if (ready_back_due_) {
        complain("mmio.17", offset, "written before QueueReady was read back");
        ready_back_due_ = false;
    }
    if (offset >= Config)
        return device_->write_config(static_cast<u32>(offset - Config), width, value, true, "mmio.05");
    Direction direction = direction_of(offset, is_legacy());
    if (direction == Direction::None)
        return complain("mmio.01", offset, "write to an undefined register");
    if (direction == Direction::R)
        return complain("mmio.02", offset, "write to a read-only register");
    if (offset == ShmSel)
        complain("mmio.28", offset, "shared memory register written");
    write_register(offset, value);
}

void MmioSlot::write_register(u64 offset, u32 value) {
    switch (offset) {
    case DeviceFeaturesSel:
        device_features_select_ = value;
        break;
    case DriverFeaturesSel:
        driver_features_select_ = value;
        break;
    case DriverFeatures:
        if (!driver_features_select_)
            complain("mmio.13", offset, "written before DriverFeaturesSel");
        device_->write_accepted(driver_features_select_.value_or(0), value);
        break;
    case GuestPageSize:
        if (!std::has_single_bit(value))
            complain("mmio.legacy.02", offset, "GuestPageSize is not a power of two");
        page_size_ = value;
        break;
    case QueueNotify:
        notify(value);
        break;
    case InterruptAck:
        if (value & ~u32{event::queue | event::config})
            complain("mmio.20", offset, "undefined bits acknowledged");
        if (value & ~device_->events())
            complain("mmio.19", offset, "events acknowledged that are not pending");
        device_->acknowledge(static_cast<u8>(value));
        break;
    case Status:
        if (value > 0xff)
            complain("gen.status.01", offset, "undefined status bits");
        if (value == 0) {
            device_features_select_.reset();
            driver_features_select_.reset();
            queue_selected_ = false;
            page_size_ = 0;
        }
        device_->write_status(static_cast<u8>(value));
        break;
    default:
        write_queue_register(offset, value);
    }
}

void MmioSlot::write_queue_register(u64 offset, u32 value) {
    if (offset == QueueSel) {
        device_->referee().queue_touched("QueueSel written");
        queue_select_ = value;
        queue_selected_ = true;
        ready_was_read_ = false;
        return;
    }
    if (!queue_selected_)
        complain("mmio.35", offset, "queue register written before QueueSel");
    Device::Queue* queue = device_->find_queue(queue_select_);
    if (!queue)
        return complain("mmio.35", offset, "there is no such queue");
    if (is_legacy())
        return write_legacy_queue_register(offset, value, *queue);
    if (offset == QueueReady)
        return set_queue_ready(value, *queue);
    if (offset == QueueReset)
        return reset_queue(value, *queue);
    if (queue->unconfirmed && queue->resetting)
        complain("mmio.21", offset, "written before QueueReset was read back as 0");
    if (queue->enabled)
        return complain("mmio.15", offset, "written while QueueReady is not 0");
    if (!ready_was_read_)
        complain("mmio.35", offset, "written before QueueReady was checked");
    device_->referee().queue_touched("a queue programmed");
    if (offset == QueueSize) {
        if (value > queue->size_max || value == 0)
            complain("mmio.14", offset, "QueueSize is 0 or above QueueSizeMax");
        queue->size = static_cast<u16>(value);
        queue->written |= wrote_size;
        return;
    }
    u64& address = offset < QueueDriverLow   ? queue->descriptors
                   : offset < QueueDeviceLow ? queue->driver_area
                                             : queue->device_area;
    set_half(address, offset & 4, value);
    // Bits 1 to 6: low and high half of the three addresses.
    queue->written |= static_cast<u8>(2u << (2 * ((offset - QueueDescLow) >> 4) + ((offset & 4) ? 1 : 0)));
}

void MmioSlot::set_queue_ready(u32 value, Device::Queue& queue) {
    auto index = static_cast<u16>(queue_select_);
    if (value == 0) {
        device_->stop_queue(index, false);
        ready_back_due_ = true;
        return;
    }
    if (value != 1)
        complain("mmio.16", QueueReady, "neither 0 nor 1");
    if (queue.written != all_modern)
        complain(queue.was_stopped ? "gen.vqreset.03" : "mmio.36", QueueReady,
                 "set before size and all addresses were written");
    device_->enable_queue(index);
}

void MmioSlot::reset_queue(u32 value, Device::Queue& queue) {
    if (!device_->accepted().has(feature::ring_reset))
        return complain("mmio.01", QueueReset, "QueueReset without RING_RESET");
    if (value != 1)
        return complain("mmio.21", QueueReset, "written with another value than 1");
    if (!queue.enabled)
        complain("mmio.21", QueueReset, "a queue reset that is not enabled");
    if (has_queue_reset)
        device_->stop_queue(static_cast<u16>(queue_select_), true);
}

// Section 4.2.3.3: the index; with NOTIFICATION_DATA next_off and next_wrap in the upper half.
void MmioSlot::notify(u32 value) {
    bool with_data = device_->accepted().has(feature::notification_data);
    u32 index = with_data ? value & 0xffff : value;
    if (index >= device_->queue_count())
        return complain("mmio.37", QueueNotify, "notification of a queue that does not exist");
    device_->notify(static_cast<u16>(index),
                    with_data ? std::optional(static_cast<u16>(value >> 16)) : std::nullopt);
}

void MmioSlot::write_legacy_queue_register(u64 offset, u32 value, Device::Queue& queue) {
    device_->referee().queue_touched("a queue programmed");
    if (page_size_ == 0)
        complain("mmio.legacy.02", offset, "queue programmed before GuestPageSize");
    switch (offset) {
    case QueueSize:
        if (value > queue.size_max || value == 0)
            complain("mmio.14", offset, "QueueSize is 0 or above QueueSizeMax");
        if (!ready_was_read_)
            complain("mmio.legacy.03", offset, "written before QueuePFN was checked");
        queue.size = static_cast<u16>(value);
        queue.written |= wrote_size;
        break;
    case QueueAlign:
        if (!std::has_single_bit(value))
            complain("mmio.legacy.04", offset, "QueueAlign is not a power of two");
        queue_align_ = value;
        queue.written |= 2;
        break;
    case QueuePfn:
        if (value == 0)
            device_->stop_queue(static_cast<u16>(queue_select_), false);
        else
            start_legacy_queue(value, queue);
        break;
    default:
        break;
    }
}

// Section 2.7.2: descriptors, available ring, padding to QueueAlign, used ring, in one block.
void MmioSlot::start_legacy_queue(u32 page_number, Device::Queue& queue) {
    if (queue.written != 3 || page_size_ == 0 || queue_align_ == 0)
        return complain("mmio.legacy.04", QueuePfn, "set before QueueSize, QueueAlign and GuestPageSize");
    page_number_ = page_number;
    queue.descriptors = u64{page_number} * page_size_;
    queue.driver_area = queue.descriptors + 16 * u64{queue.size};
    u64 end_of_available = queue.driver_area + 6 + 2 * u64{queue.size};
    queue.device_area = (end_of_available + queue_align_ - 1) / queue_align_ * queue_align_;
    device_->enable_queue(static_cast<u16>(queue_select_));
}

} // namespace vireo::fake
