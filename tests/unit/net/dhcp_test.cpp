// SPDX-License-Identifier: Apache-2.0
// DHCP against a server written from RFC 2131 and 2132, good and bad.
#include "unit/net/peer.h"

namespace vireo::test {
namespace {

using event::Duration;
using net::IpAddress;

struct Text final : Writer {
    std::string text;
    void write(std::string_view more) override { text += more; }
};

class DhcpTest : public NetworkTest {
  protected:
    enum Type : u8 { Discover = 1, Offer, Request, Decline, Acknowledge, Refuse, Release };

    DhcpTest() {
        peer->on_datagram = [this](u32, u16 from, u16 to, const Octets& message) {
            if (from == 68 && to == 67 && answer)
                take(message);
        };
    }
    static Octets option(u8 code, const Octets& value) {
        Octets bytes{code, static_cast<u8>(value.size())};
        packets::put(bytes, value);
        return bytes;
    }
    static Octets option(u8 code, std::string_view value) {
        return option(code, Octets(value.begin(), value.end()));
    }
    static Octets number(u32 value) {
        Octets bytes;
        packets::put32(bytes, value);
        return bytes;
    }
    // The value of an option of what the client sent.
    static std::optional<Octets> find(const Octets& message, u8 code) {
        for (usize at = 240; at + 1 < message.size() && message[at] != 255;) {
            if (message[at] == 0) {
                ++at;
                continue;
            }
            if (message[at] == code)
                return packets::slice(message, at + 2, message[at + 1]);
            at += 2 + usize{message[at + 1]};
        }
        return std::nullopt;
    }
    Octets reply(const Octets& to, Type type, const Octets& options, u32 yours = OtherHost::ours) const {
        Octets message{2, 1, 6, 0};
        packets::put(message, packets::slice(to, 4, 4)); // xid
        message.resize(16);
        packets::put32(message, yours);
        packets::put32(message, next_server);
        message.resize(28);
        packets::put(message, packets::slice(to, 28, 16)); // chaddr
        message.resize(108);
        packets::put(message, file);
        message.resize(236);
        packets::put32(message, 0x63825363);
        packets::put(message, option(53, Octets{type}));
        packets::put(message, options);
        message.push_back(255);
        return message;
    }
    Octets usual_options() const {
        Octets options = option(54, number(OtherHost::address));
        packets::put(options, option(51, number(3600)));
        packets::put(options, option(1, number(0xffffff00)));
        packets::put(options, option(3, number(OtherHost::address)));
        packets::put(options, option(6, number(0x0a000203)));
        packets::put(options, more);
        return options;
    }
    void take(const Octets& message) {
        auto type = find(message, 53);
        ASSERT_TRUE(type && type->size() == 1);
        seen.push_back((*type)[0]);
        messages.push_back(message);
        answer((*type)[0], message);
    }
    void send(const Octets& message) {
        const u32 everybody = 0xffffffff;
        Octets datagram = packets::udp(OtherHost::address, 67, everybody, 68, message);
        peer->send_frame(packets::ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, OtherHost::mac, 0x0800,
                                           packets::ipv4(OtherHost::address, everybody, 17, datagram)));
    }
    void answer_well() {
        answer = [this](u8 type, const Octets& message) {
            if (type == Discover)
                send(reply(message, Offer, usual_options()));
            if (type == Request)
                send(reply(message, Acknowledge, usual_options()));
        };
    }
    Result<net::DhcpLease> ask(Duration patience = Duration::seconds(30)) {
        if (!network->card())
            EXPECT_TRUE(network->open(*card));
        return network->dhcp(console, patience);
    }

