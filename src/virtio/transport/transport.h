// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "base/result.h"
#include "dma/dma.h"
#include "io/doorbell.h"
#include "virtio/wire/feature_set.h"

namespace vireo::virtio {

// Which virtqueue of a device, counted from 0 (section 2.6).
struct QueueIndex {
    u16 value = 0;
    constexpr bool operator==(const QueueIndex&) const = default;
};

// Where the three parts of a virtqueue lie for the device (section 2.7: descriptor table, available ring,
// used ring; section 2.8: descriptor ring, driver area, device area).
struct QueueAddresses {
    dma::BusAddress descriptors;
    dma::BusAddress driver;
    dma::BusAddress device;
};

// How the device expects ring memory.
enum class RingLayout : u8 {
    Separate,  // three areas, each at its own address (VirtIO 1.0 and later)
    Contiguous // one block, page-aligned, of exactly the device's queue size (legacy, section 2.7.2)
};

// What a device asked to be told (ISR status, InterruptStatus).
struct DeviceEvents {
    bool queues = false; // some virtqueue has used buffers
    bool config = false; // the device configuration changed, or the device needs a reset
};

// What one VirtIO device presents, on whatever bus it lies. It has no policy and no state machine: the order
// of calls is Session's affair (section 3.1.1). The life of a device, seen from here:
//
//   - after construction nothing is known but `device_type`; the device may be in any state a previous user left;
//   - `set_status(0)`, then `status()` until it is 0: reset; every activated queue and event is gone;
//   - status bits are added one after the other; `offered_features` and `accept_features` come between DRIVER and
//     FEATURES_OK, and `accept_features` at most once for each reset;
//   - `activate_queue` comes after FEATURES_OK and gives the doorbell, which must not be rung before DRIVER_OK;
//   - configuration reads are possible at any time after DRIVER; writes only after FEATURES_OK;
//   - `reset_queue` with VIRTIO_F_RING_RESET, where the transport can confirm it; else reset the whole device.
class Transport {
  public:
    virtual ~Transport() = default;

    // The device type (section 5): 2 = block, 4 = entropy. Never 0.
    virtual u32 device_type() const = 0;

    // True when the device is driven through the legacy interface: no FEATURES_OK, 32 feature bits, queue
    // size fixed by the device, contiguous rings (sections 2.2.3, 3.1.2, 4.1.5.1.3, 4.2.4).
    virtual bool is_legacy() const = 0;
    virtual RingLayout ring_layout() const = 0;

    // The feature bits that this transport can honour: those of device types, and of the device-independent
    // ones what the interface knows and its registers have room for (none above 31 when legacy, never
    // ADMIN_VQ on MMIO). Session intersects this with what the driver understands and the device offers. What
    // `accept_features` was given decides what a doorbell is made for.
    virtual FeatureSet allowed_features() const = 0;

    // Device status (section 2.1). 0xff after a surprise removal. `set_status(0)` asks for a reset only.
    virtual u8 status() = 0;
    virtual void set_status(u8 status) = 0;

    virtual FeatureSet offered_features() = 0;
    virtual void accept_features(const FeatureSet& features) = 0;

    // How many queues the device says it has, if the transport can tell; at least one more
    // than any index in use.
    virtual std::optional<u16> queue_count() = 0;
    // The largest size (legacy: the only size) of this queue; 0: there is no such queue. Straight from the
    // device: neither bounded nor checked. `Busy`-like leftovers of an earlier owner are DeviceBroken.
    virtual Result<u16> queue_size_max(QueueIndex index) = 0;
    // Programs size and addresses, then enables the queue. `size` has been validated by the caller. The
    // memory is zeroed. The doorbell takes `ring_with` if VIRTIO_F_NOTIFICATION_DATA was accepted, else
    // `ring`. Errors: an address the interface cannot express, a doorbell outside its window.
    virtual Result<io::Doorbell> activate_queue(QueueIndex index, u16 size,
                                                const QueueAddresses& addresses) = 0;
    // Resets one active queue (section 2.6.1) and waits, with a deadline, until the device confirms it: then
    // it uses nothing of the queue any more, which the result proves, and `activate_queue` may follow, as at
    // first. NotSupported: VIRTIO_F_RING_RESET was not accepted. Timeout, DeviceBroken: not confirmed; only a
    // reset of the whole device helps.
    virtual Result<dma::ConfirmedReset> reset_queue(QueueIndex index) = 0;
    // Tells the device that a queue is not used any more, before the reset at the end, and waits until it
    // knows; nothing where the reset is all that there is (PCI). Timeout: it does not answer.
    virtual Result<> stop_queue(QueueIndex) { return {}; }

    // Device-specific configuration: one aligned access of 1, 2 or 4 bytes at `offset`. OutOfRange if the
    // device's configuration space does not reach that far (where the transport knows its size).
    virtual Result<u32> read_config(u32 offset, u8 width) = 0;
    virtual Result<> write_config(u32 offset, u8 width, u32 value) = 0;
    // Changes whenever the configuration changed; empty on legacy interfaces, which have none.
    virtual std::optional<u32> config_generation() = 0;

    // Which events are pending; acknowledges them.
    virtual DeviceEvents take_events() = 0;

    // Bus mastering on (before anything else) and off (after the reset at the end); nothing to do on MMIO.
    virtual void enable_dma(bool on) = 0;

    // True if both name the same device at the same place (for rescans).
    virtual bool is_same_place(const Transport& other) const = 0;
    // The place in the terms of the bus, for people: "mmio@a003e00", "pci 00:02.0". Stable for
    // the device's life.
    virtual void print_place(Writer& out) const = 0;
    // "MMIO v1 (legacy)", "PCI modern", ...
    virtual std::string_view kind() const = 0;
};

// Where devices come from: all VirtIO devices of one kind of bus, in the order of the bus.
// Implemented by transport/mmio and transport/pci; walked by the device manager in session/ at start
// and on each `virtio scan`.
class TransportSource {
  public:
    class Sink {
      public:
        // Takes a device that was found. Devices already known (is_same_place) are dropped by the sink.
        virtual void found(std::unique_ptr<Transport> transport) = 0;

      protected:
        ~Sink() = default;
    };
    virtual void enumerate(Sink& sink) = 0;
    // Leaves the bus as an operating system wants to find it: no device on it, driven or not, reaches memory.
    // The next device that starts opens its own way again.
    virtual void quiesce() {}

  protected:
    ~TransportSource() = default;
};

} // namespace vireo::virtio
