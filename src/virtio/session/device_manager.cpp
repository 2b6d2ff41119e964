// SPDX-License-Identifier: Apache-2.0
#include "virtio/session/device_manager.h"

#include "base/log.h"
#include "event/bootstage.h"
#include "virtio/wire/iommu.h"

extern "C" {
// The linker makes these around the section that VIREO_VIRTIO_DRIVER fills. Weak: there may be no driver at
// all.
[[gnu::weak,
  gnu::visibility("hidden")]] extern const vireo::virtio::DriverManifest* const __start_vireo_drivers[];
[[gnu::weak,
  gnu::visibility("hidden")]] extern const vireo::virtio::DriverManifest* const __stop_vireo_drivers[];
}

namespace vireo::virtio {

std::span<const DriverManifest* const> linked_drivers() {
    return {__start_vireo_drivers, __stop_vireo_drivers};
}

namespace {

void warn_about(const Session& session, Error problem) {
    StringBuffer<64> place;
    session.transport().print_place(place);
    warn("{}: {}", place.view(), problem);
}

// Nobody drives an IOMMU (decision 0050). One that keeps devices out of memory until somebody does is an
// error: what lies behind it would only seem to hang.
Result<> lets_devices_through(Session& session) {
    if (session.transport().device_type() != wire::VIRTIO_ID_IOMMU ||
        !session.offers(wire::VIRTIO_IOMMU_F_BYPASS_CONFIG))
        return {};
    auto bypass = session.config().field<u8>(offsetof(wire::virtio_iommu_config, bypass));
    if (!bypass || (*bypass & 1) != 0)
        return {};
    return error(ErrorCode::NotSupported, "this IOMMU stops devices that have iommu_platform=on: start QEMU "
                                          "without its boot-bypass=off");
}

} // namespace

DeviceManager::~DeviceManager() {
    while (Entry* entry = devices_.pop_front())
        delete entry;
}

void DeviceManager::add_source(TransportSource& source) { VIREO_ASSERT(sources_.try_push_back(&source)); }

void DeviceManager::start() {
    event::WorkTimer timer(event::Work::Devices);
    for (const DriverManifest* driver : drivers_)
        if (driver->introduce)
            driver->introduce(registry_);
    enumerate();
}

// Finds first and starts afterwards, so that no driver runs while a bus is half walked.
void DeviceManager::enumerate() {
    for (TransportSource* source : sources_)
        source->enumerate(*this);
    event::mark_stage("virtio_scan");
    for (Entry* entry = devices_.front(); entry; entry = devices_.next(*entry))
        if (std::exchange(entry->is_new, false))
            start_device(entry->session);
}

void DeviceManager::found(std::unique_ptr<Transport> transport) {
    for (Entry* entry = devices_.front(); entry; entry = devices_.next(*entry))
        if (entry->session.transport().is_same_place(*transport))
            return;
    auto entry = make_owned<Entry>(std::move(transport), loop_);
    if (!entry) {
        warn("no memory for one more VirtIO device");
        return;
    }
    devices_.push_back(*entry->release());
    ++count_;
}

void DeviceManager::start_device(Session& session) {
    if (!session.driver()) {
        Result<bool> bound = session.bind(drivers_);
        if (!bound)
            return warn_about(session, bound.error());
        if (!*bound) {
            Result<> left_alone = session.acknowledge();
            if (left_alone)
                left_alone = lets_devices_through(session);
            if (!left_alone)
                warn_about(session, left_alone.error());
            return;
        }
    }
    if (Result<> result = session.start(); !result)
        return warn_about(session, result.error());
    if (session.was_announced())
        return;
    if (Result<> result = session.driver()->announce(registry_); !result)
        return warn_about(session, result.error());
    session.set_announced();
}

Session* DeviceManager::find(usize index) const {
    for (Entry* entry = devices_.front(); entry; entry = devices_.next(*entry))
        if (index-- == 0)
            return &entry->session;
    return nullptr;
}

void DeviceManager::print_device(usize index, Writer& out) const {
    Session* session = find(index);
    if (!session)
        return;
    print(out, "{}: ", index);
    session->print(out);
}

Result<Session*> DeviceManager::get(usize index) const {
    if (Session* session = find(index))
        return session;
    return error(ErrorCode::NotFound, "no such VirtIO device");
}

Result<> DeviceManager::print_features(usize index, Writer& out) const {
    Session* session = VIREO_TRY(get(index));
    print(out, "{}: ", index);
    session->print_features(out);
    return {};
}

Result<> DeviceManager::wish(usize index, std::string_view feature, system::FeatureWish wish) {
    Session* session = VIREO_TRY(get(index));
    unsigned bit = VIREO_TRY(find_feature(feature, session->transport().device_type()));
    return session->wish(bit, wish);
}

Result<> DeviceManager::print_statistics(usize index, Writer& out) {
    Session* session = VIREO_TRY(get(index));
    print(out, "{}: ", index);
    session->print_statistics(out);
    return {};
}

Result<> DeviceManager::clear_statistics(usize index) {
    Session* session = VIREO_TRY(get(index));
    session->clear_statistics();
    return {};
}

void DeviceManager::refresh() {
    for (Entry* entry = devices_.front(); entry; entry = devices_.next(*entry))
        entry->session.refresh();
}

Result<> DeviceManager::reset(usize index) {
    Session* session = VIREO_TRY(get(index));
    if (session->state() == Session::State::Running || session->state() == Session::State::Aside)
        session->start_over(error(ErrorCode::DeviceBroken, "device is reset"));
    else
        start_device(*session);
    return session->driver() ? session->usable() : Result<>();
}

Result<usize> DeviceManager::rescan() {
    event::WorkTimer timer(event::Work::Devices);
    if (sources_.is_empty())
        return error(ErrorCode::NotSupported, "this machine has no VirtIO bus");
    for (Entry* entry = devices_.front(); entry; entry = devices_.next(*entry)) {
        Session& session = entry->session;
        session.refresh();
        if (session.state() == Session::State::Aside)
            if (Result<> answered = session.usable(); !answered) {
                if (answered.error().code == ErrorCode::Interrupted)
                    return answered.error();
                warn_about(session, answered.error());
            }
        if (session.state() == Session::State::Running && session.has_new_wishes())
            session.start_over(error(ErrorCode::DeviceBroken, "device is started anew"));
        bool is_down =
            session.state() == Session::State::Broken || session.state() == Session::State::Stopped;
        if (is_down && session.driver())
            start_device(session);
    }
    usize known = count_;
    enumerate();
    return count_ - known;
}

Result<> DeviceManager::quiesce_all() {
    Result<> all{};
    for (Entry* entry = devices_.front(); entry; entry = devices_.next(*entry))
        if (Result<> quiet = entry->session.quiesce(); !quiet) {
            warn_about(entry->session, quiet.error());
            all = error(ErrorCode::DeviceBroken, "a device may still write to memory");
        }
    for (TransportSource* source : sources_)
        source->quiesce();
    return all;
}

} // namespace vireo::virtio
