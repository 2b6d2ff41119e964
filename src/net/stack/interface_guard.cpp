// SPDX-License-Identifier: Apache-2.0
// What lwIP may hear of what the network says about itself. It believes more than it should: whoever speaks
// last about a neighbour's hardware address, a redirect of anybody, a path's MTU of any size. Here stands
// what does not reach it, and what is answered in its place.
#include "net/stack/checksum.h"
#include "net/stack/convert.h"
#include "net/stack/interface.h"
#include "net/stack/ipv6_check.h"

namespace vireo::net {

namespace {

constexpr usize ipv6_bytes = 40, source_at = 8, destination_at = 24;
constexpr u8 most_hops = 255; // not sent on by any router (RFC 4861, 3.1)
constexpr u16 least_path_mtu = 1280;

u8 byte_at(Bytes bytes, usize at) { return std::to_integer<u8>(bytes[at]); }

u32 number_at(Bytes bytes, usize at) {
    u32 number = 0;
    for (usize i = 0; i < 4; ++i)
        number = number << 8 | byte_at(bytes, at + i);
    return number;
}

// Over the pseudo header as well (RFC 4443, 2.3): 0xffff if the message's checksum is in it and right.
u16 icmp_sum(Bytes packet, Bytes message) {
    std::array<u8, 8> tail{};
    tail[2] = static_cast<u8>(message.size() >> 8);
    tail[3] = static_cast<u8>(message.size());
    tail[7] = IP6_NEXTH_ICMP6;
    u32 sum = u32{internet_sum(packet.subspan(source_at, ipv6_bytes - source_at))} +
              internet_sum(std::as_bytes(std::span(tail))) + internet_sum(message);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<u16>(sum);
}

bool is_link_local(const IpAddress& address) {
    return address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}

// What all messages of neighbour discovery have in common (RFC 4861, 6.1 and 7.1).
bool is_from_this_link(Bytes packet, Bytes message) {
    constexpr usize code_at = 1, hops_at = 7;
    return byte_at(packet, hops_at) == most_hops && byte_at(message, code_at) == 0 &&
           icmp_sum(packet, message) == 0xffff;
}

} // namespace

bool Interface::may_be_told(u16 ethertype, Bytes packet, std::span<const u8, 6> sender) {
    if (ethertype == ETHTYPE_ARP)
        return arp_may_be_told(packet);
    // Who does not use IPv6 has no settings by it either.
    return ethertype != ETHTYPE_IPV6 || (has_ipv6_ && ipv6_may_be_told(packet, sender));
}

// lwIP would learn from each packet who has which address, also from those that ask.
bool Interface::arp_may_be_told(Bytes packet) {
    ArpPacket arp = ArpPacket::parse(packet);
    if (arp.operation == ArpPacket::Reply)
        return neighbours_.take_answer(arp.sender, event::now());
    IpAddress ours = from_lwip(*netif_ip4_addr(&netif_));
    if (arp.operation == ArpPacket::Request && ours.is_set() && arp.target == ours && arp.sender != ours)
        answer_arp(packet);
    return false;
}

void Interface::answer_arp(Bytes request) {
    constexpr usize operation_at = 7, sender_at = 8, address_at = 14, target_at = 18;
    std::array<u8, ArpPacket::bytes> answer;
    std::memcpy(answer.data(), request.data(), answer.size());
    device::MacAddress asker;
    std::copy_n(answer.begin() + sender_at, asker.size(), asker.begin());
    if ((asker[0] & 1) != 0)
        return; // an answer to everybody
    answer[operation_at] = ArpPacket::Reply;
    std::copy(answer.begin() + sender_at, answer.begin() + target_at, answer.begin() + target_at);
    std::ranges::copy(known_mac_, answer.begin() + sender_at);
    std::memcpy(answer.data() + address_at, &netif_ip4_addr(&netif_)->addr, 4);
    send_frame(ETHTYPE_ARP, answer, asker);
}

bool Interface::has_address(const IpAddress& address, Ours which) const {
    for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; ++i) {
        u8_t state = netif_ip6_addr_state(&netif_, i);
        if ((which == Ours::Usable ? ip6_addr_isvalid(state) : !ip6_addr_isinvalid(state)) &&
            from_lwip(*netif_ip6_addr(&netif_, i)) == address)
            return true;
    }
    return false;
}

