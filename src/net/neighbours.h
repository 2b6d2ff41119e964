// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "event/clock.h"
#include "net/address.h"

namespace vireo::net {

// Whom we have asked for a hardware address, by ARP or neighbour discovery. An answer that nobody asked for, or a second one,
// is not the stack's business: lwIP would believe whoever speaks last (RFC 826; RFC 4861, 7.2.5).
class Neighbours {
  public:
    // A frame that is being sent: one that asks is remembered.
    void note_sent(Bytes frame, event::Instant now);
    // True if `address` was asked for lately. Its next answer is not awaited any more.
    bool take_answer(const IpAddress& address, event::Instant now);
    void forget() { questions_.clear(); }

  private:
    // As long as lwIP waits, which asks again each second meanwhile.
    static constexpr event::Duration patience = event::Duration::seconds(5);
    struct Question {
        IpAddress address;
        event::Instant asked_at;
    };
    void note(const IpAddress& address, event::Instant now);
    FixedVector<Question, 16> questions_; // more than lwIP's caches have places that wait
};

// What is read of an ARP packet (RFC 826), which is as long as one for Ethernet and IPv4.
struct ArpPacket {
    static constexpr usize bytes = 28;
    enum Operation : u16 { None, Request, Reply };
    Operation operation = None; // None also if it is for other networks
    IpAddress sender, target;
    static ArpPacket parse(Bytes packet);
};

// What is read of a neighbour solicitation or advertisement (RFC 4861, 4.3 and 4.4): the address that it is about.
constexpr usize neighbour_target_at = 8;
IpAddress ipv6_address_at(Bytes bytes, usize at);

} // namespace vireo::net
