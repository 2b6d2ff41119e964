// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/mmio/mmio_transport.h"

#include "virtio/wire/mmio.h"

namespace vireo::virtio {

namespace reg = wire::mmio;

u8 MmioTransport::status() { return static_cast<u8>(registers_.read32(reg::Status)); }

void MmioTransport::set_status(u8 status) {
    if (status == 0)
        has_page_size_ = has_queue_reset_ = false;
    registers_.write32(reg::Status, status);
}

FeatureSet MmioTransport::offered_features() {
    auto read_word = [this](unsigned word) {
        registers_.write32(reg::DeviceFeaturesSel, word);
        return registers_.read32(reg::DeviceFeatures);
    };
    if (!is_legacy_)
        return read_feature_words(read_word);
    FeatureSet offered;
    offered.set_word(0, read_word(0));
    return offered;
}

void MmioTransport::accept_features(const FeatureSet& features) {
    auto write_word = [this](unsigned word, u32 bits) {
        registers_.write32(reg::DriverFeaturesSel, word);
        registers_.write32(reg::DriverFeatures, bits);
    };
    if (is_legacy_)
        write_word(0, features.word(0));
    else
        write_feature_words(features, write_word);
    has_queue_reset_ = features.has(wire::VIRTIO_F_RING_RESET);
}

u32 MmioTransport::in_use_register() const { return is_legacy_ ? reg::QueuePFN : reg::QueueReady; }

Result<> MmioTransport::select_idle_queue(QueueIndex index) {
    registers_.write32(reg::QueueSel, index.value);
    if (registers_.read32(in_use_register()) != 0)
        return error(ErrorCode::DeviceBroken, "virtqueue in use after a reset");
    return {};
}

Result<u16> MmioTransport::queue_size_max(QueueIndex index) {
    VIREO_TRY(select_idle_queue(index));
    // The register is wider than any legal size.
    return static_cast<u16>(std::min<u32>(registers_.read32(reg::QueueSizeMax), 0xffff));
}

Result<io::Doorbell> MmioTransport::activate_queue(QueueIndex index, u16 size,
                                                   const QueueAddresses& addresses) {
    VIREO_TRY(select_idle_queue(index));
    if (is_legacy_)
        VIREO_TRY(activate_legacy(size, addresses));
    else
        activate_modern(size, addresses);
    return io::Doorbell(io::Doorbell::Kind::Memory32, registers_.base() + reg::QueueNotify, index.value);
}

// Section 4.2.3.2, steps 5 to 7.
void MmioTransport::activate_modern(u16 size, const QueueAddresses& addresses) {
    auto write_address = [this](u32 low, u32 high, dma::BusAddress address) {
        registers_.write32(low, static_cast<u32>(address.value));
        registers_.write32(high, static_cast<u32>(address.value >> 32));
    };
    registers_.write32(reg::QueueSize, size);
    write_address(reg::QueueDescLow, reg::QueueDescHigh, addresses.descriptors);
    write_address(reg::QueueDriverLow, reg::QueueDriverHigh, addresses.driver);
    write_address(reg::QueueDeviceLow, reg::QueueDeviceHigh, addresses.device);
    registers_.write32(reg::QueueReady, 1);
}

// Section 4.2.4, steps 5 to 7.
Result<> MmioTransport::activate_legacy(u16 size, const QueueAddresses& addresses) {
    u32 page = VIREO_TRY(legacy_page_number(size, addresses));
    // "before any queues are used", once for each reset.
    if (!has_page_size_)
        registers_.write32(reg::GuestPageSize, wire::legacy_queue_align);
    has_page_size_ = true;
    registers_.write32(reg::QueueSize, size);
    registers_.write32(reg::QueueAlign, wire::legacy_queue_align);
    registers_.write32(reg::QueuePFN, page);
    return {};
}

// Section 4.2.2.1: both registers read 0 when the reset is complete. QEMU 7.2 offers the feature and lacks
// QueueReset, which then always reads 0; only QueueReady, which stays 1, tells that nothing has happened.
Result<dma::ConfirmedReset> MmioTransport::reset_queue(QueueIndex index) {
    if (!has_queue_reset_)
        return error(ErrorCode::NotSupported, "resetting one virtqueue");
    registers_.write32(reg::QueueSel, index.value);
    registers_.write32(reg::QueueReset, 1);
    return wait_for_queue_reset([this] { return registers_.read32(reg::QueueReset); },
                                [this] { return registers_.read32(reg::QueueReady); });
}

// Section 4.2.2.2: write 0 and read it back; section 4.2.4 for a QueuePFN of 0.
Result<> MmioTransport::stop_queue(QueueIndex index) {
    registers_.write32(reg::QueueSel, index.value);
    registers_.write32(in_use_register(), 0);
    bool stopped = event::poll_until(event::Deadline::after(queue_reset_timeout),
                                     [this] { return registers_.read32(in_use_register()) == 0; });
    if (!stopped)
        return error(ErrorCode::Timeout, "stopping a virtqueue");
    return {};
}

Result<u32> MmioTransport::read_config(u32 offset, u8 width) {
    return read_field(registers_, u64{reg::Config} + offset, width);
}

Result<> MmioTransport::write_config(u32 offset, u8 width, u32 value) {
    return write_field(registers_, u64{reg::Config} + offset, width, value);
}

std::optional<u32> MmioTransport::config_generation() {
    if (is_legacy_)
        return std::nullopt;
    return registers_.read32(reg::ConfigGeneration);
}

DeviceEvents MmioTransport::take_events() {
    // Acknowledged before they are handled, so that an event that happens meanwhile is not lost. Only defined
    // bits may be written back.
    u32 pending = registers_.read32(reg::InterruptStatus) & (interrupt_queues | interrupt_config);
    if (pending != 0)
        registers_.write32(reg::InterruptACK, pending);
    return events_of(pending);
}

void MmioTransport::print_place(Writer& out) const { print(out, "mmio@{:x}", registers_.base()); }

} // namespace vireo::virtio
