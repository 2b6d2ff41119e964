// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/clock.h"
#include "hosted/fakes/packed_ring.h"
#include "hosted/fakes/referee.h"
#include "hosted/fakes/split_ring.h"

#include <functional>
#include <memory>

namespace vireo::fake {

// A field of a device's configuration structure, for checks of width and of the feature that brings it.
struct ConfigField {
    u32 offset;
    u8 width;    // of one access: 1, 2 or 4; 64-bit fields are two of 4
    u8 count;    // 2 for 64-bit fields, n for arrays
    int feature; // -1: always there
    bool writable;
    const char* name;
};

// What the device does with a buffer that it is done with; a test may falsify every part of it.
struct Completion {
    u64 number; // counts the device's buffers from 0
    u16 queue;
    u32 id;             // as it goes into the used ring
    u32 bytes_written;  // as it goes into the used ring
    unsigned times = 1; // 0: never given back; 2: given back twice
};

// How a device misbehaves. All off by default.
struct Faults {
    unsigned reset_polls = 0; // status reads that still show the old value after a reset was asked for
    bool reset_never_ends = false;
    bool refuse_features_ok = false;    // FEATURES_OK reads back clear
    bool gone = false;                  // removed: every register reads as all ones
    bool goes_before_driver_ok = false; // is removed when queues are enabled, and before the device is live
    bool never_completes = false;       // takes buffers and keeps them
    bool deaf = false;                  // takes no buffers at all
    bool scribbles = false;             // overwrites descriptors as soon as it has read them
    bool suppresses_notifications = false; // asks the driver not to notify, and polls
    bool no_interrupts = false;            // never sets an event bit
    unsigned queue_disable_polls = 0;      // QueueReady / queue_reset reads that still show the old value
    bool queue_reset_never_ends = false;
    u64 needs_reset_every = 0;            // DEVICE_NEEDS_RESET instead of every n-th buffer; 0: never
    std::function<void(Completion&)> lie; // falsifies a completion
    std::function<void(u32 offset)> before_config_read; // e.g. changes the configuration between two halves
};

// A VirtIO device as the standard describes it, without a transport: status, features, queues, configuration,
// events. Models derive and say what a request means; transports show it as registers. Strict: the referee
// reports whatever a driver must not do.
class Device : hosted::WaitObserver, hosted::DmaObserver {
  public:
    struct Queue {
        u16 size_max = 256;
        u16 size = 0; // as programmed
        u64 descriptors = 0;
        u64 driver_area = 0;
        u64 device_area = 0;
        bool enabled = false;
        bool stopping = false;    // a stop or reset of the queue was asked for and is not complete
        bool resetting = false;   // the last one was a reset (2.6.1), not QueueReady = 0
        unsigned disabling = 0;   // reads until it is
        bool unconfirmed = false; // the driver has not read yet that it is complete
        bool was_stopped = false; // the queue alone, since the device was reset
        u8 written = 0;           // which registers were written since the last reset (transport's bits)
        std::unique_ptr<Ring> ring;
        std::unique_ptr<Ring> stopped_ring; // what it was, until the stop is confirmed
        u64 notifications = 0;
        bool may_try_again = false; // one more notification is welcome, see forgiving_until_

        // The ring in its format; nullptr if it has the other one or the queue is not enabled.
        SplitRing* split() {
            return ring && !ring->setup().packed ? static_cast<SplitRing*>(ring.get()) : nullptr;
        }
        PackedRing* packed() {
            return ring && ring->setup().packed ? static_cast<PackedRing*>(ring.get()) : nullptr;
        }
    };

    Device(u32 type, std::string name, usize queues);
    virtual ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    // --- for tests --------------------------------------------------------------------------------------------
    Faults faults;
    Features offered;
    // How long the n-th buffer takes, in virtual time. The default is none: done when the
    // notification returns.
    std::function<u64(u64 number)> latency;
    // Whether the referee complains about notifications that were not asked for, and about what they
    // carry. One that comes after nothing happened for `patience` is always welcome: a driver may try once
    // more before it gives up.
    static constexpr u64 patience = 50 * hosted::millisecond;
    bool report_unwelcome_notifications = true;
    // With IN_ORDER: one used entry may stand for so many buffers, as long as all but the last one were used
    // completely (sections 2.7.9, 2.8.9). Buffers that are done at once are done together.
    u16 in_order_batch = 1;

    const std::string& name() const { return name_; }
    u32 type() const { return type_; }
    Queue& queue(u16 index) { return queues_[index]; }
    u16 queue_count() const { return static_cast<u16>(queues_.size()); }
    const Features& accepted() const { return referee_.accepted(); }
    u8 status() const { return status_; }
    bool is_live() const { return referee_.is_live(); }
    u64 buffers_taken() const { return taken_; }
    u64 buffers_given_back() const { return given_back_; }
    u64 resets() const { return resets_; }
    const std::vector<u8>& status_log() const { return status_log_; } // every value the driver wrote
    std::vector<u8>& config() { return config_; }
    const std::vector<u32>& config_reads() const { return config_reads_; } // offsets
    // Changes the configuration and tells the driver: new generation, configuration event.
    void change_config(const std::function<void(std::vector<u8>&)>& change);
    void bump_generation() { ++generation_; }
    // Sets DEVICE_NEEDS_RESET and stops working.
    void need_reset();
    // Loses its state without having been asked to, but not its work: it shows status 0 and
    // goes on with what it had.
    void forget_itself() { status_ = 0; }
    // Finishes the oldest buffer that it has kept so far.
    void finish_first();
    // Finishes all that it has kept so far (faults.never_completes), as a disk whose storage answers again.
    void finish_held();
    // As a device that has not stopped, whatever it shows (gone, in need of a reset, a reset that it was
    // asked for and does not confirm) and whether or not bus mastering is on: writes into all the buffers
    // that it still holds, and into the rings. That is what a virtual machine's threads do with buffers
    // that they mapped before.
    void write_late();
    static constexpr u8 late_byte = 0xad;
    // Pulled out: it touches neither registers nor memory any more. insert() brings it back as
    // from the factory.
    void remove();
    void insert();
    // Raises event bits out of the blue.
    void raise(u8 events) { events_ |= events; }
    // Works off what is available in a queue now, notified or not.
    void run_queue(u16 index);

