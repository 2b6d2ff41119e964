// SPDX-License-Identifier: Apache-2.0
// Frames from a network, while a connection is open, datagrams are awaited and IPv6 configures itself.
// Input: flags (1: small MTU, 2: checksums left to the card), then steps: a kind and what it
// needs, see step().
#include "fuzz/net_world.h"

namespace vireo::fuzz {
namespace {

using namespace test::packets;

struct Datagrams final : net::UdpSocket::Client {
    void datagram(Bytes payload, const net::IpAddress&, u16) override { sum += payload.size(); }
    usize sum = 0;
};

struct Connection final : net::TcpSocket::Client {
    void connected() override { (void)socket.send(std::as_bytes(std::span("GET"))).has_value(); }
    void received(Bytes bytes) override {
        for (std::byte byte : bytes)
            sum += std::to_integer<u8>(byte); // the address sanitizer looks at each
    }
    void ended(Result<>) override { require(!std::exchange(has_ended, true), "it ends once"); }
    net::TcpSocket socket;
    usize sum = 0;
    bool has_ended = false;
};

class Frames {
  public:
    explicit Frames(FuzzedData input)
        : input_(input), flags_(input_.byte()), world_(flags_ & 1 ? 300 : 1500, flags_ & 2) {
        world_.card.on_send = [this](const Octets& frame) {
            world_.answer_arp(frame);
            look(frame);
        };
        // IPv6 is used, or nothing of it would be read.
        VIREO_MUST(world_.network.wait_for_ipv6(*net::IpAddress::parse("fe80::1"),
                                                event::Budget::total(event::Duration::seconds(5))));
        VIREO_MUST(datagrams_socket_.open(world_.network, net::IpAddress::Family::V4, 4000, datagrams_));
        VIREO_MUST(connection_.socket.connect(world_.network, world_.host, 80, connection_));
        world_.pass(event::Duration::milli(20));
    }
    void run() {
        for (int steps = 0; steps < 64 && !input_.is_empty(); ++steps)
            step();
        world_.pass(event::Duration::milli(10));
        // It still works, whatever came.
        connection_.socket.close();
        world_.pass(event::Duration::seconds(20));
    }

  private:
    enum Kind { Raw, Ip, Segment, Icmp6, Pass, Kinds };

    void step() {
        switch (input_.below(Kinds)) {
        case Raw: { // length, size of the parts, bytes behind our MAC
            usize bytes = input_.number<u16>();
            u16 part = input_.number<u16>();
            Octets frame(world_.card.facts().mac.begin(), world_.card.facts().mac.end());
            if (part & 1)
                std::ranges::fill(frame, u8{0xff});
            put(frame, octets(input_.take(bytes)));
            return world_.card.deliver(frame, part, part & 2);
        }
        case Ip: { // protocol, id, fragment, length, payload
            u8 protocol = input_.byte();
            u16 id = input_.byte();
            u16 fragment = input_.number<u16>();
            Octets payload = octets(input_.take(input_.number<u16>()));
            return world_.card.deliver(
                ethernet(world_.card.facts().mac, NetWorld::mac, 0x0800,
                         ipv4(NetWorld::theirs, NetWorld::ours, protocol, payload, id, fragment)),
                4096, true);
        }
        case Segment: { // flags, options, distances from what is expected, window, length, payload
            Tcp segment{80, port_};
            segment.flags = input_.byte();
            u8 options = input_.below(11) * 4u;
            segment.sequence = next_ + static_cast<u32>(static_cast<i16>(input_.number<u16>()));
            segment.acknowledged = acknowledged_ + static_cast<u32>(static_cast<i8>(input_.byte()));
            segment.window = input_.number<u16>();
            segment.options = octets(input_.take(options));
            segment.options.resize(options);
            segment.payload = Octets(input_.number<u16>() % 3000, input_.byte());
            Octets bytes = segment.bytes(NetWorld::theirs, NetWorld::ours);
            return world_.card.deliver(ethernet(world_.card.facts().mac, NetWorld::mac, 0x0800,
                                                ipv4(NetWorld::theirs, NetWorld::ours, 6, bytes)),
                                       static_cast<u16>(80 + 40 * input_.byte()));
        }
        case Icmp6: { // type, code, from, to, hops, length, the rest
            u8 type = input_.byte(), code = input_.byte();
            Address6 from{0xfe, 0x80}, to{0xff, 2};
            from[15] = input_.byte();
            to[15] = 1;
            u8 hops = input_.flag() ? input_.byte() : 255;
            Octets message = icmp6(from, to, type, code, octets(input_.take(input_.number<u16>())));
            return world_.card.deliver(
                ethernet({0x33, 0x33, 0, 0, 0, 1}, NetWorld::mac, 0x86dd, ipv6(from, to, 58, message, hops)));
        }
        default:
            world_.pass(event::Duration::milli(input_.byte() * u64{8}));
        }
    }
    // What we say tells the other side what to expect.
    void look(const Octets& frame) {
        if (get16(frame, 12) != 0x0800 || frame.size() < 54 || frame[23] != 6)
            return;
        port_ = static_cast<u16>(get16(frame, 34));
        u32 sequence = get32(frame, 38);
        acknowledged_ = sequence + (frame[47] & Tcp::Syn ? 1 : 0) + static_cast<u32>(frame.size() - 54);
        if (frame[47] & Tcp::Ack)
            next_ = get32(frame, 42);
    }

    FuzzedData input_;
    u8 flags_;
    NetWorld world_;
    Datagrams datagrams_;
    net::UdpSocket datagrams_socket_;
    Connection connection_;
    u16 port_ = 0;
    u32 next_ = 1000, acknowledged_ = 0;
};

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    vireo::fuzz::Frames(vireo::fuzz::FuzzedData(data, size)).run();
    return 0;
}
