// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/chain.h"

#include <memory>
#include <optional>

namespace vireo::fake {

// Where a ring lies and which rules hold for it: what the driver programmed and negotiated.
struct RingSetup {
    std::string owner; // "blk0 queue 0", for reports
    u16 size = 0;      // entries: a power of two in the split format, anything up to 32768 in the packed one
    u64 descriptors = 0;
    u64 driver_area = 0; // available ring, or the driver's event suppression structure
    u64 device_area = 0; // used ring, or the device's event suppression structure
    bool event_idx = false;
    bool indirect = false;
    bool packed = false;
    bool in_order = false;
};

// One virtqueue as a device works it, in either format.
class Ring {
  public:
    // What a device tells the driver that it has used; nothing in it has to be true.
    struct Used {
        u32 id;
        u32 bytes_written;
        u16 buffers = 1;     // more with IN_ORDER: those before the last one are not named
        u16 descriptors = 1; // that those buffers took in the ring
    };

    // The ring for the format that was negotiated.
    static std::unique_ptr<Ring> create(RingSetup setup);
    virtual ~Ring() = default;
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    const RingSetup& setup() const { return setup_; }

    // Checks the memory at the moment the queue is enabled: zeroed, used flags clear
    // (2.7.10.1, 2.8.5, 4.2.3.2).
    virtual void check_fresh() = 0;
    // The next buffer that the driver made available, if there is one. Malformed chains are
    // reported and skipped.
    virtual std::optional<Chain> take() = 0;
    // True if the driver made buffers available that were not taken yet.
    virtual bool has_available() = 0;
    // Tells the driver what was used. Writes what it is told: a lying device passes what it likes.
    virtual void put_used(const Used& used) = 0;
    // How many descriptors the outstanding buffer of this id took in the ring; 1 if there is none.
    virtual u16 descriptors_of(u32 id) const = 0;
    // Hands one buffer back.
    void give_back(u32 id, u32 bytes_written) { put_used({id, bytes_written, 1, descriptors_of(id)}); }
    // The driver has finished with this buffer as far as the rules go: its descriptors were
    // left alone meanwhile.
    virtual void check_untouched(const Chain& chain) = 0;
    // Overwrites the descriptors of a chain with nonsense, as a hostile device would.
    virtual void scribble(const Chain& chain) = 0;

    // Tells the driver whether the next buffer needs a notification.
    virtual void ask_for_notification(bool wanted) = 0;
    // True if the driver wants to be told about what was given back since the last call.
    virtual bool driver_wants_notification() = 0;
    // True if a rule obliges the driver to notify for what it made available since the last call.
    virtual bool notification_is_due() = 0;
    // The rule that is broken if such a notification does not come.
    virtual const char* notification_rule() const = 0;
    // A notification arrived: was it welcome? Reports those that the device had asked not to get.
    virtual void notified() = 0;
    // Judges what a notification carries with NOTIFICATION_DATA: next_off, and next_wrap as bit 15 (section
    // 2.9). Comes before notified().
    void check_notification_data(u16 data);

    // True if [bus, bus + bytes) overlaps the ring's own memory.
    virtual bool occupies(u64 bus, u64 bytes) const = 0;

  protected:
    explicit Ring(RingSetup setup) : setup_(std::move(setup)) {}

    // Where the driver will make the next buffer available, as a notification carries it.
    virtual u16 next_available() = 0;
    // True if the driver made nothing available since the last notification was judged.
    virtual bool has_nothing_new() = 0;

    void complain(const char* rule, const std::string& text) const;
    std::byte* reach(u64 bus, u64 bytes, hosted::DmaArena::Use use) const;
    bool is_zeroed(u64 bus, u64 bytes) const;
    u16 load16(u64 bus) const;
    void store16(u64 bus, u16 value) const;
    // Adds a piece of the driver's memory to the chain. False if the device cannot reach it (reported).
    bool add_piece(Chain& chain, u64 bus, u32 bytes, bool writable, const char* order_rule) const;

  private:
    RingSetup setup_;
};

} // namespace vireo::fake
