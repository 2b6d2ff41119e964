// SPDX-License-Identifier: Apache-2.0
#include "net/stack/neighbours.h"

namespace vireo::net {

namespace {

constexpr usize ethernet_bytes = 14, ipv6_bytes = 40;
constexpr u16 ipv4_type = 0x0800, arp_type = 0x0806, ipv6_type = 0x86dd;
constexpr u8 icmp6 = 58, solicitation = 135;

u8 byte_at(Bytes bytes, usize at) { return std::to_integer<u8>(bytes[at]); }
u16 number_at(Bytes bytes, usize at) {
    return static_cast<u16>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

IpAddress ipv4_address_at(Bytes bytes, usize at) {
    IpAddress address{IpAddress::Family::V4};
    std::memcpy(address.bytes.data(), bytes.data() + at, 4);
    return address;
}

} // namespace

IpAddress ipv6_address_at(Bytes bytes, usize at) {
    IpAddress address{IpAddress::Family::V6};
    std::memcpy(address.bytes.data(), bytes.data() + at, address.bytes.size());
    return address;
}

ArpPacket ArpPacket::parse(Bytes packet) {
    constexpr u16 ethernet = 1, ipv4 = 0x0800, lengths = 6 << 8 | 4;
    if (packet.size() < bytes || number_at(packet, 0) != ethernet || number_at(packet, 2) != ipv4 ||
        number_at(packet, 4) != lengths)
        return {};
    u16 operation = number_at(packet, 6);
    if (operation != Request && operation != Reply)
        return {};
    return {Operation(operation), ipv4_address_at(packet, 14), ipv4_address_at(packet, 24)};
}

void Neighbours::note_sent(Bytes frame) {
    if (frame.size() < ethernet_bytes)
        return;
    u16 type = number_at(frame, ethernet_bytes - 2);
    Bytes packet = frame.subspan(ethernet_bytes);
    if (type == ipv4_type) {
        if ((byte_at(frame, 0) & 1) != 0)
            return; // to a group
        bool is_another = std::memcmp(awaited_.data(), frame.data(), awaited_.size()) != 0;
        if (is_another)
            std::memcpy(awaited_.data(), frame.data(), awaited_.size());
        if (is_another || silent_seconds_ == not_awaited)
            silent_seconds_ = 0;
    } else if (type == arp_type) {
        if (ArpPacket arp = ArpPacket::parse(packet); arp.operation == ArpPacket::Request)
            note(arp.target);
    } else if (type == ipv6_type && packet.size() >= ipv6_bytes + neighbour_target_at + 16 &&
               byte_at(packet, 6) == icmp6 && byte_at(packet, ipv6_bytes) == solicitation) {
        note(ipv6_address_at(packet, ipv6_bytes + neighbour_target_at));
    }
}

bool Neighbours::has_fallen_silent() {
    constexpr u8 longest = 3; // as often as a question is repeated before there is no answer (RFC 4861, 10)
    if (silent_seconds_ == not_awaited || ++silent_seconds_ <= longest)
        return false;
    silent_seconds_ = not_awaited;
    return true;
}

void Neighbours::note(const IpAddress& address) {
    event::Instant now = event::now();
    for (Question& question : questions_)
        if (question.address == address) {
            question.asked_at = now;
            return;
        }
    if (questions_.is_full())
        questions_.erase(0); // the oldest
    (void)questions_.try_push_back({address, now});
}

bool Neighbours::take_answer(const IpAddress& address, event::Instant now) {
    for (usize i = 0; i < questions_.size(); ++i)
        if (questions_[i].address == address) {
            bool is_awaited = now - questions_[i].asked_at < patience;
            questions_.erase(i);
            return is_awaited;
        }
    return false;
}

} // namespace vireo::net
