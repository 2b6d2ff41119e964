// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/ring.h"

#include <deque>
#include <map>

namespace vireo::fake {

// The packed format, section 2.8. Places in the ring are counted from the queue's start and never wrap: place
// p is entry p % size, and the wrap counter there is 1 on the first lap, 0 on the second, and so on (2.8.1).
class PackedRing final : public Ring {
  public:
    // A descriptor as it lies in memory (2.8.13).
    struct Descriptor {
        u64 address;
        u32 bytes;
        u16 id;
        u16 flags;
        bool operator==(const Descriptor&) const = default;
    };
    static constexpr u16 flag_next = 1;
    static constexpr u16 flag_write = 2;
    static constexpr u16 flag_indirect = 4;
    static constexpr u16 flag_available = 1 << 7;
    static constexpr u16 flag_used = 1 << 15;
    // What an event suppression structure says (2.8.14).
    static constexpr u16 event_enable = 0;
    static constexpr u16 event_disable = 1;
    static constexpr u16 event_descriptor = 2;

    explicit PackedRing(RingSetup setup) : Ring(std::move(setup)) {}

    void check_fresh() override;
    std::optional<Chain> take() override;
    bool has_available() override;
    void put_used(const Used& used) override;
    u16 descriptors_of(u32 id) const override;
    void check_untouched(const Chain& chain) override;
    void scribble(const Chain& chain) override;
    void ask_for_notification(bool wanted) override;
    bool driver_wants_notification() override;
    bool notification_is_due() override;
    const char* notification_rule() const override;
    void notified() override;
    bool occupies(u64 bus, u64 bytes) const override;

    // For tests that stage what lies in memory. What is written here is the device's doing: it is never taken
    // for a buffer that the driver made available, and the driver is not blamed for it.
    Descriptor descriptor(u16 entry) const { return load_descriptor(setup().descriptors, entry); }
    void set_descriptor(u16 entry, const Descriptor& descriptor);
    // A used descriptor in this entry, marked as used with this wrap counter.
    void set_used(u16 entry, u16 id, u32 bytes, bool wrap, u16 other_flags = flag_write);
    // The words of the device event suppression structure.
    void set_device_event(u16 place, u16 flags);
    u16 driver_event_place() const { return load16(setup().driver_area); }
    u16 driver_event_flags() const { return load16(setup().driver_area + 2); }
    // The entry that the next used descriptor goes to, and the wrap counter there.
    u16 used_entry() const { return entry_of(used_); }
    bool used_wrap() const { return wrap_at(used_); }
    // The entry that the next buffer is taken from.
    u16 next_entry() const { return entry_of(taken_); }
    bool next_wrap() const { return wrap_at(taken_); }

  private:
    // An entry whose descriptor is the device's, as it was when it was taken.
    struct HeldEntry {
        Descriptor descriptor;
        u16 id;
    };
    struct Table {
        u64 bus;
        std::vector<Descriptor> entries;
    };

    u16 entry_of(u64 place) const { return static_cast<u16>(place % setup().size); }
    bool wrap_at(u64 place) const { return place / setup().size % 2 == 0; }
    // Offset and wrap counter as the event suppression structures and notifications carry them.
    u16 word_for(u64 place) const {
        return static_cast<u16>(entry_of(place) | (wrap_at(place) ? 0x8000 : 0));
    }
    // Whether the entries from place `before` to before `after` include the one that was asked for.
    bool passes(u16 asked, u64 before, u64 after) const;
    u16 next_available() override;
    bool has_nothing_new() override;

    Descriptor load_descriptor(u64 table, u32 index) const;
    void store_descriptor(u64 bus, const Descriptor& descriptor) const;
    bool is_available(u64 place) const;
    void see_published();
    bool walk(Chain& chain);
    bool walk_table(Chain& chain, const Descriptor& descriptor);
    bool add_piece(Chain& chain, const Descriptor& descriptor);
    void check_entry(u16 entry) const;
    void forget_outstanding(const Used& used);
    void check_driver_event() const;

    u64 taken_ = 0;     // the place where the next buffer is expected
    u64 used_ = 0;      // the place where the next used descriptor goes
    u64 told_ = 0;      // used_ when the driver was last considered for a notification
    u64 published_ = 0; // the place up to which the driver was seen to have made buffers available
    u64 judged_ = 0;    // published_ up to which notifications were judged
    std::map<u16, HeldEntry> held_;    // by entry, from the take to the used descriptor that passes it
    std::map<u16, Table> held_tables_; // indirect tables by buffer id
    std::map<u16, u16> outstanding_;   // buffer id -> descriptors in the ring
    std::deque<u16> order_;            // with IN_ORDER: the ids as they were made available
    std::map<u16, Descriptor> staged_; // entries that a test wrote
    // The device lied or wrote where it must not: what the driver makes of it is not its fault.
    bool spoiled_ = false;
};

} // namespace vireo::fake
