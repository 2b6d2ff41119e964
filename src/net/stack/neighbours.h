// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "event/clock.h"
#include "net/address.h"

namespace vireo::net {

// Whom we have asked for a hardware address, by ARP or neighbour discovery. An answer that nobody asked for,
// or a second one, is not the stack's business: lwIP would believe whoever speaks last (RFC 826; RFC 4861,
// 7.2.5). So what was believed first may be wrong, or have changed meanwhile, and ARP has nothing that finds
// out: a neighbour that falls silent is asked for again.
class Neighbours {
  public:
    // A frame that is being sent: one that asks is remembered, and who is to answer one of IPv4. Whole as far
    // as ARP or a neighbour solicitation goes.
    void note_sent(Bytes frame);
    // A frame has come from there.
    void note_received(std::span<const u8, 6> sender) {
        if (std::ranges::equal(sender, awaited_))
            await_nobody();
    }
    // Once a second: true if the neighbour that was sent something last has said nothing for
    // three seconds since.
    bool has_fallen_silent();
    // Whom IPv4 sent something last.
    std::span<const u8, 6> awaited() const { return awaited_; }
    // True if `address` was asked for lately. Its next answer is not awaited any more.
    bool take_answer(const IpAddress& address, event::Instant now);
    void await_nobody() { silent_seconds_ = not_awaited; }
    void forget() {
        questions_.clear();
        await_nobody();
    }

  private:
    // As long as lwIP waits, which asks again each second meanwhile.
    static constexpr event::Duration patience = event::Duration::seconds(5);
    struct Question {
        IpAddress address;
        event::Instant asked_at;
    };
    void note(const IpAddress& address);
    FixedVector<Question, 16> questions_; // more than lwIP's caches have places that wait
    static constexpr u8 not_awaited = 0xff;
    std::array<u8, 6> awaited_{};
    u8 silent_seconds_ = not_awaited;
};

// What is read of an ARP packet (RFC 826), which is as long as one for Ethernet and IPv4.
struct ArpPacket {
    static constexpr usize bytes = 28;
    enum Operation : u16 { None, Request, Reply };
    Operation operation = None; // None also if it is for other networks
    IpAddress sender, target;
    static ArpPacket parse(Bytes packet);
};

// What is read of a neighbour solicitation or advertisement (RFC 4861, 4.3 and 4.4): the
// address that it is about.
constexpr usize neighbour_target_at = 8;
IpAddress ipv6_address_at(Bytes bytes, usize at);

} // namespace vireo::net
