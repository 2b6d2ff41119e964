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
#include "virtio/session/negotiation.h"
#include "virtio/session/statistics.h"

namespace vireo::virtio {

// *The* owner of one device's life: transport, driver, queues, and all memory that the device may touch.
// Nobody else writes the device status, enables a queue or decides when memory may be freed.
//
//   Found ---start--> Running -+- set_aside: timeout, Ctrl-C ------> Aside     nothing is touched: End
//     |                        +- restart: the same, at once -------> Running   busy queues, or all, reset: End
//     |                        +- recover: DEVICE_NEEDS_RESET ----> Running   reset, up again: Keep
//     |                        +- start_over: other features -----> Running   reset, up again: End
//     |                        +- break_device: lies, gone -------> Broken ---start--> Running
//     |                        `- quiesce ------------------------> Stopped --start--> Running
//     `-- (no driver: stays Found, acknowledged and left alone)
//
//   Aside ---come_back---> Running    all that it held has come back: reset, up again (aside.cpp)
//
// Whatever ends in Running ends in Broken if the reset or the bring-up fails, and recover does if it was of
// no use several times (no request came back in between).
//
// Memory rule: what the device may touch, rings and callers' bytes alike, comes back only after a reset
// that the device has confirmed (section 3.3.1), whatever led to the reset. Without that it stays where it
// is, the callers' buffers abandoned (dma::backend::abandon), until a later reset is confirmed; of a
// device that is gone, for ever. Of one that is set aside, likewise until the chain comes back.
// settle_memory() decides it, for all.
class Session final : public event::Poller {
  public:
    enum class State : u8 { Found, Running, Aside, Broken, Stopped };

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
    // Looks at status and configuration changes of a running device, and does what they ask for. One that was
    // set aside works again if all that it held has come back. Does not wait.
    void refresh();
    // What the user wants of its features, heeded from the next start() or start_over() on;
    // FeatureWishes::set has the errors, and NotSupported: nobody drives this device.
    Result<> wish(unsigned feature, system::FeatureWish wish);
    bool has_new_wishes() const { return wishes_ != heeded_wishes_; }
    // Resets the whole of a device that is running or set aside, and brings it up again; what was in flight
    // ends with `why`. Broken if that fails. A machine may stand still in it while the host's storage
    // hangs: one warning before.
    void start_over(Error why) { start_over(why, InFlight::End); }
    // Resets the device for good, whatever it holds; requests in flight end with an error. DMA
    // is off afterwards. Error: the reset is not confirmed, and the device was given memory that
    // it may still write to.
    Result<> quiesce();

    // --- the driver's side
    event::EventLoop& loop() const { return loop_; }
    bool has(unsigned feature) const { return accepted_.has(feature); }
    DeviceConfig config() { return DeviceConfig(*transport_); }
    // How many queues were set up, which is what Driver::queue_count() said. From start() until stop().
    u16 queue_count() const { return static_cast<u16>(queues_.size()); }
    // Queue `index` of the manifest. From start() until stop().
    Queue& queue(usize index) { return queues_[index].ring; }
    // Publishes what was submitted to a queue and, if the device wants it and is live, rings the doorbell:
    // once for each batch.
    void commit(usize index);
    // Memory shared with the device that lives until the next reset, zeroed; at most `max_shared` pieces.
    // Session frees it, so that a driver cannot free what a device still uses. Errors: NoMemory.
    Result<dma::Buffer*> share(usize bytes, usize alignment);
    // Gives up everything in flight, which ends with `why`, and makes the device work again: by resetting the
    // queues concerned where the device can do that, else the whole device. Broken if that fails.
    void restart(Error why);
    // The same for a device that may not be able to stop at once (a disk whose host storage hangs: a reset
    // would wait for that, and the machine with it). Everything in flight ends with `why`, and the device is
    // left alone until it has given it back. With VIRTIO_F_RING_RESET as restart().
    void set_aside(Error why);
    // Nothing while the device works, else why it does not. To be asked when an operation starts: after a
    // while without any, the device is looked at first; one that was set aside is waited for a short
    // while. Errors: Timeout (it still holds requests), Interrupted, DeviceBroken.
    Result<> usable();

