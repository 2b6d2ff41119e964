// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/chain.h"

#include <map>
#include <optional>

namespace vireo::fake {

// Where a ring lies and which rules hold for it: what the driver programmed and negotiated.
struct RingSetup {
    std::string owner; // "blk0 queue 0", for reports
    u16 size = 0;
    u64 descriptors = 0;
    u64 driver_area = 0;
    u64 device_area = 0;
    bool event_idx = false;
    bool indirect = false;
};

// One virtqueue as a device works it. A packed ring becomes a second implementation of this interface.
class Ring {
  public:
    virtual ~Ring() = default;

    // Checks the memory at the moment the queue is enabled: zeroed, used flags clear (2.7.10.1, 4.2.3.2).
    virtual void check_fresh() = 0;
    // The next buffer that the driver made available, if there is one. Malformed chains are reported and skipped.
    virtual std::optional<Chain> take() = 0;
    // True if the driver made buffers available that were not taken yet.
    virtual bool has_available() = 0;
    // Hands a buffer back. `id` and `bytes_written` go out as they are: a lying device passes what it likes.
    virtual void give_back(u32 id, u32 bytes_written) = 0;
    // The driver has finished with this buffer as far as the rules go: its descriptors were left alone meanwhile.
    virtual void check_untouched(const Chain& chain) = 0;
    // Overwrites the descriptors of a chain with nonsense, as a hostile device would.
    virtual void scribble(const Chain& chain) = 0;

    // Tells the driver whether the next buffer needs a notification.
    virtual void ask_for_notification(bool wanted) = 0;
    // True if the driver wants to be told about what was given back since the last call.
    virtual bool driver_wants_notification() = 0;
    // True if a rule obliges the driver to notify for what it made available since the last look; `look` advances it.
    virtual bool notification_is_due() = 0;
    // A notification arrived: was it welcome? Reports those that the device had asked not to get.
    virtual void notified() = 0;

    // True if [bus, bus + bytes) overlaps the ring's own memory.
    virtual bool occupies(u64 bus, u64 bytes) const = 0;
};

// The split format, section 2.7.
class SplitRing final : public Ring {
  public:
    explicit SplitRing(RingSetup setup) : setup_(std::move(setup)) {}

    void check_fresh() override;
    std::optional<Chain> take() override;
    bool has_available() override;
    void give_back(u32 id, u32 bytes_written) override;
    void check_untouched(const Chain& chain) override;
    void scribble(const Chain& chain) override;
    void ask_for_notification(bool wanted) override;
    bool driver_wants_notification() override;
    bool notification_is_due() override;
    void notified() override;
    bool occupies(u64 bus, u64 bytes) const override;

    // For tests that stage what lies in memory.
    u16 available_index() { return load16(setup_.driver_area + 2); }
    u16 available_flags() { return load16(setup_.driver_area); }
    u16 used_index() const { return used_index_; }
    u16 used_event() { return load16(setup_.driver_area + 4 + 2 * u64{setup_.size}); }
    void set_used_flags(u16 flags) { store16(setup_.device_area, flags); }
    void set_avail_event(u16 index) { store16(setup_.device_area + 4 + 8 * u64{setup_.size}, index); }
    void set_used_index(u16 index) { store16(setup_.device_area + 2, used_index_ = index); }
    void set_used_element(u16 slot, u32 id, u32 bytes);
    const RingSetup& setup() const { return setup_; }

  private:
    // A descriptor as it lies in memory (2.7.5).
    struct Descriptor {
        u64 address;
        u32 bytes;
        u16 flags;
        u16 next;
        bool operator==(const Descriptor&) const = default;
    };
    static constexpr u16 flag_next = 1;
    static constexpr u16 flag_write = 2;
    static constexpr u16 flag_indirect = 4;

    void complain(const char* rule, const std::string& text) const;
    std::byte* reach(u64 bus, u64 bytes, hosted::DmaArena::Use use) const;
    u16 load16(u64 bus) const;
    void store16(u64 bus, u16 value) const;
    std::optional<Descriptor> load_descriptor(u64 table, u16 index) const;
    void check_available_flags();
    bool walk(u16 head, Chain& chain);
    bool walk_table(Chain& chain, u64 table, u32 entries, u16 first, bool inside_indirect);
    bool add_piece(Chain& chain, const Descriptor& descriptor);
    bool enter_indirect(Chain& chain, const Descriptor& descriptor);
    // Whether a move of the available index from `before` to `after` passes the index that was asked for (2.7.10).
    static bool passes(u16 asked, u16 before, u16 after) {
        return static_cast<u16>(after - asked - 1) < static_cast<u16>(after - before);
    }

    RingSetup setup_;
    u16 taken_ = 0;      // available entries that were taken
    u16 used_index_ = 0; // as published
    u16 told_index_ = 0; // used index when the driver was last considered for a notification
    u16 judged_ = 0;     // available index up to which notifications were judged
    // The descriptors that are the device's now, as they were when it took them; table entries by index.
    std::map<u16, Descriptor> held_;
    std::map<u16, u16> owner_of_; // descriptor index -> head of the chain that holds it
    struct Table {
        u64 bus;
        std::vector<Descriptor> entries;
    };
    std::map<u16, Table> held_tables_; // indirect tables by head
    bool scribbled_ = false;
};

} // namespace vireo::fake
