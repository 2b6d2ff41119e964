// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/pci/legacy.h"

#include "base/owned_array.h"
#include "virtio/wire/pci.h"

namespace vireo::virtio {

namespace {

using Header = wire::virtio_pci_legacy_header;
using DeviceFeatures = io::Register<u32, offsetof(Header, device_features)>;
using DriverFeatures = io::Register<u32, offsetof(Header, driver_features)>;
using QueueAddress = io::Register<u32, offsetof(Header, queue_address)>;
using QueueSize = io::Register<u16, offsetof(Header, queue_size)>;
using QueueSelect = io::Register<u16, offsetof(Header, queue_select)>;
using DeviceStatus = io::Register<u8, offsetof(Header, device_status)>;
using IsrStatus = io::Register<u8, offsetof(Header, isr_status)>;

} // namespace

Result<std::unique_ptr<Transport>> PciLegacyTransport::create(const bus::pci::Function& function,
                                                              u8 msix_capability, u32 device_type) {
    io::Window registers = VIREO_TRY(function.bar(0));
    if (!function.is_io_bar(0) || registers.size() < sizeof(Header))
        return error(ErrorCode::NotSupported, "BAR 0 is no I/O region with a legacy header");
    return VIREO_TRY(make_owned<PciLegacyTransport>(function, registers, msix_capability, device_type));
}

PciLegacyTransport::PciLegacyTransport(const bus::pci::Function& function, io::Window registers,
                                       u8 msix_capability, u32 device_type)
    : function_(function), registers_(registers), device_type_(device_type),
      msix_capability_(msix_capability) {
    find_config();
}

void PciLegacyTransport::find_config() {
    bool msix = is_msix_on(function_, msix_capability_);
    config_offset_ = sizeof(Header) + (msix ? wire::pci_legacy_msix_bytes : 0);
}

u8 PciLegacyTransport::status() { return DeviceStatus::read(registers_); }
void PciLegacyTransport::set_status(u8 status) { DeviceStatus::write(registers_, status); }

FeatureSet PciLegacyTransport::offered_features() {
    FeatureSet offered;
    offered.set_word(0, DeviceFeatures::read(registers_));
    return offered;
}

void PciLegacyTransport::accept_features(const FeatureSet& features) {
    DriverFeatures::write(registers_, features.word(0));
}

Result<> PciLegacyTransport::select_idle_queue(QueueIndex index) {
    QueueSelect::write(registers_, index.value);
    if (QueueAddress::read(registers_) != 0)
        return error(ErrorCode::DeviceBroken, "virtqueue in use after a reset");
    return {};
}

Result<u16> PciLegacyTransport::queue_size_max(QueueIndex index) {
    VIREO_TRY(select_idle_queue(index));
    return QueueSize::read(registers_);
}

Result<io::Doorbell> PciLegacyTransport::activate_queue(QueueIndex index, u16 size,
                                                        const QueueAddresses& addresses) {
    VIREO_TRY(select_idle_queue(index));
    // There was no way to agree on another size (section 4.1.5.1.3.1): the device computes the place of the
    // used ring from its own.
    if (QueueSize::read(registers_) != size)
        return error(ErrorCode::InvalidArgument, "legacy queue of another size than the device's");
    QueueAddress::write(registers_, VIREO_TRY(legacy_page_number(size, addresses)));
    auto kind =
        registers_.space() == io::Space::Port ? io::Doorbell::Kind::Port16 : io::Doorbell::Kind::Memory16;
    return io::Doorbell(kind, registers_.base() + offsetof(Header, queue_notify), index.value);
}

Result<dma::ConfirmedReset> PciLegacyTransport::reset_queue(QueueIndex) {
    return error(ErrorCode::NotSupported, "resetting one virtqueue");
}

Result<u32> PciLegacyTransport::read_config(u32 offset, u8 width) {
    return read_field(registers_, u64{config_offset_} + offset, width);
}

Result<> PciLegacyTransport::write_config(u32 offset, u8 width, u32 value) {
    return write_field(registers_, u64{config_offset_} + offset, width, value);
}

DeviceEvents PciLegacyTransport::take_events() { return events_of(IsrStatus::read(registers_)); }

void PciLegacyTransport::enable_dma(bool on) {
    if (on) {
        switch_msix_off(function_, msix_capability_);
        find_config(); // it has moved if MSI-X was on
    }
    function_.set_bus_master(on);
}

} // namespace vireo::virtio
