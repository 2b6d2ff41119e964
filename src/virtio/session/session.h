// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/intrusive_list.h"
#include "base/owned_array.h"
#include "event/event_loop.h"
#include "io/doorbell.h"
#include "virtio/ring/queue.h"
#include "virtio/session/device_config.h"
#include "virtio/session/driver.h"

namespace vireo::virtio {

// *The* owner of one device's life: transport, driver, queues, and all memory that the device may touch.
// Nobody else writes the device status, enables a queue or decides when memory may be freed.
//
//   Found ---start--> Running ---restart--> Running
//     |                  |  \                  (after a timeout or Ctrl-C: reset, driver stopped, up again)
//     |                  |   `--- protocol violation, NEEDS_RESET, gone ---> Broken ---start--> Running
//     |                  `------- quiesce --------------------------------> Stopped ---start--> Running
//     `-- (no driver: stays Found, acknowledged and left alone)
//
// Memory rule: what the device may touch is freed only after a reset that the device has confirmed (section
// 3.3.1); if it never confirms, that memory is given up for good.
class Session final : public event::Poller {
  public:
    enum class State : u8 { Found, Running, Broken, Stopped };

    Session(std::unique_ptr<Transport> transport, event::EventLoop& loop);
    ~Session();

    // --- the manager's side
    // Finds the driver's manifest among `drivers` and creates the driver; false if there is none for this
    // device.
    Result<bool> bind(std::span<const DriverManifest* const> drivers);
    // For a device without driver: resets it, notices it (ACKNOWLEDGE) and notes what it offers.
    Result<> acknowledge();
    // Brings the device up, steps 1 to 8 of section 3.1.1, from any state. On an error it is FAILED and
    // Broken.
    Result<> start();
    // Looks at status and configuration changes of a running device.
    void refresh();
    // Resets the device for good; requests in flight end with an error. DMA is off afterwards.
    void quiesce();

    // --- the driver's side
    event::EventLoop& loop() const { return loop_; }
    bool has(unsigned feature) const { return accepted_.has(feature); }
    DeviceConfig config() { return DeviceConfig(*transport_); }
    // Queue `index` of the manifest. From start() until stop().
    Queue& queue(usize index) { return queues_[index].ring; }
    // Publishes what was submitted to a queue and, if the device wants it and is live, rings the doorbell:
    // once for each batch.
    void commit(usize index);
    // Memory shared with the device that lives until the next reset, zeroed; at most `max_shared` pieces.
    // Session frees it, so that a driver cannot free what a device still uses. Errors: NoMemory.
    Result<dma::Buffer*> share(usize bytes, usize alignment);
    // Gives up everything in flight, which ends with `why`, and makes the device work again (reset, steps 1
    // to 8). Broken if that fails.
    void restart(Error why);
    // Nothing while the device works, else why it does not.
    Result<> usable() const;

    // --- event::Poller
    bool poll() override;
    bool needs_polling() const override;

    // --- for people (listing.cpp)
    State state() const { return state_; }
    const Transport& transport() const { return *transport_; }
    Driver* driver() const { return driver_.get(); }
    const DriverManifest* manifest() const { return manifest_; }
    bool was_announced() const { return announced_; }
    void set_announced() { announced_ = true; }
    void print(Writer& out) const;

    static constexpr usize max_shared = 4;

  private:
    struct LiveQueue {
        Queue ring;
        io::Doorbell doorbell;
        u64 kicks = 0;
    };

    Result<> bring_up();
    Result<> create_queues();
    Result<> create_queue(u16 index, const QueueSpec& spec);
    Result<> add_status(u8 bits);
    Result<> reset_device();
    void give_up(Error why);
    void stop_driver(Error why);
    void break_device(Error why);
    bool check_stalled();
    std::optional<Error> check_health();
    void kick(LiveQueue& queue);

    event::EventLoop& loop_;
    std::unique_ptr<Transport> transport_;
    const DriverManifest* manifest_ = nullptr;
    std::unique_ptr<Driver> driver_;

    State state_ = State::Found;
    Error reason_{};        // why it is Broken
    u8 status_ = 0;         // the bits that we have set since the last reset
    bool is_quiet_ = false; // the last reset was confirmed
    bool announced_ = false;
    bool driver_active_ = false; // between start() and stop()
    FeatureSet offered_;
    FeatureSet accepted_;
    OwnedArray<LiveQueue> queues_;
    FixedVector<dma::Buffer, max_shared> shared_;

    std::optional<event::Instant>
        stalled_since_;          // something is in flight and nothing has finished since then
    event::Instant next_look_{}; // when a stalled device is looked at again
    bool extra_kick_sent_ = false;
};

} // namespace vireo::virtio