bool Interface::ipv6_may_be_told(Bytes packet, std::span<const u8, 6> sender) {
    Bytes message = ipv6_icmp_message(packet);
    if (message.empty())
        return true;
    IpAddress source = ipv6_address_at(packet, source_at);
    IpAddress destination = ipv6_address_at(packet, destination_at);
    switch (byte_at(message, 0)) {
    case ICMP6_TYPE_RA: {
        constexpr IpAddress all_nodes{IpAddress::Family::V6,
                                      {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
        if ((destination == all_nodes || has_address(destination, Ours::Any)) && is_link_local(source) &&
            is_from_this_link(packet, message))
            announced_servers_.take(message.subspan(sizeof(ra_header)), event::now());
        return true; // lwIP takes the rest of it
    }
    case ICMP6_TYPE_NS:
        // Who looks whether an address is free has none to answer to.
        if (source == IpAddress{IpAddress::Family::V6})
            return true;
        if (is_from_this_link(packet, message))
            answer_solicitation(packet, message, sender);
        return false;
    case ICMP6_TYPE_NA: {
        IpAddress target = ipv6_address_at(message, neighbour_target_at);
        if (has_address(target, Ours::Any))
            return true; // somebody has the address that we want
        return destination.bytes[0] != 0xff && is_from_this_link(packet, message) &&
               neighbours_.take_answer(target, event::now());
    }
    case ICMP6_TYPE_RD:
        return false; // the way is longer without, and as the router has said
    case ICMP6_TYPE_PTB: {
        // About a packet of ours, and a size that a path can have (RFC 8201, 4).
        constexpr usize mtu_at = 4, packet_at = 8;
        return message.size() >= packet_at + ipv6_bytes &&
               has_address(ipv6_address_at(message, packet_at + source_at), Ours::Usable) &&
               number_at(message, mtu_at) >= least_path_mtu && number_at(message, mtu_at) <= netif_.mtu;
    }
    default:
        return true;
    }
}

void Interface::answer_solicitation(Bytes packet, Bytes message, std::span<const u8, 6> sender) {
    constexpr usize options_at = 24;
    constexpr u8 icmp_bytes = 32, source_option = 1, target_option = 2, one_unit = 1;
    IpAddress target = ipv6_address_at(message, neighbour_target_at);
    IpAddress asker = ipv6_address_at(packet, source_at);
    device::MacAddress to;
    std::ranges::copy(sender, to.begin());
    for (Bytes options = message.subspan(options_at); !options.empty();
         options = options.subspan(usize{byte_at(options, 1)} * 8))
        if (byte_at(options, 0) == source_option && byte_at(options, 1) == one_unit)
            std::memcpy(to.data(), &options[2], to.size());
    if (!has_address(target, Ours::Usable) || asker.bytes[0] == 0xff || (to[0] & 1) != 0)
        return;
    std::array<u8, ipv6_bytes + icmp_bytes> answer{0x60, 0, 0, 0, 0, icmp_bytes, IP6_NEXTH_ICMP6, most_hops};
    std::ranges::copy(target.bytes, answer.begin() + source_at);
    std::ranges::copy(asker.bytes, answer.begin() + destination_at);
    answer[ipv6_bytes] = ICMP6_TYPE_NA;
    answer[ipv6_bytes + 4] = ND6_FLAG_SOLICITED | ND6_FLAG_OVERRIDE;
    std::ranges::copy(target.bytes, answer.begin() + ipv6_bytes + neighbour_target_at);
    answer[ipv6_bytes + options_at] = target_option;
    answer[ipv6_bytes + options_at + 1] = one_unit;
    std::ranges::copy(known_mac_, answer.begin() + ipv6_bytes + options_at + 2);
    Bytes bytes = std::as_bytes(std::span(answer));
    u16 sum = static_cast<u16>(~icmp_sum(bytes, bytes.subspan(ipv6_bytes)));
    std::memcpy(&answer[ipv6_bytes + 2], &sum, sizeof(sum));
    send_frame(ETHTYPE_IPV6, answer, to);
}

void Interface::send_frame(u16 ethertype, std::span<const u8> packet, std::span<const u8, 6> to) {
    pbuf* frame = pbuf_alloc(PBUF_LINK, static_cast<u16>(packet.size()), PBUF_RAM);
    if (!frame)
        return; // as if it had been lost
    pbuf_take(frame, packet.data(), static_cast<u16>(packet.size()));
    eth_addr from, target;
    std::ranges::copy(known_mac_, from.addr);
    std::ranges::copy(to, target.addr);
    (void)ethernet_output(&netif_, frame, &from, &target, ethertype);
    pbuf_free(frame);
}

} // namespace vireo::net
