// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/pci/modern.h"

#include "virtio/wire/pci.h"

namespace vireo::virtio {

namespace {

// Fields of the common configuration structure, each in its own width (section 4.1.3.1);
// 64-bit ones are two of 32.
using Common = wire::virtio_pci_common_cfg;
using DeviceFeatureSelect = io::Register<u32, offsetof(Common, device_feature_select)>;
using DeviceFeature = io::Register<u32, offsetof(Common, device_feature)>;
using DriverFeatureSelect = io::Register<u32, offsetof(Common, driver_feature_select)>;
using DriverFeature = io::Register<u32, offsetof(Common, driver_feature)>;
using NumQueues = io::Register<u16, offsetof(Common, num_queues)>;
using DeviceStatus = io::Register<u8, offsetof(Common, device_status)>;
using ConfigGeneration = io::Register<u8, offsetof(Common, config_generation)>;
using QueueSelect = io::Register<u16, offsetof(Common, queue_select)>;
using QueueSize = io::Register<u16, offsetof(Common, queue_size)>;
using QueueEnable = io::Register<u16, offsetof(Common, queue_enable)>;
using QueueNotifyOff = io::Register<u16, offsetof(Common, queue_notify_off)>;
using QueueNotifConfigData = io::Register<u16, offsetof(Common, queue_notif_config_data)>;
using QueueReset = io::Register<u16, offsetof(Common, queue_reset)>;

} // namespace

u8 PciModernTransport::status() { return DeviceStatus::read(common_); }
void PciModernTransport::set_status(u8 status) {
    if (status == 0)
        accepted_ = {};
    DeviceStatus::write(common_, status);
}

bool PciModernTransport::takes_notification_data() const {
    return notify_.space() == io::Space::Memory && is_aligned(notify_.base(), sizeof(u32)) &&
           notify_.contains(0, sizeof(u32)) && is_aligned(notify_off_multiplier_, sizeof(u32));
}

// A field behind the end of the structure does not exist, whatever the device offers.
FeatureSet PciModernTransport::allowed_features() const {
    FeatureSet allowed = modern_transport_features;
    if (common_.contains(QueueNotifConfigData::offset, sizeof(u16)))
        allowed.add(wire::VIRTIO_F_NOTIF_CONFIG_DATA);
    if (common_.contains(QueueReset::offset, sizeof(u16)))
        allowed.add(wire::VIRTIO_F_RING_RESET);
    if (takes_notification_data())
        allowed.add(wire::VIRTIO_F_NOTIFICATION_DATA);
    return allowed;
}

FeatureSet PciModernTransport::offered_features() {
    return read_feature_words([this](unsigned word) {
        DeviceFeatureSelect::write(common_, word);
        return DeviceFeature::read(common_);
    });
}

void PciModernTransport::accept_features(const FeatureSet& features) {
    write_feature_words(features, [this](unsigned word, u32 bits) {
        DriverFeatureSelect::write(common_, word);
        DriverFeature::write(common_, bits);
    });
    accepted_ = features;
}

std::optional<u16> PciModernTransport::queue_count() { return NumQueues::read(common_); }

Result<> PciModernTransport::select_idle_queue(QueueIndex index) {
    QueueSelect::write(common_, index.value);
    if (QueueEnable::read(common_) != 0)
        return error(ErrorCode::DeviceBroken, "virtqueue enabled after a reset");
    return {};
}

Result<u16> PciModernTransport::queue_size_max(QueueIndex index) {
    if (index.value >= NumQueues::read(common_))
        return u16{0};
    VIREO_TRY(select_idle_queue(index));
    return QueueSize::read(common_);
}

// Where to write for this (selected) queue: section 4.1.4.4. The offset is the device's, so it
// may point anywhere.
Result<io::Doorbell> PciModernTransport::doorbell(QueueIndex index) const {
    using Kind = io::Doorbell::Kind;
    bool with_data = accepted_.has(wire::VIRTIO_F_NOTIFICATION_DATA);
    u64 width = with_data ? sizeof(u32) : sizeof(u16);
    u64 offset = u64{QueueNotifyOff::read(common_)} * notify_off_multiplier_;
    if (!notify_.contains(offset, width))
        return error(ErrorCode::DeviceBroken, "queue_notify_off beyond the notification structure");
    u64 address = notify_.base() + offset;
    if (!is_aligned(address, width))
        return error(ErrorCode::DeviceBroken, "misaligned queue_notify_off");
    // Section 4.1.5.2.1: what stands for the queue may be a number of the device's own. It is
    // only ever written back.
    u16 value =
        accepted_.has(wire::VIRTIO_F_NOTIF_CONFIG_DATA) ? QueueNotifConfigData::read(common_) : index.value;
    if (notify_.registers())
        return io::Doorbell(*notify_.registers(), address, value);
    auto kind = with_data                            ? Kind::Memory32
                : notify_.space() == io::Space::Port ? Kind::Port16
                                                     : Kind::Memory16;
    return io::Doorbell(kind, address, value);
}

Result<io::Doorbell> PciModernTransport::activate_queue(QueueIndex index, u16 size,
                                                        const QueueAddresses& addresses) {
    VIREO_TRY(select_idle_queue(index));
    auto bell = VIREO_TRY(doorbell(index));
    QueueSize::write(common_, size);
    if (QueueSize::read(common_) != size)
        return error(ErrorCode::DeviceBroken, "queue_size was not taken");
    auto write_address = [this](usize field, dma::BusAddress address) {
        common_.write32(field, static_cast<u32>(address.value));
        common_.write32(field + 4, static_cast<u32>(address.value >> 32));
    };
    write_address(offsetof(Common, queue_desc), addresses.descriptors);
    write_address(offsetof(Common, queue_driver), addresses.driver);
    write_address(offsetof(Common, queue_device), addresses.device);
    QueueEnable::write(common_, 1); // last: from here on the device may look at the ring
    return bell;
}

// Section 4.1.4.3.1: both fields read 0 when the reset is complete. Writing 0 to queue_enable is forbidden.
Result<dma::ConfirmedReset> PciModernTransport::reset_queue(QueueIndex index) {
    if (!accepted_.has(wire::VIRTIO_F_RING_RESET))
        return error(ErrorCode::NotSupported, "resetting one virtqueue");
    QueueSelect::write(common_, index.value);
    QueueReset::write(common_, 1);
    return wait_for_queue_reset([this] { return QueueReset::read(common_); },
                                [this] { return QueueEnable::read(common_); });
}

std::optional<u32> PciModernTransport::config_generation() { return ConfigGeneration::read(common_); }

void PciModernTransport::enable_dma(bool on) {
    if (on)
        switch_msix_off(function_, msix_capability_);
    function_.set_bus_master(on);
}

} // namespace vireo::virtio
