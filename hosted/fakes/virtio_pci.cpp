// SPDX-License-Identifier: Apache-2.0
#include "hosted/fakes/virtio_pci.h"

#include "hosted/report.h"

namespace vireo::fake {
namespace {

using hosted::hex;
using hosted::report;

// Where things lie in the memory BAR; unlike any device that is known.
constexpr u32 bar_bytes = 0x4000;
constexpr u32 common_offset = 0x0800;
constexpr u32 isr_offset = 0x0007;
constexpr u32 device_offset = 0x1040;
constexpr u32 notify_offset_in_bar = 0x2100;

// Common configuration structure, 4.1.4.3.
enum Common : u64 {
    DeviceFeatureSelect = 0x00,
    DeviceFeature = 0x04,
    DriverFeatureSelect = 0x08,
    DriverFeature = 0x0c,
    ConfigMsixVector = 0x10,
    NumQueues = 0x12,
    DeviceStatus = 0x14,
    ConfigGeneration = 0x15,
    QueueSelect = 0x16,
    QueueSize = 0x18,
    QueueMsixVector = 0x1a,
    QueueEnable = 0x1c,
    QueueNotifyOff = 0x1e,
    QueueDesc = 0x20,
    QueueDriver = 0x28,
    QueueDevice = 0x30,
    QueueNotifConfigData = 0x38,
    QueueReset = 0x3a,
    AdminQueueIndex = 0x3c,
    AdminQueueNum = 0x3e,
};
constexpr u32 common_bytes = 0x40;

// Which fields of a queue were written: size is optional, the addresses are not.
constexpr u8 all_addresses = 0x3f;

u16 transitional_id(u32 type) {
    switch (type) {
    case 1:
        return 0x1000;
    case 2:
        return 0x1001;
    case 3:
        return 0x1003;
    case 4:
        return 0x1005;
    case 5:
        return 0x1002;
    case 8:
        return 0x1004;
    default:
        return 0x1009;
    }
}

} // namespace

VirtioPci::VirtioPci(Device& device, Flavour flavour)
    : PciFunction(device.name()), device_(device), flavour_(flavour) {
    notify_offset = [](u16 queue) { return static_cast<u16>((queue ^ 1) + 2); };
    notify_data = [](u16 queue) { return static_cast<u16>(0x5a50 + queue); };
    device_.may_access_memory = false;
    if (flavour != Flavour::Modern)
        set_bar(0, {Bar::Kind::Io, 0x80, false});
    if (flavour != Flavour::Legacy) {
        set_bar(1, {Bar::Kind::Memory32, 0x1000, false});
        set_bar(modern_bar, {Bar::Kind::Memory64, bar_bytes, true});
        auto device_bytes = static_cast<u32>((device.config().size() + 3) & ~usize{3});
        capabilities.push_back({vendor_cfg, 0x20, 0, 0, 0, {}, 16}); // vendor_id 0x0020 lies where bar is
        capabilities.push_back(
            {notify_cfg, modern_bar, 0, notify_offset_in_bar, 0x1000, {notify_multiplier}});
        capabilities.push_back({isr_cfg, modern_bar, 0, isr_offset, 1, {}});
        if (device_bytes > 0)
            capabilities.push_back({device_cfg, modern_bar, 0, device_offset, device_bytes, {}});
        capabilities.push_back({common_cfg, modern_bar, 0, common_offset, common_bytes, {}});
        capabilities.push_back({pci_cfg, 0, 0, 0, 0, {0}});
    }
    use(flavour == Flavour::Legacy);
    if (flavour == Flavour::Legacy)
        device_.become_legacy();
    build_config_space();
}

void VirtioPci::use(bool legacy) {
    device_.use_legacy_interface(legacy);
    if (legacy) {
        device_.set_transport_features({feature::any_layout, feature::indirect_desc, feature::event_idx});
        return;
    }
    device_.set_transport_features(
        {feature::indirect_desc, feature::event_idx, feature::version_1, feature::access_platform,
         feature::ring_packed, feature::in_order, feature::order_platform, feature::notification_data,
         feature::notif_config_data, feature::ring_reset, feature::admin_vq, feature::suspend});
}

void VirtioPci::build_config_space() {
    for (u32 i = 0; i < 256; ++i)
        if (i < 0x04 || i >= 0x06)
            if (i < 0x10 || i >= 0x28)
                config8(i) = 0;
    bool modern_id = flavour_ == Flavour::Modern;
    put(0x00, 2, 0x1af4);
    put(0x02, 2, modern_id ? 0x1040 + device_.type() : transitional_id(device_.type()));
    put(0x08, 1, modern_id ? 1 : 0);
    put(0x0a, 2, 0x00ff);
    put(0x2c, 2, 0x1af4);
    put(0x2e, 2, modern_id ? 0x1100 : device_.type());
    put(0x3d, 1, 1); // INTA#
    for (unsigned i = 0; i < 6; ++i)
        if (bar(i).kind != Bar::Kind::None && config32(0x10 + 4 * i) == 0)
            put(0x10 + 4 * i, 4,
                bar(i).kind == Bar::Kind::Io         ? 1u
                : bar(i).kind == Bar::Kind::Memory64 ? 12u
                                                     : 0u);
    u32 at = first_capability;
    u32 link = 0x34;
    auto begin = [&](u8 capability_id) {
        put(0x06, 2, 0x0010); // status: there is a capability list
        config8(link) = static_cast<u8>(at);
        config8(at) = capability_id;
        link = at + 1;
    };
    msix_ = 0;
    if (has_msix && flavour_ != Flavour::Legacy) {
        begin(0x11);
        msix_ = at;
        put(at + 2, 2, (msix_enabled_before ? 0x8000 : 0) | static_cast<u32>(device_.queue_count()));
        put(at + 4, 4, 1);
        put(at + 8, 4, 0x800 | 1);
        at += 12;
    } else if (has_msix) {
        // A legacy device has the capability too; its table lies in a BAR that nobody here uses.
        begin(0x11);
        msix_ = at;
        put(at + 2, 2, (msix_enabled_before ? 0x8000 : 0) | static_cast<u32>(device_.queue_count()));
        at += 12;
    }
    for (const Capability& capability : capabilities) {
        begin(0x09);
        u8 bytes = static_cast<u8>(16 + 4 * capability.extra.size());
        put(at + 2, 1, capability.cap_len >= 0 ? static_cast<u32>(capability.cap_len) : bytes);
        put(at + 3, 1, capability.cfg_type);
        put(at + 4, 1, capability.bar);
        put(at + 5, 1, capability.id);
        put(at + 8, 4, capability.offset);
        put(at + 12, 4, capability.length);
        for (usize i = 0; i < capability.extra.size(); ++i)
            put(at + 16 + 4 * static_cast<u32>(i), 4, capability.extra[i]);
        at += bytes;
    }
}

void VirtioPci::set_common_length(u32 bytes) {
    for (Capability& capability : capabilities)
        if (capability.cfg_type == common_cfg)
            capability.length = bytes;
    build_config_space();
}

u32 VirtioPci::find_capability(u8 cfg_type) const {
    u32 at = config8(0x34) & 0xfc; // PCI 3.0, 6.7: the two low bits are masked
    for (int steps = 0; at != 0 && steps < 48; ++steps, at = config8(at + 1) & 0xfc)
        if (config8(at) == 0x09 && config8(at + 3) == cfg_type)
            return at;
    return 0;
}

bool VirtioPci::write_capability(u32 offset, u8 width, u32 value) {
    if (msix_ != 0 && offset == msix_ + 2 && width == 2) {
        put(offset, 2, (config16(offset) & 0x7ff) | (value & 0xc000));
        return true;
    }
    u32 window = find_capability(pci_cfg);
    if (!has_config_access || window == 0 || offset < window)
        return false;
    switch (offset - window) {
    case 4: // bar
        put(offset, 1, value);
        return width == 1;
    case 8: // offset
        if (u32 length = config32(window + 12); length == 0 || value % length != 0)
            report("pci.modern.35",
                   name() + ": offset " + hex(value) + " written with length " + hex(length));
        put(offset, 4, value);
        return width == 4;
    case 12: // length
        put(offset, 4, value);
        return width == 4;
    case 16:
        if (auto target = config_window(width))
            write_structure(*target->structure, target->offset, width, value);
        return true;
    default:
        return false;
    }
}

std::optional<u32> VirtioPci::read_capability(u32 offset, u8 width) {
    u32 window = find_capability(pci_cfg);
    if (!has_config_access || window == 0 || offset != window + 16)
        return std::nullopt;
    auto target = config_window(width);
    return target ? read_structure(*target->structure, target->offset, width) : 0;
}

// Section 4.1.4.9: what pci_cfg_data stands for now.
std::optional<VirtioPci::Target> VirtioPci::config_window(u8 width) {
    u32 window = find_capability(pci_cfg);
    unsigned index = config8(window + 4);
    u32 offset = config32(window + 8);
    u32 length = config32(window + 12);
    ++config_accesses;
    if (length != width || offset % width != 0) {
        report("pci.modern.36", name() + ": " + std::to_string(8 * width) +
                                    " bits of pci_cfg_data at offset " + hex(offset) + ", length " +
                                    hex(length));
        return std::nullopt;
    }
    const Capability* structure = structure_at(index, offset, width);
    if (!structure) {
        report("pci.modern.37", name() + ": pci_cfg_data for BAR " + std::to_string(index) + " offset " +
                                    hex(offset) + ", where no structure lies");
        return std::nullopt;
    }
    return Target{structure, offset - structure->offset};
}

// --- BARs --------------------------------------------------------------------------------------------------------

const VirtioPci::Capability* VirtioPci::structure_at(unsigned index, u64 offset, u8 width) const {
    for (const Capability& c : capabilities)
        if (c.bar == index && c.cfg_type >= common_cfg && c.cfg_type <= device_cfg && offset >= c.offset &&
            range_fits(offset - c.offset, width, c.length))
            return &c;
    return nullptr;
}

u32 VirtioPci::read_bar(unsigned index, u64 offset, u8 width) {
    if (device_.faults.gone) {
        ++device_.reads_after_removal;
        return 0xffff'ffff;
    }
    if (bar(index).kind == Bar::Kind::Io && index == 0 && flavour_ != Flavour::Modern)
        return read_legacy(offset, width);
    if (const Capability* structure = structure_at(index, offset, width))
        return read_structure(*structure, offset - structure->offset, width);
    report("pci.modern.13", name() + ": read of BAR " + std::to_string(index) + " offset " + hex(offset) +
                                ", where no structure lies");
    return 0;
}

void VirtioPci::write_bar(unsigned index, u64 offset, u8 width, u32 value) {
    if (device_.faults.gone)
        return;
    if (bar(index).kind == Bar::Kind::Io && index == 0 && flavour_ != Flavour::Modern)
        return write_legacy(offset, width, value);
    if (const Capability* structure = structure_at(index, offset, width))
        return write_structure(*structure, offset - structure->offset, width, value);
    report("pci.modern.13", name() + ": write to BAR " + std::to_string(index) + " offset " + hex(offset) +
                                ", where no structure lies");
}

u32 VirtioPci::read_isr() {
    u8 events = device_.events();
    device_.acknowledge(events); // reading clears it
    return events;
}

u32 VirtioPci::read_structure(const Capability& structure, u64 offset, u8 width) {
    switch (structure.cfg_type) {
    case common_cfg:
        return read_common(offset, width);
    case isr_cfg:
        return read_isr();
    case device_cfg:
        use(false);
        return device_.read_config(static_cast<u32>(offset), width, true, "pci.modern.07");
    default:
        report("pci.modern.51", name() + ": the notification structure was read");
        return 0;
    }
}

void VirtioPci::write_structure(const Capability& structure, u64 offset, u8 width, u32 value) {
    switch (structure.cfg_type) {
    case common_cfg:
        return write_common(offset, width, value);
    case notify_cfg:
        return write_notify(offset, width, value);
    case device_cfg:
        return device_.write_config(static_cast<u32>(offset), width, value, true, "pci.modern.07");
    default:
        report("pci.modern.53", name() + ": ISR status was written");
    }
}

const VirtioPci::Field* VirtioPci::find_common_field(u64 offset) {
    static constexpr Field fields[] = {
        {DeviceFeatureSelect, 4, 1, true, nullptr},
        {DeviceFeature, 4, 1, false, "pci.modern.17"},
        {DriverFeatureSelect, 4, 1, true, nullptr},
        {DriverFeature, 4, 1, true, nullptr},
        {ConfigMsixVector, 2, 1, true, nullptr},
        {NumQueues, 2, 1, false, "pci.modern.18"},
        {DeviceStatus, 1, 1, true, nullptr},
        {ConfigGeneration, 1, 1, false, "pci.modern.19"},
        {QueueSelect, 2, 1, true, nullptr},
        {QueueSize, 2, 1, true, nullptr},
        {QueueMsixVector, 2, 1, true, nullptr},
        {QueueEnable, 2, 1, true, nullptr},
        {QueueNotifyOff, 2, 1, false, "pci.modern.20"},
        {QueueDesc, 4, 2, true, nullptr},
        {QueueDriver, 4, 2, true, nullptr},
        {QueueDevice, 4, 2, true, nullptr},
        {QueueNotifConfigData, 2, 1, false, "pci.modern.21"},
        {QueueReset, 2, 1, true, nullptr},
        {AdminQueueIndex, 2, 1, false, "pci.modern.30"},
        {AdminQueueNum, 2, 1, false, "pci.modern.30"},
    };
    for (const Field& field : fields)
        if (offset >= field.offset && offset < field.offset + u32{field.width} * field.halves)
            return &field;
    return nullptr;
}

// Section 4.1.4.3: these fields exist only if their feature was negotiated.
void VirtioPci::require(unsigned bit, u64 offset) const {
    if (!device_.accepted().has(bit))
        report("gen.cfg.04", name() + ": common configuration offset " + hex(offset) +
                                 " read without feature " + std::to_string(bit));
}

u32 VirtioPci::read_common(u64 offset, u8 width) {
    const Field* field = find_common_field(offset);
    if (field->width != width || (offset - field->offset) % width != 0)
        report(field->width == 1   ? "pci.modern.05"
               : field->width == 2 ? "pci.modern.06"
                                   : "pci.modern.07",
               name() + ": common configuration offset " + hex(offset) + " read with " +
                   std::to_string(8 * width) + " bits");
    Device::Queue* queue = device_.find_queue(queue_select_);
    switch (offset) {
    case DeviceFeatureSelect:
        return device_feature_select_;
    case DeviceFeature:
        return device_.read_offered(device_feature_select_);
    case DriverFeatureSelect:
        return driver_feature_select_;
    case DriverFeature:
        return driver_feature_select_ < 4 ? device_.accepted().words[driver_feature_select_] : 0;
    case ConfigMsixVector:
        return config_vector_;
    case NumQueues:
        return static_cast<u32>(device_.queue_count());
    case DeviceStatus:
        return device_.read_status();
    case ConfigGeneration:
        return device_.generation() & 0xff;
    case QueueSelect:
        return queue_select_;
    case QueueMsixVector:
        return 0xffff;
    default:
        break;
    }
    if (!queue)
        return 0;
    switch (offset) {
    case QueueSize:
        return queue->size ? queue->size : queue->size_max;
    case QueueEnable:
        return queue->enabled || queue_stuck;
    case QueueNotifyOff:
        return notify_offset(queue_select_);
    case QueueNotifConfigData:
        require(feature::notif_config_data, offset);
        return notify_data(queue_select_);
    case QueueReset:
        require(feature::ring_reset, offset);
        return device_.stop_is_pending(queue_select_);
    case AdminQueueIndex:
    case AdminQueueNum:
        require(feature::admin_vq, offset);
        return 0;
    default: {
        u64 address = offset < QueueDriver   ? queue->descriptors
                      : offset < QueueDevice ? queue->driver_area
                                             : queue->device_area;
        return static_cast<u32>((offset & 4) ? address >> 32 : address);
    }
    }
}

void VirtioPci::write_common(u64 offset, u8 width, u32 value) {
    const Field* field = find_common_field(offset);
    if (field->width != width || (offset - field->offset) % width != 0)
        report(field->width == 1   ? "pci.modern.05"
               : field->width == 2 ? "pci.modern.06"
                                   : "pci.modern.07",
               name() + ": common configuration offset " + hex(offset) + " written with " +
                   std::to_string(8 * width) + " bits");
    if (!field->writable)
        return report(field->write_rule,
                      name() + ": write to read-only common configuration offset " + hex(offset));
    switch (offset) {
    case DeviceFeatureSelect:
        device_feature_select_ = value;
        break;
    case DriverFeatureSelect:
        driver_feature_select_ = value;
        break;
    case DriverFeature:
        device_.write_accepted(driver_feature_select_, value);
        break;
    case ConfigMsixVector:
    case QueueMsixVector:
        if (value != no_vector)
            report("pci.modern.41", name() + ": MSI-X vector " + hex(value) + " mapped");
        break;
    case DeviceStatus:
        use(false);
        device_.write_status(static_cast<u8>(value));
        break;
    case QueueSelect:
        device_.referee().queue_touched("queue_select written");
        queue_select_ = static_cast<u16>(value);
        break;
    default:
        write_queue_field(offset, value);
    }
}

void VirtioPci::write_queue_field(u64 offset, u32 value) {
    Device::Queue* queue = device_.find_queue(queue_select_);
    if (!queue)
        return report("pci.modern.56",
                      name() + ": queue " + std::to_string(queue_select_) + " does not exist");
    if (offset == QueueReset) {
        if (!device_.accepted().has(feature::ring_reset) || value != 1)
            return report("pci.modern.27", name() + ": queue_reset written with " + hex(value));
        if (!queue->enabled)
            report("pci.modern.27", name() + ": a queue reset that is not enabled");
        return device_.stop_queue(queue_select_, true);
    }
    if (queue->unconfirmed)
        report("pci.modern.27",
               name() + ": queue field " + hex(offset) + " written before queue_reset was read back as 0");
    if (offset == QueueEnable) {
        if (value != 1)
            return report("pci.modern.26", name() + ": " + hex(value) + " written to queue_enable");
        if (queue->written != all_addresses)
            report(queue->was_stopped ? "gen.vqreset.03" : "pci.modern.24",
                   name() + ": queue enabled before all addresses were written");
        if (queue->size == 0)
            queue->size = queue->size_max;
        return device_.enable_queue(queue_select_);
    }
    if (queue->enabled)
        return report("pci.modern.24",
                      name() + ": queue field " + hex(offset) + " written after queue_enable");
    device_.referee().queue_touched("a queue programmed");
    if (offset == QueueSize) {
        bool packed = device_.accepted().has(feature::ring_packed);
        if (value == 0 || (!packed && !std::has_single_bit(value)) || value > queue->size_max)
            report(packed ? "pci.modern.22" : "pci.modern.23", name() + ": queue_size " +
                                                                   std::to_string(value) + " of at most " +
                                                                   std::to_string(queue->size_max));
        queue->size = static_cast<u16>(value);
        return;
    }
    u64& address = offset < QueueDriver   ? queue->descriptors
                   : offset < QueueDevice ? queue->driver_area
                                          : queue->device_area;
    bool high = offset & 4;
    address = high ? (address & 0xffff'ffff) | u64{value} << 32 : (address & ~u64{0xffff'ffff}) | value;
    queue->written |= static_cast<u8>(1u << ((offset - QueueDesc) / 4));
}

