// SPDX-License-Identifier: Apache-2.0
// How full lwIP's heap and pools become when each thing that Vireo does is done at its worst: that is what
// lwipopts.h is sized by. A mark that comes near its pool's size, or a pool that is far too large, fails.
#include "unit/net/stack/tcp_server.h"

#include "net/stack/lwip/lwip.h"

#include <lwip/memp.h>
#include <lwip/stats.h>

namespace vireo::test {
namespace {

using event::Duration;
using net::IpAddress;

struct Sink final : net::TcpSocket::Client, net::UdpSocket::Client {
    void connected() override { EXPECT_TRUE(tcp.send(std::as_bytes(std::span(std::string_view("GET"))))); }
    void received(Bytes more) override { bytes += more.size(); }
    void ended(Result<> how) override { result = how; }
    void datagram(Bytes payload, const IpAddress&, u16) override { bytes += payload.size(); }
    net::TcpSocket tcp;
    net::UdpSocket udp;
    usize bytes = 0;
    std::optional<Result<>> result;
};

class PoolsTest : public NetworkTest {
  protected:
    PoolsTest() {
        open();
        peer->speaks_ipv6 = true;
        EXPECT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(10))));
    }
    // Both families: neighbours have to be found while the frames wait.
    std::vector<IpAddress> hosts() const { return {host, {IpAddress::Family::V6, OtherHost::address6}}; }
    void download(const IpAddress& from, const std::function<void(TcpServer&)>& change) {
        peer->speaks_ipv6 = from.is_v6();
        TcpServer server(*peer, 80, Octets(1'500'000, 7));
        server.most_in_flight = 1'000'000;
        change(server);
        Sink sink;
        auto connecting = sink.tcp.connect(*network, from, 80, sink);
        ASSERT_TRUE(connecting) << connecting.error().what;
        (void)loop.wait_until(event::Deadline::after(Duration::seconds(60)),
                              [&] { return sink.result.has_value(); });
        EXPECT_EQ(sink.bytes, 1'500'000u);
        peer->speaks_ipv6 = true;
    }
    void send(const IpAddress& to, usize count, usize bytes) {
        Sink sink;
        ASSERT_TRUE(sink.udp.open(*network, to.family, 0, sink));
        for (usize i = 0; i < count; ++i)
            (void)sink.udp.send(std::vector<std::byte>(bytes), to, 69).has_value();
        pass(Duration::seconds(2));
    }
};

struct Mark {
    std::string_view what;
    usize most, size;
    usize failed;
};

TEST_F(PoolsTest, every_pool_is_as_large_as_it_has_to_be) {
    auto clear = [](stats_mem& of) {
        of.max = of.used;
        of.err = 0;
    };
    clear(lwip_stats.mem);
    for (stats_mem* pool : lwip_stats.memp)
        clear(*pool);

    for (const IpAddress& to : hosts()) {
        // wget: a hole early in a window full of segments, small ones and those of large receive.
        int data = 0;
        peer->spoil = [&](Frame& frame) { return frame.size() > 1000 && ++data == 30; };
        download(to, [](TcpServer&) {});
        data = 0;
        download(to, [](TcpServer& server) { server.segment_bytes = 60'000; });
        peer->spoil = nullptr;
        // tftpput: a window of blocks before anything has been sent; and the largest datagram that there is.
        network->close();
        pass(Duration::seconds(60)); // neighbours are forgotten
        open();
        peer->speaks_ipv6 = true;
        EXPECT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(10))));
        send(to, 64, 1468);
        send(to, 1, 65'000);
    }
    // Half datagrams: as many as are kept, then more.
    for (u16 id = 0; id < 40; ++id)
        for (u16 offset : {0, 185})
            peer->send_frame(packets::ethernet(card->facts().mac, OtherHost::mac, 0x0800,
                                               packets::ipv4(OtherHost::address, OtherHost::ours, 17,
                                                             Octets(1480, 1), id, 0x2000 | offset)));
    pass(Duration::milli(10));
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(3))));

    // Questions that nobody answers, given up with Ctrl-C.
    const IpAddress servers[] = {host};
    network->set_dns_servers(servers);
    for (int i = 0; i < 6; ++i) {
        u64 interrupt = hosted::schedule(hosted::millisecond, [&] { loop.request_interrupt(); });
        EXPECT_FALSE(network->resolve("name" + std::to_string(i) + ".test", IpAddress::Family::V4));
        hosted::cancel(interrupt);
    }

    std::vector<Mark> marks{{"heap", lwip_stats.mem.max, MEM_SIZE, lwip_stats.mem.err}};
    const std::pair<std::string_view, memp_t> pools[] = {{"RAW_PCB", MEMP_RAW_PCB},
                                                         {"UDP_PCB", MEMP_UDP_PCB},
                                                         {"TCP_PCB", MEMP_TCP_PCB},
                                                         {"TCP_SEG", MEMP_TCP_SEG},
                                                         {"REASSDATA", MEMP_REASSDATA},
                                                         {"FRAG_PBUF", MEMP_FRAG_PBUF},
                                                         {"ARP_QUEUE", MEMP_ARP_QUEUE},
                                                         {"ND6_QUEUE", MEMP_ND6_QUEUE},
                                                         {"SYS_TIMEOUT", MEMP_SYS_TIMEOUT},
                                                         {"MLD6_GROUP", MEMP_MLD6_GROUP},
                                                         {"PBUF", MEMP_PBUF}};
    for (auto [name, index] : pools) {
        const stats_mem& pool = *lwip_stats.memp[index];
        marks.push_back({name, pool.max, pool.avail, pool.err});
    }
    for (const Mark& mark : marks) {
        std::string said =
            std::string(mark.what) + ": " + std::to_string(mark.most) + " of " + std::to_string(mark.size);
        SCOPED_TRACE(said);
        RecordProperty(std::string(mark.what), said);
        // Those of fragments are what a network can use up: the oldest make room.
        if (mark.what != "REASSDATA")
            EXPECT_EQ(mark.failed, 0u);
        EXPECT_LE(mark.size, 2 * mark.most + 4) << "half would do";
        if (mark.what == "heap" || mark.what == "TCP_SEG")
            EXPECT_GE(mark.size, mark.most + mark.most / 8) << "too near";
    }
}

} // namespace
} // namespace vireo::test