    // --- for transports ---------------------------------------------------------------------------------------
    void use_legacy_interface(bool legacy) { legacy_ = legacy; }
    // Offers what a device that has only the legacy interface offers.
    void become_legacy() {
        offered.remove(feature::version_1);
        offered.add(feature::any_layout);
        offered.add(feature::notify_on_empty);
    }
    bool is_legacy() const { return legacy_; }
    void set_transport_features(const Features& features) { transport_features_ = features; }
    Referee& referee() { return referee_; }

    u8 read_status();
    void write_status(u8 value);
    u32 read_offered(unsigned word);
    void write_accepted(unsigned word, u32 value);
    // nullptr if there is no such queue.
    Queue* find_queue(u32 index) { return index < queues_.size() ? &queues_[index] : nullptr; }
    // The registers of the queue are complete: checks them and starts the queue.
    void enable_queue(u16 index);
    // Stops or resets one queue. `stop_is_pending`, asked by each read of the register that shows it, is true
    // until that is complete; its first false is the confirmation that the driver must wait for.
    void stop_queue(u16 index, bool by_reset);
    bool stop_is_pending(u16 index);
    // `data`: what NOTIFICATION_DATA adds, if the notification was wide enough to carry it.
    void notify(u16 index, std::optional<u16> data = std::nullopt);
    u32 read_config(u32 offset, u8 width, bool natural_width_only, const char* width_rule);
    void write_config(u32 offset, u8 width, u32 value, bool natural_width_only, const char* width_rule);
    u32 generation() const { return generation_; }
    u8 events() const { return events_; }
    void acknowledge(u8 events) { events_ &= static_cast<u8>(~events); }
    u64 reads_after_removal = 0;

    // False while a PCI function has bus mastering off: the device cannot reach memory.
    bool may_access_memory = true;

  protected:
    // Carries out one buffer; the number of bytes written into it. Called when the buffer is completed.
    virtual u32 execute(u16 queue, const Chain& chain) = 0;
    // Whether buffers of this queue are taken and kept for news from outside, until finish_kept().
    virtual bool keeps_buffers(u16) const { return false; }
    // How many bytes each buffer takes that this queue keeps, the oldest first.
    std::vector<u64> kept(u16 index) const;
    // Executes the oldest of them and gives it back.
    void finish_kept(u16 index);
    virtual std::span<const ConfigField> config_fields() const { return {}; }
    // Device type's own bits that the standard describes.
    virtual Features described_features() const { return {}; }
    // FEATURES_OK was asked for: whether the accepted features will do. May complain.
    virtual bool accepts_features() { return true; }
    virtual void was_reset() {}
    // The driver reads or writes the configuration at this offset; for rules of the device type.
    virtual void config_accessed(u32) {}
    // The driver wrote this value there.
    virtual void config_written(u32, u32) {}
    void set_config_size(usize bytes) { config_.resize(bytes); }
    void put_config(u32 offset, u8 bytes, u64 value);
    u64 get_config(u32 offset, u8 bytes) const;

  private:
    struct Held {
        u16 queue;
        Chain chain;
        bool is_ready = false; // done, and waits for those before it
    };
    Referee::Rules rules() const;
    void reset();
    void program_waits() override;
    void memory_taken_back(u64 bus, u64 bytes) override;
    void finish_stop(u16 index);
    void drop_held(u16 index);
    // The buffer's time has come.
    void finish(u64 number);
    // Executes one buffer and says what goes into the used ring; nothing if the device was reset meanwhile.
    std::optional<Completion> carry_out(u64 number);
    void report(Queue& queue, const Ring::Used& used, unsigned times);
    void report_in_order(u16 index);
    bool takes_work(const Queue& queue) const;
    const ConfigField* find_field(u32 offset) const;
    void check_config_access(u32 offset, u8 width, bool natural, const char* width_rule, bool is_write);

    std::string name_;
    u32 type_;
    Referee referee_;
    std::vector<Queue> queues_;
    std::vector<u8> config_;
    std::vector<u32> config_reads_;
    std::vector<u8> status_log_;
    Features transport_features_;
    bool legacy_ = false;
    u8 status_ = 0;
    bool reset_pending_ = false;
    unsigned reset_reads_left_ = 0;
    u8 events_ = 0;
    u32 generation_ = 0;
    u64 epoch_ = 0; // counts resets, so that work of before is dropped
    u64 resets_ = 0;
    u64 taken_ = 0;
    u64 given_back_ = 0;
    u64 last_activity_ = 0;
    u64 forgiving_until_ = 0; // a notification for each queue is welcome although nobody asked
    std::map<u64, Held> held_;
};

} // namespace vireo::fake
