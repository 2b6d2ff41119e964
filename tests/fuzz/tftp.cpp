// SPDX-License-Identifier: Apache-2.0
// A TFTP server, or whoever else sends datagrams. Input: flags (1: we write; 2: no options; 8: it is called
// too slow), bytes of memory (2), block size to ask for (2), window to ask for; then records: what happens
// (the low bits choose the sender), time (10 ms each), and for a datagram its length (2) and its bytes.
#include "net/protocol/tftp.h"
#include "fuzz/support.h"

namespace vireo::fuzz {
namespace {

using net::IpAddress;
using net::TftpSession;

const IpAddress server{IpAddress::Family::V4, {192, 0, 2, 1}};
const IpAddress stranger{IpAddress::Family::V4, {192, 0, 2, 2}};

class Wire final : public net::TftpPort {
  public:
    void send(Bytes datagram, const IpAddress& to, u16) override {
        ++sent;
        require(datagram.size() >= 2 && datagram.size() <= 4 + usize{largest_block},
                "a datagram has a size that was agreed");
        if (to == stranger) {
            ++to_strangers;
            require(datagram[1] == std::byte{5}, "strangers hear of errors only");
        }
    }
    u32 sent = 0;
    u32 to_strangers = 0;
    u16 largest_block = 512;
};

void run(TftpSession& session, Wire& wire, FuzzedData& input, u64 memory_bytes, u16 window, u8 flags) {
    event::Instant now{1'000'000};
    session.start(now);
    u64 bytes = 0;
    u64 progress = 0;
    while (!input.is_empty() && session.state() == TftpSession::State::Running) {
        u8 what = input.byte();
        now = now + event::Duration::milli(10 * u64{input.byte()});
        u32 sent = wire.sent;
        if (what & 4) {
            session.tick(now);
        } else {
            Bytes datagram = input.take(input.number<u16>());
            session.datagram(datagram, what & 1 ? stranger : server, what & 2 ? 1001 : 1000, now);
        }
        require(wire.sent - sent <= u32{window} + 1, "one event makes no more than a window");
        require(session.bytes() >= bytes && session.bytes() <= memory_bytes,
                "bytes grow, and not beyond the memory");
        bytes = session.bytes();
        require(session.progress() >= progress, "progress is never taken back");
        progress = session.progress();
    }
    require(wire.to_strangers <= 16, "strangers do not use us to flood others");
    // Then nothing comes: it asks again, not too often and not too seldom, until somebody has
    // no patience any more.
    for (int i = 0; i < 8 && session.state() == TftpSession::State::Running; ++i) {
        require(session.wakes_at() <= now + event::Duration::seconds(2), "it wakes soon");
        now = std::max(now, session.wakes_at());
        session.tick(now);
    }
    require(session.progress() == progress, "silence is no progress");
    session.lose_patience(flags & 8 ? std::optional<u64>(1) : std::nullopt);
    require(session.state() != TftpSession::State::Running, "lost patience ends it");
    u32 sent = wire.sent;
    session.tick(now + event::Duration::seconds(100));
    session.datagram(std::as_bytes(std::span("\0\3\0\1", 4)), server, 1000, now);
    require(wire.sent == sent, "what has ended is quiet");
    if (session.state() == TftpSession::State::Done && session.total())
        require(*session.total() == session.bytes(), "all that was announced is there");
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    fuzz::FuzzedData input(data, size);
    fuzz::Surroundings surroundings;
    u8 flags = input.byte();
    fuzz::Memory memory(input.number<u16>()); // ASan guards its ends
    net::TftpOptions options;
    if (flags & 2) {
        input.number<u16>();
        input.byte();
    } else {
        options.block_bytes =
            static_cast<u16>(std::clamp<u32>(input.number<u16>(), 8, net::TftpOptions::most_block_bytes));
        options.window = std::max<u16>(input.byte(), 1);
    }
    fuzz::Wire wire;
    wire.largest_block = std::max(options.block_bytes, wire.largest_block);
    if (flags & 1) {
        net::TftpWriter writer(wire, fuzz::server, "file", options, memory.bytes());
        fuzz::run(writer, wire, input, memory.bytes().size(), options.window, flags);
    } else {
        net::TftpReader reader(wire, fuzz::server, "file", options, memory.bytes());
        fuzz::run(reader, wire, input, memory.bytes().size(), options.window, flags);
    }
    return 0;
}