    // --- event::Poller
    bool poll() override;
    bool needs_polling() const override;
    bool is_listening() const override;
    bool has_news() const override;

    // --- for people (listing.cpp)
    State state() const { return state_; }
    bool offers(unsigned feature) const { return offered_.has(feature); }
    const Transport& transport() const { return *transport_; }
    Driver* driver() const { return driver_.get(); }
    const DriverManifest* manifest() const { return manifest_; }
    bool was_announced() const { return announced_; }
    void set_announced() { announced_ = true; }
    void print(Writer& out) const;
    void print_features(Writer& out) const;
    void print_statistics(Writer& out);
    // What has been counted since the device was found, or since the last clear_statistics().
    const Statistics& statistics();
    void clear_statistics();

    static constexpr usize max_shared = 4;
    // Without work, a device's status and events are looked at when there is an operation after this long,
    // and for `virtio list`, `info` and `scan`.
    static constexpr event::Duration idle_look_interval = event::Duration::seconds(1);

  private:
    struct LiveQueue {
        Queue ring;
        io::Doorbell doorbell;
        u64 kicks = 0;
        u64 announced = 0;      // chains submitted by the last commit()
        bool is_news = true;    // QueueSpec::is_news
        bool is_awaited = true; // and does not wait itself
    };

    static Error device_is_gone() { return error(ErrorCode::DeviceBroken, "device is gone"); }
    Result<> bring_up();
    Result<> initialise();
    Result<> create_queues();
    const QueueSpec& spec_of(usize index) const;
    Result<u16> choose_size(u16 limit, const QueueSpec& spec) const;
    Result<> create_queue(u16 index, u16 size_before = 0);
    Result<> add_status(u8 bits);
    Result<> reset_device();
    void settle_memory(const std::optional<dma::ConfirmedReset>& reset, bool is_gone);
    bool holds_memory() const { return !held_queues_.is_empty() || !shared_.is_empty(); }
    Result<> reset_queue(u16 index, Error why);
    bool reset_busy_queues(Error why);
    void start_over(Error why, InFlight fate);
    void recover();
    void give_up(Error why);
    void stop_driver(Error why, InFlight fate = InFlight::End);
    void break_device(Error why);
    bool check_faults();
    bool check_stalled();
    bool check_health();
    void warn_about(Error problem) const;
    bool take_back();
    usize unanswered() const;
    Result<> come_back();
    void come_back_now();
    Result<> condition() const;
    Error does_not_answer();
    void warn_of_reset() const;
    void kick(LiveQueue& queue);
    void collect(LiveQueue& queue);

    event::EventLoop& loop_;
    std::unique_ptr<Transport> transport_;
    const DriverManifest* manifest_ = nullptr;
    std::unique_ptr<Driver> driver_;

    State state_ = State::Found;
    Error reason_{ErrorCode::DeviceBroken, "device is not running"}; // why it is Broken
    u8 status_ = 0;         // the bits that we have set since the last reset
    bool is_quiet_ = false; // the last reset was confirmed
    bool announced_ = false;
    bool driver_active_ = false;   // between start() and stop(End)
    unsigned vain_recoveries_ = 0; // in a row, without a request that came back
    FeatureSet offered_;
    FeatureSet accepted_;
    FeatureWishes wishes_;
    FeatureWishes heeded_wishes_; // with which the device was started
    Statistics statistics_;       // without what the live queues have counted
    OwnedArray<LiveQueue> queues_;
    FixedVector<dma::Buffer, max_shared> shared_;
    // What the queues were before a reset that was not confirmed, with all that the device had then.
    OwnedArray<LiveQueue> held_queues_;

    bool is_awaited_ = false; // somebody waits for what a device holds that was set aside

    std::optional<event::Instant>
        stalled_since_;          // something is in flight and nothing has finished since then
    event::Instant next_look_{}; // when a stalled device is looked at again
    bool extra_kick_sent_ = false;
    event::Instant next_idle_look_{}; // when a device without work is looked at before it gets some
};

// The bit that a feature's name (as `virtio list` prints it, upper or lower case) or decimal number
// stands for. NotFound.
Result<unsigned> find_feature(std::string_view text, u32 device_type);

} // namespace vireo::virtio