    std::function<void(u8 type, const Octets& message)> answer;
    std::vector<u8> seen;
    std::vector<Octets> messages;
    u32 next_server = 0;
    Octets file;
    Octets more; // options
    Text console;
};

TEST_F(DhcpTest, an_address_in_no_time) {
    answer_well();
    next_server = 0x0a000204;
    packets::put(file, "boot.img");
    packets::put(more, option(12, "vm"));
    packets::put(more, option(15, "example.org"));
    packets::put(more, option(17, "/srv"));
    auto begun = event::now();
    auto lease = ask();
    ASSERT_TRUE(lease) << lease.error().what;
    EXPECT_LT(event::now() - begun, Duration::milli(60));
    EXPECT_EQ(console.text, "BOOTP broadcast 1\n");
    EXPECT_EQ(seen, (std::vector<u8>{Discover, Request}));
    EXPECT_EQ(lease->ipv4.address, IpAddress::from_v4(OtherHost::ours));
    EXPECT_EQ(lease->ipv4.netmask, IpAddress::from_v4(0xffffff00));
    EXPECT_EQ(lease->ipv4.gateway, host);
    EXPECT_EQ(lease->dns[0], IpAddress::from_v4(0x0a000203));
    EXPECT_FALSE(lease->dns[1].is_set());
    EXPECT_EQ(lease->server, host);
    EXPECT_EQ(lease->next_server, IpAddress::from_v4(0x0a000204));
    EXPECT_EQ(lease->boot_file.view(), "boot.img");
    EXPECT_EQ(lease->host_name.view(), "vm");
    EXPECT_EQ(lease->domain.view(), "example.org");
    EXPECT_EQ(lease->root_path.view(), "/srv");
    EXPECT_EQ(lease->lease_seconds, 3600u);
    EXPECT_EQ(lease->discovers, 1u);
    // The address is used, and stays when the command is over.
    EXPECT_TRUE(network->ping(host, Duration::seconds(1)));
    network->close();
    pass(Duration::seconds(1));
    ASSERT_TRUE(network->open(*card));
    EXPECT_TRUE(network->route_to(host));
    EXPECT_EQ(seen.back(), Request) << "no release";
}

TEST_F(DhcpTest, what_is_asked_for) {
    answer_well();
    ASSERT_TRUE(ask());
    auto wanted = find(messages.at(0), 55);
    ASSERT_TRUE(wanted);
    for (u8 code : {1, 3, 6, 12, 15, 17, 66, 67})
        EXPECT_TRUE(std::ranges::count(*wanted, code) == 1) << int{code};
    EXPECT_EQ(find(messages.at(0), 60), Octets({'V', 'i', 'r', 'e', 'o'}));
    EXPECT_EQ(find(messages.at(1), 54), number(OtherHost::address));
    EXPECT_EQ(find(messages.at(1), 50), number(OtherHost::ours));
}

TEST_F(DhcpTest, boot_file_and_server_as_options) {
    answer_well();
    packets::put(file, "not-this");
    packets::put(more, option(66, "10.0.2.9"));
    packets::put(more, option(67, std::string_view("this\0", 5)));
    auto lease = ask();
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->next_server, IpAddress::from_v4(0x0a000209));
    EXPECT_EQ(lease->boot_file.view(), "this");
}

TEST_F(DhcpTest, texts_of_any_length_fit) {
    answer_well();
    file = Octets(128, 'f'); // no zero at the end
    packets::put(more, option(17, std::string(255, 'r')));
    packets::put(more, option(12, std::string(255, 'h')));
    auto lease = ask();
    ASSERT_TRUE(lease);
    EXPECT_LE(lease->boot_file.view().size(), 128u);
    EXPECT_GE(lease->boot_file.view().size(), 127u);
    EXPECT_EQ(lease->root_path.view(), std::string(255, 'r'));
    EXPECT_EQ(lease->host_name.view(), std::string(64, 'h'));
}

