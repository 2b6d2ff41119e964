// SPDX-License-Identifier: Apache-2.0
// What a DHCP server answers. Input: for each of our messages flags (1: a header of its own), length
// (2 bytes) and the options, or in place of the header as well (2: the fields of the server's name and
// the file come first).
#include "fuzz/net_world.h"

namespace vireo::fuzz {
namespace {

using namespace test::packets;

void answer(NetWorld& world, FuzzedData& input, const Octets& request) {
    u8 flags = input.byte();
    bool has_header = (flags & 1) != 0;
    Octets message;
    if (!has_header) {
        message = {2, 1, 6, 0};
        put(message, slice(request, 4, 4));
        message.resize(16);
        put32(message, NetWorld::ours);
        put32(message, NetWorld::theirs);
        message.resize(28);
        put(message, slice(request, 28, 16));
        if ((flags & 2) != 0) { // they may hold options
            message.resize(44);
            put(message, octets(input.take(64 + 128)));
        }
        message.resize(236);
        put32(message, 0x63825363);
    }
    put(message, octets(input.take(input.number<u16>() % 1500)));
    Octets datagram = udp(NetWorld::theirs, 67, 0xffffffff, 68, message);
    world.card.deliver(ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, NetWorld::mac, 0x0800,
                                ipv4(NetWorld::theirs, 0xffffffff, 17, datagram)));
}

void run(FuzzedData input) {
    NetWorld world;
    world.card.on_send = [&](const Octets& frame) {
        world.answer_arp(frame);
        bool is_request =
            get16(frame, 12) == 0x0800 && frame.size() > 282 && frame[23] == 17 && get16(frame, 36) == 67;
        for (int i = 0; is_request && i < 4 && !input.is_empty(); ++i)
            answer(world, input, slice(frame, 42));
    };
    struct : net::DhcpWatcher {
        void asks(u32) override {}
    } watcher;
    auto lease = world.network.dhcp(watcher, {}, event::Budget::total(event::Duration::seconds(10)));
    if (lease) {
        require(lease->ipv4.address.is_set(), "a lease has an address");
        require(lease->boot_file.find('\0') == std::string_view::npos, "texts have no zeros");
        require(lease->discovers >= 1, "it was asked for");
        for (unsigned code = 1; code < 255; ++code) {
            std::string_view text = lease->answer.text(net::DhcpOption(code));
            require(text.size() <= 1500 && text.find('\0') == std::string_view::npos,
                    "texts lie in the message");
        }
    }
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    vireo::fuzz::run(vireo::fuzz::FuzzedData(data, size));
    return 0;
}
