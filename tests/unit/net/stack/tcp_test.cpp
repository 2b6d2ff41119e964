// SPDX-License-Identifier: Apache-2.0
#include "unit/net/stack/tcp_server.h"

namespace vireo::test {
namespace {

using event::Duration;
using net::IpAddress;

Octets pattern(usize bytes) {
    Octets content(bytes);
    std::mt19937 random(static_cast<u32>(bytes));
    for (u8& byte : content)
        byte = static_cast<u8>(random());
    return content;
}

// Asks, and keeps what comes.
struct Download final : net::TcpSocket::Client {
    void connected() override {
        is_connected = true;
        EXPECT_TRUE(socket.send(std::as_bytes(std::span(std::string_view("GET")))));
    }
    void received(Bytes bytes) override {
        for (std::byte byte : bytes)
            content.push_back(std::to_integer<u8>(byte));
        if (closes_at && content.size() >= *closes_at)
            socket.close();
    }
    void ended(Result<> how) override {
        EXPECT_FALSE(result) << "ended twice";
        result = how;
    }
    net::TcpSocket socket;
    bool is_connected = false;
    Octets content;
    std::optional<usize> closes_at;
    std::optional<Result<>> result;
};

using Family = IpAddress::Family;

class TcpFixture : public NetworkTest {
  protected:
    explicit TcpFixture(Family family) : is_v6(family == Family::V6) {
        open();
        peer->speaks_ipv6 = is_v6;
        if (!is_v6)
            return;
        host = {Family::V6, OtherHost::address6};
        EXPECT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(10))));
    }
    Result<> fetch(Download& download, Duration patience = Duration::seconds(60)) {
        if (!network->card())
            open();
        if (auto begun = download.socket.connect(*network, host, 80, download); !begun)
            return begun;
        return loop.wait_until(event::Deadline::after(patience), [&] { return download.result.has_value(); });
    }
    usize segment_offset() const { return is_v6 ? 14 + 40 : 14 + 20; } // in a frame
    bool holds_segment(const Frame& frame) const {
        return frame.size() >= segment_offset() + 20 &&
               packets::get16(frame, 12) == (is_v6 ? 0x86dd : 0x0800) && frame[is_v6 ? 14 + 6 : 14 + 9] == 6;
    }
    const bool is_v6;
};

std::string family_name(Family family) { return family == Family::V6 ? "Ipv6" : "Ipv4"; }

