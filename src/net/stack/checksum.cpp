// SPDX-License-Identifier: Apache-2.0
#include "net/stack/checksum.h"

#include "base/endian.h"

namespace vireo::net {

namespace {

constexpr usize ethernet_bytes = 14;

template <typename T> T load(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof(value));
    return value;
}

u16 fold(u64 sum) {
    sum = (sum >> 32) + (sum & 0xffff'ffff);
    sum = (sum >> 32) + (sum & 0xffff'ffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return static_cast<u16>(sum);
}

u8 byte_at(MutableBytes frame, usize at) { return std::to_integer<u8>(frame[at]); }
u16 number_at(MutableBytes frame, usize at) {
    return static_cast<u16>(byte_at(frame, at) << 8 | byte_at(frame, at + 1));
}

// What is known of a packet's transport header.
struct Transport {
    u8 protocol;
    usize start;         // in the frame
    usize bytes;         // header and data
    usize addresses;     // of the network header, in the frame
    usize address_bytes; // both
};

std::optional<Transport> find_transport(MutableBytes frame) {
    constexpr u16 ipv4 = 0x0800, ipv6 = 0x86dd;
    constexpr usize ipv4_bytes = 20, ipv6_bytes = 40;
    if (frame.size() < ethernet_bytes + ipv4_bytes)
        return std::nullopt;
    if (number_at(frame, 12) == ipv4) {
        usize header = (byte_at(frame, ethernet_bytes) & 0xf) * usize{4};
        bool is_fragment = (number_at(frame, ethernet_bytes + 6) & 0x3fff) != 0;
        usize total = number_at(frame, ethernet_bytes + 2);
        if (is_fragment || total < header || ethernet_bytes + total != frame.size())
            return std::nullopt;
        return Transport{byte_at(frame, ethernet_bytes + 9), ethernet_bytes + header, total - header,
                         ethernet_bytes + 12, 8};
    }
    if (number_at(frame, 12) == ipv6 && frame.size() >= ethernet_bytes + ipv6_bytes) {
        usize bytes = number_at(frame, ethernet_bytes + 4);
        if (ethernet_bytes + ipv6_bytes + bytes != frame.size())
            return std::nullopt;
        return Transport{byte_at(frame, ethernet_bytes + 6), ethernet_bytes + ipv6_bytes, bytes,
                         ethernet_bytes + 8, 32};
    }
    return std::nullopt;
}

} // namespace

// Under an emulator each instruction costs the same, and an access to memory many: so many bytes a step as
// possible, from addresses where no processor has to put a word together from bytes. The carries of the sum
// of words are numbers in it.
[[gnu::hot]] u16 internet_sum(Bytes bytes) {
    const std::byte* at = bytes.data();
    usize left = bytes.size();
    auto misaligned = [&] { return std::bit_cast<uptr>(at) % sizeof(usize); };
    usize others = 0; // up to a dozen 16-bit numbers, and a carry for each word
    // RFC 1071, 2 (B): from an odd address the bytes of all pairs change places, and in the
    // end those of the sum.
    bool is_odd = misaligned() % 2 != 0 && left > 0;
    if (is_odd) {
        others = std::to_integer<usize>(*at++) << 8;
        --left;
    }
    auto take_pair = [&] {
        others += load<u16>(std::assume_aligned<2>(at));
        at += 2;
        left -= 2;
    };
    while (misaligned() != 0 && left >= 2)
        take_pair();
    usize sum = 0;
    auto add = [&](usize index) {
        auto word = load<usize>(std::assume_aligned<sizeof(usize)>(at + index * sizeof(usize)));
        sum += word;
        others += sum < word;
    };
    for (constexpr usize step = 8 * sizeof(usize); left >= step; left -= step, at += step) {
        add(0), add(1), add(2), add(3);
        add(4), add(5), add(6), add(7);
    }
    for (; left >= sizeof(usize); left -= sizeof(usize), at += sizeof(usize))
        add(0);
    while (left >= 2)
        take_pair();
    if (left != 0) // the first byte of a pair is the low one: all boards are little endian
        others += std::to_integer<u8>(*at);
    u16 folded = fold((u64{sum} & 0xffff'ffff) + (u64{sum} >> 32) + others);
    return is_odd ? std::byteswap(folded) : folded;
}

std::optional<device::OutgoingFrame::Checksum> leave_checksum_to_device(MutableBytes frame) {
    constexpr u8 tcp = 6, udp = 17;
    auto transport = find_transport(frame);
    if (!transport || (transport->protocol != tcp && transport->protocol != udp))
        return std::nullopt;
    u16 offset = transport->protocol == tcp ? 16 : 6;
    if (transport->bytes < usize{offset} + 2 || number_at(frame, transport->start + offset) != 0)
        return std::nullopt;
    // Protocol and length count as 16-bit numbers; a length beyond 16 bits does not occur.
    const Be<u16> tail[] = {transport->protocol, static_cast<u16>(transport->bytes)};
    u64 sum = internet_sum(frame.subspan(transport->addresses, transport->address_bytes));
    sum += internet_sum(std::as_bytes(std::span(tail)));
    u16 pseudo = fold(sum);
    std::memcpy(frame.data() + transport->start + offset, &pseudo, sizeof(pseudo));
    return device::OutgoingFrame::Checksum{static_cast<u16>(transport->start), offset};
}

} // namespace vireo::net