TEST_F(DhcpTest, nobody_answers) {
    auto begun = event::now();
    auto lease = ask(Duration::seconds(20));
    ASSERT_FALSE(lease);
    EXPECT_EQ(lease.error().code, ErrorCode::Timeout);
    EXPECT_LT(event::now() - begun, Duration::milli(20'100));
    EXPECT_EQ(
        console.text,
        "BOOTP broadcast 1\nBOOTP broadcast 2\nBOOTP broadcast 3\nBOOTP broadcast 4\nBOOTP broadcast 5\n");
    answer_well();
    EXPECT_TRUE(ask());
}

TEST_F(DhcpTest, lost_messages_are_sent_again) {
    answer_well();
    int lost = 0;
    peer->spoil = [&](Frame&) { return ++lost <= 2; };
    auto lease = ask();
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->discovers, 3u);
}

TEST_F(DhcpTest, ctrl_c_ends_it) {
    hosted::schedule(300 * hosted::millisecond, [&] { loop.request_interrupt(); });
    auto lease = ask();
    ASSERT_FALSE(lease);
    EXPECT_EQ(lease.error().code, ErrorCode::Interrupted);
    pass(Duration::seconds(10));
    EXPECT_EQ(console.text, "BOOTP broadcast 1\n") << "it went on asking";
}

TEST_F(DhcpTest, a_refusal_starts_over) {
    int refusals = 0;
    answer = [&](u8 type, const Octets& message) {
        if (type == Discover)
            send(reply(message, Offer, usual_options()));
        if (type != Request)
            return;
        Octets options = usual_options();
        if (++refusals == 1)
            packets::put(options, option(12, "refused"));
        send(reply(message, refusals == 1 ? Refuse : Acknowledge, options));
    };
    auto lease = ask();
    ASSERT_TRUE(lease) << lease.error().what;
    EXPECT_EQ(lease->discovers, 2u);
    EXPECT_EQ(lease->host_name.view(), "") << "of the refusal";
}

// As fast as it answers: thousands of lines and frames in twenty seconds.
TEST_F(DhcpTest, a_server_that_refuses_for_ever_starts_no_storm) {
    answer = [&](u8 type, const Octets& message) {
        if (type == Discover)
            send(reply(message, Offer, usual_options()));
        if (type == Request)
            send(reply(message, Refuse, option(54, number(OtherHost::address)), 0));
    };
    auto lease = ask();
    ASSERT_FALSE(lease);
    EXPECT_EQ(lease.error().code, ErrorCode::NotReady);
    EXPECT_STREQ(lease.error().what, "the server refuses what it offers");
    EXPECT_LT(seen.size(), 12u);
    EXPECT_EQ(console.text, "BOOTP broadcast 1\nBOOTP broadcast 2\nBOOTP broadcast 3\nBOOTP broadcast 4\n");
    answer_well();
    EXPECT_TRUE(ask());
}

TEST_F(DhcpTest, an_address_that_nobody_can_have_is_no_offer) {
    for (u32 bad : {0u, 0xffffffffu, 0xe0000001u, 0xf0000001u, 0x7f000001u, 0x00000001u}) {
        answer = [&](u8 type, const Octets& message) {
            Type with = type == Discover ? Offer : Acknowledge;
            send(reply(message, with, usual_options(), bad));
            send(reply(message, with, usual_options()));
        };
        auto lease = ask();
        ASSERT_TRUE(lease) << lease.error().what;
        EXPECT_EQ(lease->ipv4.address, IpAddress::from_v4(OtherHost::ours)) << bad;
        EXPECT_EQ(lease->discovers, 1u);
    }
}

// The first that offers is asked; what another one says to that, even no, is not its business.
TEST_F(DhcpTest, of_several_servers_the_first_counts) {
    const u32 other_server = 0x0a0002fe, other_address = 0x0a000277;
    Octets others = option(54, number(other_server));
    answer = [&](u8 type, const Octets& message) {
        if (type == Discover) {
            send(reply(message, Offer, usual_options()));
            send(reply(message, Offer, others, other_address));
            return;
        }
        EXPECT_EQ(find(message, 54), number(OtherHost::address));
        EXPECT_EQ(find(message, 50), number(OtherHost::ours));
        send(reply(message, Refuse, others, 0));
        send(reply(message, Acknowledge, others, other_address));
        send(reply(message, Acknowledge, usual_options()));
    };
    auto lease = ask();
    ASSERT_TRUE(lease) << lease.error().what;
    EXPECT_EQ(lease->ipv4.address, IpAddress::from_v4(OtherHost::ours));
    EXPECT_EQ(lease->server, host);
    EXPECT_EQ(lease->discovers, 1u);
    EXPECT_EQ(seen, (std::vector<u8>{Discover, Request}));
}

// With the one that counts, before anybody has looked.
TEST_F(DhcpTest, what_comes_behind_the_acknowledgement_changes_nothing) {
    answer = [&](u8 type, const Octets& message) {
        Type with = type == Discover ? Offer : Acknowledge;
        Octets options = usual_options();
        file.assign({'b', 'o', 'o', 't'});
        packets::put(options, option(12, "vm"));
        send(reply(message, with, options));
        options = usual_options();
        file.clear();
        packets::put(options, option(12, "other"));
        send(reply(message, with, options));
    };
    auto lease = ask();
    ASSERT_TRUE(lease) << lease.error().what;
    EXPECT_EQ(lease->boot_file.view(), "boot");
    EXPECT_EQ(lease->host_name.view(), "vm");
}

// Option 52 (RFC 2132, 9.3): the fields of the file and the server's name hold options.
TEST_F(DhcpTest, options_in_the_fields_of_other_things) {
    answer_well();
    packets::put(file, option(67, "over.img"));
    packets::put(file, option(12, "vm"));
    file.push_back(255);
    packets::put(more, option(52, Octets{1}));
    auto lease = ask();
    ASSERT_TRUE(lease) << lease.error().what;
    EXPECT_EQ(lease->boot_file.view(), "over.img");
    EXPECT_EQ(lease->host_name.view(), "vm");
    EXPECT_EQ(lease->ipv4.gateway, host);
}

TEST_F(DhcpTest, bad_answers_are_no_answers) {
    using Change = std::function<void(Octets&)>;
    const Change changes[] = {
        [](Octets& m) { m[4] ^= 1; }, // another transaction
        [](Octets& m) { m[0] = 1; },  // a request
        [](Octets& m) {
            m[240] = 0;
            m[241] = 0;
            m[242] = 0;
        },                                // no message type
        [](Octets& m) { m.resize(235); }, // not even the fixed part
        [](Octets& m) { m[28] ^= 0xff; }, // another client
        [](Octets& m) {
            m.resize(m.size() - 4);
            m.back() = 200;
        },                                                         // an option beyond the end
        [](Octets& m) { std::fill_n(m.begin() + 236, 4, u8{0}); }, // BOOTP's vendor area, not options
        [](Octets& m) { m[239] ^= 1; },
        [](Octets& m) { m.resize(239); },
        [](Octets& m) { m[243] = 250; }, // the server does not say who it is
    };
    for (const Change& change : changes) {
        answer = [&](u8 type, const Octets& message) {
            Octets bad = reply(message, type == Discover ? Offer : Acknowledge, usual_options());
            change(bad);
            send(bad);
        };
        auto lease = ask(Duration::seconds(2));
        EXPECT_FALSE(lease) << "change " << (&change - changes);
    }
    answer_well();
    EXPECT_TRUE(ask());
}

TEST_F(DhcpTest, answers_at_random_do_no_harm) {
    std::mt19937 random(1);
    answer = [&](u8 type, const Octets& message) {
        for (int i = 0; i < 20; ++i) {
            Octets bad = reply(message, type == Discover ? Offer : Acknowledge, usual_options());
            for (int n = 0; n < 4; ++n)
                bad[random() % 3 == 0 ? random() % bad.size() : 240 + random() % (bad.size() - 240)] =
                    static_cast<u8>(random());
            if (random() % 4 == 0)
                bad.resize(random() % bad.size());
            send(bad);
        }
    };
    for (int i = 0; i < 100; ++i)
        (void)ask(Duration::seconds(1)).has_value();
    answer_well();
    EXPECT_TRUE(ask());
}

} // namespace
} // namespace vireo::test