class TcpTest : public TcpFixture, public testing::WithParamInterface<Family> {
  protected:
    TcpTest() : TcpFixture(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Over, TcpTest, testing::Values(Family::V4, Family::V6),
                         [](const auto& info) { return family_name(info.param); });

TEST_P(TcpTest, a_stream_arrives) {
    Octets content = pattern(1'000'000);
    TcpServer server(*peer, 80, content);
    Download download;
    ASSERT_TRUE(fetch(download));
    EXPECT_TRUE(*download.result);
    EXPECT_TRUE(download.content == content);
    EXPECT_EQ(server.received, Octets({'G', 'E', 'T'}));
    pass(Duration::milli(100));
    EXPECT_TRUE(server.is_closed);
    EXPECT_FALSE(server.was_reset);
    // Nothing is kept waiting: the window is as large as it was announced, and every second segment is
    // acknowledged at most.
    EXPECT_GE(server.largest_window, 1000u * 1024);
    EXPECT_TRUE(server.offers_sack);
    EXPECT_EQ(server.largest_segment, is_v6 ? 1440u : 1460u);
    EXPECT_LE(server.acknowledgements, server.segments / 2 + 10);
}

TEST_P(TcpTest, an_empty_stream) {
    TcpServer server(*peer, 80, {});
    Download download;
    ASSERT_TRUE(fetch(download));
    EXPECT_TRUE(*download.result);
    EXPECT_TRUE(download.content.empty());
}

// As a tap with large receive hands them over: 64 KiB in one frame of seventeen buffers,
// checksum not filled in.
TEST_P(TcpTest, large_frames_arrive_in_pieces) {
    Octets content = pattern(3'000'000);
    TcpServer server(*peer, 80, content);
    server.segment_bytes = 65160;
    server.checksum_is_good = true;
    card->first_part_bytes = 4084;
    peer->spoil = [this](Frame& frame) {
        if (frame.size() > 60000)
            packets::set16(frame, segment_offset() + 16, 0x1234);
        return false;
    };
    Download download;
    ASSERT_TRUE(fetch(download));
    EXPECT_TRUE(*download.result);
    EXPECT_TRUE(download.content == content);
    EXPECT_LE(server.acknowledgements, server.segments + 10);
}

// A sender at its start has one of them under way.
TEST_P(TcpTest, a_large_frame_is_acknowledged_at_once) {
    Octets content = pattern(2'000'000);
    TcpServer server(*peer, 80, content);
    server.segment_bytes = server.most_in_flight = 65160;
    auto begun = event::now();
    Download download;
    ASSERT_TRUE(fetch(download));
    EXPECT_TRUE(download.content == content);
    EXPECT_LT(event::now() - begun, Duration::milli(200));
}

TEST_P(TcpTest, the_largest_frame_that_there_is) {
    const usize most = is_v6 ? 65475 : 65495; // with its headers 65,535 bytes, and Ethernet's before them
    Octets content = pattern(most * 3);
    TcpServer server(*peer, 80, content);
    server.segment_bytes = most;
    Download download;
    ASSERT_TRUE(fetch(download));
    EXPECT_TRUE(download.content == content);
}

class LossyTcpTest : public TcpFixture, public testing::WithParamInterface<std::tuple<Family, u32>> {
  protected:
    LossyTcpTest() : TcpFixture(std::get<0>(GetParam())) {}
};
INSTANTIATE_TEST_SUITE_P(Seeds, LossyTcpTest,
                         testing::Combine(testing::Values(Family::V4, Family::V6), testing::Range(1u, 21u)),
                         [](const auto& info) {
                             return family_name(std::get<0>(info.param)) + "Seed" +
                                    std::to_string(std::get<1>(info.param));
                         });

TEST_P(LossyTcpTest, loss_reordering_duplicates_and_damage) {
    Octets content = pattern(400'000);
    TcpServer server(*peer, 80, content);
    std::mt19937 random(std::get<1>(GetParam()));
    peer->spoil = [&](Frame& frame) {
        peer->delay = (20 + (random() % 8 == 0 ? random() % 3000 : 0)) * hosted::microsecond;
        u32 dice = random() % 100;
        if (dice < 2)
            return true;
        if (dice < 4)
            frame[14 + random() % (frame.size() - 14)] ^= static_cast<u8>(1 + random() % 255);
        if (dice == 5)
            hosted::schedule(peer->delay, [this, frame] { card->deliver(frame); });
        return false;
    };
    Download download;
    ASSERT_TRUE(fetch(download, Duration::seconds(600)));
    EXPECT_TRUE(*download.result) << download.result->error().what;
    EXPECT_TRUE(download.content == content);
}

// Everything but the first segment arrives: what is ahead of the hole may not keep all buffers, or the one
// that fills it would find none.
TEST_P(TcpTest, a_hole_does_not_use_up_the_buffers) {
    Octets content = pattern(1'500'000);
    TcpServer server(*peer, 80, content);
    server.most_in_flight = 1'000'000;
    card->buffers = 256;
    int data = 0;
    peer->spoil = [&](Frame& frame) { return frame.size() > 1000 && ++data == 30; };
    Download download;
    ASSERT_TRUE(fetch(download));
    EXPECT_TRUE(*download.result);
    EXPECT_TRUE(download.content == content);
    EXPECT_LE(card->most_held, 200u);
}

TEST_P(TcpTest, nobody_listens_there) {
    peer->on_segment = [&](const Tcp& segment) {
        Tcp answer{segment.to, segment.from};
        answer.acknowledged = segment.sequence + 1;
        answer.flags = Tcp::Rst | Tcp::Ack;
        peer->send_segment(answer);
    };
    Download download;
    ASSERT_TRUE(fetch(download));
    ASSERT_FALSE(*download.result);
    EXPECT_EQ(download.result->error().code, ErrorCode::NotReady);
    EXPECT_STREQ(download.result->error().what, "connection refused");
}

TEST_P(TcpTest, nobody_answers) {
    auto begun = event::now();
    Download download;
    ASSERT_TRUE(fetch(download));
    ASSERT_FALSE(*download.result);
    EXPECT_EQ(download.result->error().code, ErrorCode::Timeout);
    EXPECT_LT(event::now() - begun, Duration::seconds(20));
}

TEST_P(TcpTest, a_request_that_is_never_acknowledged_ends) {
    TcpServer server(*peer, 80, pattern(1000));
    server.stops_after_handshake = true;
    Download download;
    ASSERT_TRUE(fetch(download, Duration::seconds(120)));
    ASSERT_FALSE(*download.result);
    EXPECT_EQ(download.result->error().code, ErrorCode::Timeout);
}

TEST_P(TcpTest, a_reset_in_the_middle) {
    TcpServer server(*peer, 80, pattern(500'000));
    server.resets_at = 100'000;
    Download download;
    ASSERT_TRUE(fetch(download));
    ASSERT_FALSE(*download.result);
    EXPECT_EQ(download.result->error().code, ErrorCode::Io);
    EXPECT_LE(download.content.size(), 100'000u);
}

// RFC 5961: who does not see the connection hits a place in the window at best, not the next byte,
// nor what we have sent.
TEST_P(TcpTest, segments_that_are_guessed_change_nothing) {
    Octets content = pattern(200'000);
    TcpServer server(*peer, 80, content);
    int segments = 0, forged = 0;
    bool is_forging = false;
    peer->spoil = [&](Frame& frame) {
        if (is_forging || !holds_segment(frame) || ++segments % 7 != 3)
            return false;
        Tcp seen = Tcp::parse(packets::slice(frame, segment_offset()));
        is_forging = true;
        for (u32 ahead : {1u, 1000u, 60'000u, 0u - 1, 0u - 70'000, 0x40000000u})
            for (u8 flags :
                 {Tcp::Rst, Tcp::Syn, Tcp::Fin, u8{Tcp::Fin | Tcp::Ack}, u8{Tcp::Psh | Tcp::Ack}}) {
                Tcp guess{seen.from, seen.to};
                guess.sequence = seen.sequence + ahead;
                guess.acknowledged = seen.acknowledged + 0x20000 * (ahead % 2 == 0 ? 1 : ~0u);
                guess.flags = flags;
                guess.payload = flags & (Tcp::Fin | Tcp::Psh) ? Octets(100, 'x') : Octets();
                peer->send_segment(guess);
                ++forged;
            }
        is_forging = false;
        return false;
    };
    Download download;
    ASSERT_TRUE(fetch(download));
    ASSERT_TRUE(*download.result) << download.result->error().what;
    EXPECT_EQ(download.content, content);
    EXPECT_GT(forged, 300);
}

// The request waits until there is room for it, and is asked for by probes: nobody else would
// say that there is.
TEST_P(TcpTest, a_server_whose_window_is_closed_at_first) {
    Octets content = pattern(5000);
    TcpServer server(*peer, 80, content);
    server.first_window = 0;
    Download download;
    ASSERT_TRUE(fetch(download));
    ASSERT_TRUE(*download.result) << download.result->error().what;
    EXPECT_EQ(download.content, content);
    EXPECT_EQ(server.received.at(0), 'G'); // with the probe; it answers at once
}

TEST_P(TcpTest, a_stall_is_left_to_who_waits) {
    TcpServer server(*peer, 80, pattern(500'000));
    server.stalls_at = 100'000;
    Download download;
    auto ended = fetch(download, Duration::seconds(5));
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::Timeout);
    download.socket.close();
    pass(Duration::milli(10));
    EXPECT_TRUE(server.was_reset);
    EXPECT_FALSE(download.result) << "it was told not to call any more";
}

TEST_P(TcpTest, closing_inside_a_callback) {
    TcpServer server(*peer, 80, pattern(500'000));
    server.segment_bytes = 30'000; // several parts in one frame
    Download download;
    download.closes_at = 50'000;
    EXPECT_FALSE(fetch(download, Duration::seconds(2)));
    EXPECT_GE(download.content.size(), 50'000u);
    EXPECT_LE(download.content.size(), 54'096u);
    EXPECT_TRUE(server.was_reset);
    EXPECT_EQ(card->held(), 0u);
}

// The data that it reacts to has the other side's FIN, which is not the new connection's.
TEST_P(TcpTest, connecting_anew_inside_a_callback) {
    struct Again final : net::TcpSocket::Client {
        Again(net::Network& network, const IpAddress& host) : network(network), host(host) {}
        void connected() override {
            EXPECT_TRUE(socket.send(std::as_bytes(std::span(std::string_view("GET")))));
        }
        void received(Bytes) override {
            socket.close();
            EXPECT_TRUE(socket.connect(network, host, 81, *this));
            is_anew = true;
        }
        void ended(Result<>) override { has_ended = true; }
        net::Network& network;
        IpAddress host;
        net::TcpSocket socket;
        bool is_anew = false, has_ended = false;
    };
    TcpServer server(*peer, 80, pattern(100));
    Again client(*network, host);
    ASSERT_TRUE(client.socket.connect(*network, host, 80, client));
    pass(Duration::milli(500));
    EXPECT_TRUE(client.is_anew);
    EXPECT_FALSE(client.has_ended);
}

// RFC 9293, 3.1: a length counts its own byte and the kind's, and ends where the options end, or before.
TEST_P(TcpTest, options_that_make_no_sense_are_not_read) {
    for (const Octets& bad :
         {Octets{3, 0, 7, 0}, Octets{2, 1, 5, 180}, Octets{1, 1, 1, 2}, Octets{2, 5, 5, 180}}) {
        TcpServer server(*peer, 80, pattern(100));
        server.syn_options = bad;
        Download download;
        EXPECT_FALSE(fetch(download, Duration::seconds(2)));
        EXPECT_FALSE(download.is_connected) << int{bad[0]} << " " << int{bad[1]};
    }
    TcpServer server(*peer, 80, pattern(100));
    server.syn_options = {};
    Download download;
    ASSERT_TRUE(fetch(download));
    EXPECT_EQ(download.content.size(), 100u);
}

TEST_P(TcpTest, one_after_the_other_for_ever) {
    for (int i = 0; i < 40; ++i) {
        Octets content = pattern(3000);
        TcpServer server(*peer, 80, content);
        Download download;
        ASSERT_TRUE(fetch(download)) << i;
        EXPECT_TRUE(*download.result);
        EXPECT_TRUE(download.content == content);
        if (i % 3 == 0)
            network->close();
    }
}

TEST_P(TcpTest, more_than_the_send_buffer_takes) {
    TcpServer server(*peer, 80, {});
    Octets much = pattern(60'000);
    open();
    Download download;
    ASSERT_TRUE(download.socket.connect(*network, host, 80, download));
    EXPECT_TRUE(download.socket.send(std::as_bytes(std::span(std::as_const(much)).first(16 * 1024))));
    auto sent = download.socket.send(std::as_bytes(std::span(std::as_const(much))));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, ErrorCode::NoMemory);
}

TEST_P(TcpTest, too_many_connections_are_an_error) {
    open();
    std::vector<std::unique_ptr<Download>> downloads;
    Result<> begun{};
    for (int i = 0; i < 20 && begun; ++i) {
        downloads.push_back(std::make_unique<Download>());
        begun = downloads.back()->socket.connect(*network, host, 80, *downloads.back());
    }
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().code, ErrorCode::NoMemory);
    downloads.clear();
    Octets content = pattern(3000);
    TcpServer server(*peer, 80, content);
    Download download;
    auto fetched = fetch(download);
    ASSERT_TRUE(fetched) << fetched.error().what;
    EXPECT_TRUE(download.content == content);
}

TEST_P(TcpTest, the_network_closes_under_a_connection) {
    TcpServer server(*peer, 80, pattern(500'000));
    server.stalls_at = 100'000;
    int data = 0;
    std::optional<u32> lost; // for ever
    peer->spoil = [&](Frame& frame) {
        if (frame.size() < 1000)
            return false;
        u32 sequence = packets::get32(frame, segment_offset() + 4);
        if (++data == 5)
            lost = sequence;
        return lost == sequence;
    };
    Download download;
    EXPECT_FALSE(fetch(download, Duration::milli(100)));
    EXPECT_GT(card->held(), 0u) << "what is ahead of the hole waits";
    network->close();
    EXPECT_EQ(card->held(), 0u);
}

TEST_P(TcpTest, segments_at_random_do_no_harm) {
    std::mt19937 random(4);
    for (int i = 0; i < 30; ++i) {
        Octets content = pattern(50'000);
        TcpServer server(*peer, 80, content);
        peer->spoil = [&](Frame& frame) {
            if (!holds_segment(frame) || random() % 3)
                return false;
            Octets segment = packets::slice(frame, segment_offset());
            for (int n = 0; n < 2; ++n)
                segment[random() % std::min<usize>(segment.size(), 44)] = static_cast<u8>(random());
            packets::set16(segment, 16, 0); // the sum is right again, so that somebody reads the rest
            u32 sum = is_v6 ? packets::pseudo_sum(OtherHost::address6, OtherHost::ours6, 6, segment.size())
                            : packets::pseudo_sum(OtherHost::address, OtherHost::ours, 6, segment.size());
            packets::set16(segment, 16, packets::checksum(segment, sum));
            std::ranges::copy(segment, frame.end() - static_cast<std::ptrdiff_t>(segment.size()));
            return false;
        };
        Download download;
        (void)fetch(download, Duration::seconds(10)).has_value();
    }
    peer->spoil = nullptr;
    Octets content = pattern(50'000);
    TcpServer server(*peer, 80, content);
    Download download;
    ASSERT_TRUE(fetch(download));
    EXPECT_TRUE(download.content == content);
}

} // namespace
} // namespace vireo::test
