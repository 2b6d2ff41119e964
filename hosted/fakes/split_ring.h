// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/ring.h"

#include <map>

namespace vireo::fake {

// The split format, section 2.7.
class SplitRing final : public Ring {
  public:
    explicit SplitRing(RingSetup setup) : Ring(std::move(setup)) {}

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

    // For tests that stage what lies in memory.
    u16 available_index() { return load16(setup().driver_area + 2); }
    u16 available_flags() { return load16(setup().driver_area); }
    u16 used_index() const { return used_index_; }
    u16 used_event() { return load16(setup().driver_area + 4 + 2 * u64{setup().size}); }
    void set_used_flags(u16 flags) { store16(setup().device_area, flags); }
    void set_avail_event(u16 index) { store16(setup().device_area + 4 + 8 * u64{setup().size}, index); }
    void set_used_index(u16 index) { store16(setup().device_area + 2, used_index_ = index); }
    void set_used_element(u16 slot, u32 id, u32 bytes);

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

    u16 next_available() override { return available_index(); }
    bool has_nothing_new() override { return judged_ == available_index(); }
    std::optional<Descriptor> load_descriptor(u64 table, u16 index) const;
    void check_available_flags();
    bool walk(u16 head, Chain& chain);
    bool walk_table(Chain& chain, u64 table, u32 entries, u16 first, bool inside_indirect);
    void check_order(const Chain& chain, u16 index, const Descriptor& descriptor, bool inside_indirect);
    bool enter_indirect(Chain& chain, const Descriptor& descriptor);
    // Whether a move of the available index from `before` to `after` passes the index that was
    // asked for (2.7.10).
    static bool passes(u16 asked, u16 before, u16 after) {
        return static_cast<u16>(after - asked - 1) < static_cast<u16>(after - before);
    }

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
    u16 in_order_next_ = 0; // with IN_ORDER: the descriptor that the next chain begins with
};

} // namespace vireo::fake
