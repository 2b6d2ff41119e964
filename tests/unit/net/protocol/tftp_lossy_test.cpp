// SPDX-License-Identifier: Apache-2.0
// Files over TFTP through a network that loses, doubles and turns around, with a server that this test wrote.
#include "net/protocol/tftp.h"

#include <deque>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace vireo::test {
namespace {

using namespace std::string_literals;
using State = net::TftpSession::State;
using Texts = std::vector<std::string>;

const net::IpAddress server{net::IpAddress::Family::V4, {192, 0, 2, 1}};

class Wire final : public net::TftpPort {
  public:
    void send(Bytes datagram, const net::IpAddress&, u16) override {
        sent.emplace_back(reinterpret_cast<const char*>(datagram.data()), datagram.size());
    }
    Texts sent;
};

class Peer {
  public:
    Peer(std::string_view content, unsigned block, unsigned window)
        : content_(content), block_(block), window_(window) {}

    // What it sends for a datagram; for silence (an empty one) what it repeats.
    Texts hear(std::string_view packet) {
        if (packet.empty())
            return repeat();
        unsigned opcode = static_cast<u8>(packet[1]);
        if (opcode == 1)
            return {"\0\6blksize\0"s + std::to_string(block_) + "\0windowsize\0"s + std::to_string(window_) +
                    "\0"s};
        if (opcode != 4)
            return {};
        unsigned word = static_cast<u8>(packet[2]) << 8 | static_cast<u8>(packet[3]);
        unsigned more = (word - acknowledged_) & 0xffff;
        if (more > window_ || (more == 0 && window_ == 1 && has_started_))
            return {};
        acknowledged_ += more;
        has_started_ = true;
        return window();
    }

  private:
    Texts repeat() { return has_started_ ? window() : Texts{}; }
    Texts window() {
        Texts all;
        for (unsigned number = acknowledged_ + 1; number <= acknowledged_ + window_; ++number)
            if (number <= content_.size() / block_ + 1)
                all.push_back("\0\3"s + static_cast<char>(number >> 8) + static_cast<char>(number) +
                              std::string(content_.substr(usize{number - 1} * block_, block_)));
        return all;
    }
    std::string_view content_;
    unsigned block_, window_;
    unsigned acknowledged_ = 0;
    bool has_started_ = false;
};

TEST(TftpLossy, any_network_that_lets_something_through_brings_the_file_whole) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        auto chance = [&](unsigned percent) { return random() % 100 < percent; };
        unsigned loss = random() % 18, doubling = random() % 20, turning = random() % 20;
        unsigned window = 1 + random() % 12, block = 8 + random() % 24;
        std::string file;
        for (unsigned i = 0, size = random() % 3000; i < size; ++i)
            file += static_cast<char>(random());
        Wire wire;
        event::Instant now{1'000'000};
        std::string memory(file.size() + 1, '\xa5'); // and one byte that stays
        net::TftpReader session(wire, server, "file", {static_cast<u16>(block), static_cast<u16>(window)},
                                std::as_writable_bytes(std::span(memory)).first(file.size()));
        session.start(now);
        Peer peer(file, block, window);
        std::deque<std::string> to_peer, to_us;
        auto pass_on = [&](std::deque<std::string>& queue, const std::string& packet) {
            for (int copies = chance(loss) ? 0 : chance(doubling) ? 2 : 1; copies > 0; --copies) {
                bool turns = chance(turning) && !queue.empty();
                queue.insert(turns ? queue.end() - 1 : queue.end(), packet);
            }
        };
        event::Instant peer_spoke = now;
        for (unsigned round = 0; session.state() == State::Running && round < 100'000; ++round) {
            for (const std::string& packet : std::exchange(wire.sent, {}))
                pass_on(to_peer, packet);
            now = now + event::Duration::micro(200);
            if (!to_peer.empty()) {
                for (const std::string& packet : peer.hear(to_peer.front()))
                    pass_on(to_us, packet);
                to_peer.pop_front();
                peer_spoke = now;
            } else if (!to_us.empty()) {
                session.datagram(std::as_bytes(std::span(to_us.front())), server, 3456, now);
                to_us.pop_front();
            } else {
                now = std::min(session.wakes_at(), peer_spoke + event::Duration::seconds(1));
                session.tick(now);
                if (now >= peer_spoke + event::Duration::seconds(1)) {
                    for (const std::string& packet : peer.hear(""))
                        pass_on(to_us, packet);
                    peer_spoke = now;
                }
            }
        }
        ASSERT_EQ(session.state(), State::Done);
        ASSERT_TRUE(memory == file + "\xa5");
    }
}

} // namespace
} // namespace vireo::test
