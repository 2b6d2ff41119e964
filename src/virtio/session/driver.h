// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "base/result.h"
#include "virtio/wire/feature_set.h"

namespace vireo::device {
struct Registry; // only passed on: sessions know nothing of the upper floors
}

namespace vireo::virtio {

class Session;

// One virtqueue as a driver wants it.
struct QueueSpec {
    std::string_view name; // the standard's name, e.g. "requestq"
    u16 min_size = 1;      // fewer entries than this are no use
    u16 max_size = 256; // more are not asked for, where the driver may choose (legacy devices fix the size)
    u16 max_chain = 1;  // buffers in one chain
    // chains of more than one buffer in flight together, if indirect descriptors are to be had
    u16 max_indirect = 0;
    bool waits = false; // its chains wait for news from outside (frames): none of them is ever overdue
    // somebody waits for what comes back; else it is taken in passing, when there is time
    bool is_news = true;
};

// A feature that makes no sense without another (section 2.2.1).
struct FeatureDependency {
    u8 feature;
    u8 needs;
};

// A feature that must not be accepted where the device offers another one.
struct FeatureConflict {
    u8 feature;
    u8 offered;
};

// What becomes of the requests that were in flight when a device was reset.
enum class InFlight : u8 {
    End, // they end with an error
    Keep // the device comes up again at once: those that may be repeated wait for the next start()
};

// The driver half of one device: the meaning of its configuration and requests, nothing of how it is reached.
// Session calls it; it calls Session back for queues, configuration and shared memory.
//
// Life: create, then start -> (harvest ...) -> stop, as often as the device has to be reset, then
// destruction.
class Driver {
  public:
    virtual ~Driver() = default;

    // How many queues to set up, asked once FEATURES_OK stands: at least one. Queue i is like entry i of the
    // manifest, those beyond its end like its last. May read the configuration (blk with VIRTIO_BLK_F_MQ).
    virtual Result<u16> queue_count() = 0;

    // Step 7 of section 3.1.1: read and check the configuration, allocate shared memory, fill queues. The
    // queues are set up, the device is not live yet: what is committed reaches it at step 8. Called anew
    // after each reset, when everything about the device may have changed: what stop() kept is checked again
    // and submitted again here. An error makes the device FAILED.
    virtual Result<> start() = 0;

    // The device is live for the first time since it was (re)started by the manager; not called after a reset
    // in between. For what needs a running device to be known.
    virtual void went_live() {}

    // Takes every finished request out of the queues and completes it; true if there was one. Called from
    // the event loop while something is overdue (in flight in a queue that does not wait), and while it
    // listens. Does not wait.
    virtual bool harvest() = 0;

    // True while somebody waits for what comes unasked, in a queue that waits.
    virtual bool is_listening() const { return false; }

    // The device was reset or is beyond reach and touches no memory any more, or it was set aside, and
    // Session keeps all that it may still touch. For the driver, shared memory and queues are gone; start()
    // may follow. End: every request in flight, and every one that was kept, ends with `why` before this
    // returns. Keep: requests that may be repeated (a read, a write of the same data) may stay in flight;
    // start() follows, or stop(End).
    virtual void stop(Error why, InFlight fate) = 0;

    // Queue `index` alone was reset (VIRTIO_F_RING_RESET) and is set up anew, empty: the requests that were
    // in it end with `why` before this returns.
    virtual void queue_stopped(usize index, Error why) = 0;

    // The device says that its configuration changed (section 3.2.1). Reads what matters again.
    virtual void config_changed() {}

    // Makes the device known to the upper floors. Called once, after the first successful start.
    virtual Result<> announce(device::Registry& registry) = 0;
    // The name that announce() gave it, for people, and what tells it from others of its kind: "virtio 0
    // (serial abc)".
    virtual void print_name(Writer& out) const = 0;
};

// Everything there is to know about a driver before it runs. What Vireo negotiates for a device is read off
// here (plus core_features, which queues and sessions implement for every driver).
struct DriverManifest {
    std::string_view name; // "virtio-blk"
    u32 device_type;
    FeatureSet required; // without all of them the driver cannot work
    FeatureSet optional; // used when offered; the driver does without
    std::span<const FeatureDependency> dependencies;
    std::span<const QueueSpec> queues; // queue i of the device is queues[i]
    Result<std::unique_ptr<Driver>> (*create)(Session& session);
    std::span<const FeatureConflict> conflicts = {};
    // Tells the upper floors what it can drive, before any device is looked for: what Tab offers on a machine
    // that has none. May be null.
    void (*introduce)(device::Registry& registry) = nullptr;
};

// All drivers that are linked in, in link order.
std::span<const DriverManifest* const> linked_drivers();

} // namespace vireo::virtio

// Adds a manifest to the drivers. The entry is a pointer in a linker section of its own, which
// linked_drivers() walks: no static constructor, and a driver that is not linked leaves no trace. `used` and
// `retain` keep the entry although nothing names it; the address sanitizer must not put red zones between
// entries.
#define VIREO_VIRTIO_DRIVER(manifest)                                                                        \
    [[gnu::used, gnu::retain, gnu::section("vireo_drivers"), clang::no_sanitize("address")]]                 \
    static const ::vireo::virtio::DriverManifest* const vireo_virtio_driver_entry = &(manifest)