void VirtioPci::write_notify(u64 offset, u8 width, u32 value) {
    bool with_data = device_.accepted().has(feature::notification_data);
    if (width != (with_data ? 4 : 2))
        report(with_data ? "pci.modern.45" : "pci.modern.44",
               name() + ": notification of " + std::to_string(8 * width) + " bits");
    u16 word = static_cast<u16>(value);
    auto data = with_data && width == 4 ? std::optional(static_cast<u16>(value >> 16)) : std::nullopt;
    auto expected = [&](u16 queue) {
        return device_.accepted().has(feature::notif_config_data) ? notify_data(queue) : queue;
    };
    auto is_at = [&](u16 queue) { return offset == u64{notify_offset(queue)} * notify_multiplier; };
    // Neither values nor addresses have to be different for each queue.
    for (u16 i = 0; i < device_.queue_count(); ++i)
        if (word == expected(i) && is_at(i))
            return device_.notify(i, data);
    for (u16 i = 0; i < device_.queue_count(); ++i)
        if (word == expected(i)) {
            report("pci.modern.51",
                   name() + ": queue " + std::to_string(i) + " notified at offset " + hex(offset));
            return device_.notify(i, data);
        }
    bool configured = device_.accepted().has(feature::notif_config_data);
    report(configured ? (with_data ? "pci.modern.49" : "pci.modern.48")
                      : (with_data ? "pci.modern.47" : "pci.modern.46"),
           name() + ": notification value " + hex(word) + " names no queue");
}

} // namespace vireo::fake
