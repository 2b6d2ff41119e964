// SPDX-License-Identifier: Apache-2.0
// What a DNS server answers. Input: for each of our questions flags (1: without our question in it; 2: for
// IPv6), counts and flags of the header, length (2 bytes) and what stands behind the question.
#include "fuzz/net_world.h"

namespace vireo::fuzz {
namespace {

using namespace test::packets;

void run(FuzzedData input) {
    NetWorld world;
    world.network.set_dns_servers({&world.host, 1});
    bool wants_v6 = input.flag();
    world.card.on_send = [&](const Octets& frame) {
        world.answer_arp(frame);
        bool is_question =
            get16(frame, 12) == 0x0800 && frame.size() > 54 && frame[23] == 17 && get16(frame, 36) == 53;
        for (int i = 0; is_question && i < 4 && !input.is_empty(); ++i) {
            u8 flags = input.byte();
            Octets message = slice(frame, 42, 2);
            put16(message, flags & 4 ? input.number<u16>() : 0x8180);
            put16(message, flags & 8 ? input.number<u16>() : 1);
            put16(message, input.byte());
            put32(message, 0);
            if (!(flags & 1))
                put(message, slice(frame, 54));
            put(message, octets(input.take(input.number<u16>() % 1400)));
            world.send_ip(
                17, udp(NetWorld::theirs, 53, NetWorld::ours, static_cast<u16>(get16(frame, 34)), message));
        }
    };
    // Each input asks for another name, so that it does not depend on questions before it that
    // are still open.
    static u64 number = 0;
    std::string name = "n" + std::to_string(++number) + ".example";
    auto family = wants_v6 ? net::IpAddress::Family::V6 : net::IpAddress::Family::V4;
    auto found = world.network.resolve(name, family);
    require(!found || found->is_set(), "what is found is an address");
    world.pass(event::Duration::seconds(10)); // no question stays open for the next input
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    vireo::fuzz::run(vireo::fuzz::FuzzedData(data, size));
    return 0;
}
