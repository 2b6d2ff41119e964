// SPDX-License-Identifier: Apache-2.0
// DHCP as a conversation: who is asked, who is believed, when it ends.
#include "unit/net/stack/dhcp_server.h"

namespace vireo::test {
namespace {

using event::Duration;
using net::IpAddress;

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
    EXPECT_EQ(lease->boot_file, "boot.img");
    EXPECT_EQ(lease->answer.text(Option::HostName), "vm");
    EXPECT_EQ(lease->answer.text(Option::DomainName), "example.org");
    EXPECT_EQ(lease->answer.text(Option::RootPath), "/srv");
    EXPECT_EQ(lease->lease_seconds, 3600u);
    EXPECT_EQ(lease->discovers, 1u);
    // The address is used, and stays when the command is over.
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(1))));
    network->close();
    pass(Duration::seconds(1));
    ASSERT_TRUE(network->open(*card));
    EXPECT_TRUE(network->route_to(host));
    EXPECT_EQ(seen.back(), Request) << "no release";
}

TEST_F(DhcpTest, nobody_answers) {
    auto begun = event::now();
    auto lease = ask(Duration::seconds(20));
    ASSERT_FALSE(lease);
    EXPECT_EQ(lease.error().code, ErrorCode::Timeout);
    EXPECT_STREQ(lease.error().what, "nobody answered");
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
    EXPECT_EQ(lease->answer.text(Option::HostName), "") << "of the refusal";
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

// The server that we chose may be gone, or never have been: another one is asked within seconds.
TEST_F(DhcpTest, a_server_that_falls_silent_is_left) {
    const u32 other_server = 0x0a0002fe, other_address = 0x0a000277;
    Octets others = option(54, number(other_server));
    bool first_offers_again = true;
    answer = [&](u8 type, const Octets& message) {
        if (type == Discover) {
            if (first_offers_again || seen.size() == 1)
                send(reply(message, Offer, usual_options()));
            send(reply(message, Offer, others, other_address));
        } else if (find(message, 54) == number(other_server)) {
            send(reply(message, Acknowledge, others, other_address));
        }
    };
    for (bool again : {true, false}) {
        first_offers_again = again;
        seen.clear();
        console.text.clear();
        auto begun = event::now();
        auto lease = ask();
        ASSERT_TRUE(lease) << lease.error().what;
        EXPECT_EQ(lease->server, IpAddress::from_v4(other_server));
        EXPECT_EQ(lease->ipv4.address, IpAddress::from_v4(other_address));
        EXPECT_GE(event::now() - begun, Duration::milli(4900));
        EXPECT_LT(event::now() - begun, Duration::milli(5200));
        EXPECT_EQ(seen, (std::vector<u8>{Discover, Request, Request, Discover, Request}));
        EXPECT_EQ(console.text, "BOOTP broadcast 1\nBOOTP broadcast 2\n");
    }
}

// The only one there is, which lost what we sent.
TEST_F(DhcpTest, a_server_that_fell_silent_is_asked_again_if_there_is_no_other) {
    int requests = 0;
    answer = [&](u8 type, const Octets& message) {
        if (type == Discover)
            send(reply(message, Offer, usual_options()));
        else if (++requests > 2)
            send(reply(message, Acknowledge, usual_options()));
    };
    auto begun = event::now();
    auto lease = ask(Duration::seconds(20));
    ASSERT_TRUE(lease) << lease.error().what;
    EXPECT_LT(event::now() - begun, Duration::seconds(7));
    EXPECT_EQ(lease->discovers, 3u);
}

TEST_F(DhcpTest, servers_that_offer_and_never_keep_it_have_a_budget) {
    answer = [&](u8 type, const Octets& message) {
        for (u32 i = 0; type == Discover && i < 20; ++i)
            send(reply(message, Offer, option(54, number(0x0a000210 + i)), 0x0a000277 + i));
    };
    auto begun = event::now();
    auto lease = ask(Duration::seconds(20));
    ASSERT_FALSE(lease);
    EXPECT_EQ(lease.error().code, ErrorCode::Timeout);
    EXPECT_STREQ(lease.error().what, "a server made an offer and then fell silent");
    EXPECT_LT(event::now() - begun, Duration::milli(20'100));
    EXPECT_LT(seen.size(), 20u);
}

// RFC 2131, 4.3.1: an answer says whose it is, wherever that stands.
TEST_F(DhcpTest, an_answer_of_nobody_in_particular_is_not_believed) {
    for (bool says_who : {false, true}) {
        answer = [&](u8 type, const Octets& message) {
            if (type == Discover)
                return send(reply(message, Offer, usual_options()));
            for (Type with : {Acknowledge, Refuse}) {
                Octets options = option(12, "other");
                if (says_who) { // in the field of the file: it is somebody else
                    file = option(54, number(0x0a0002fe));
                    packets::put(options, option(52, Octets{1}));
                }
                send(reply(message, with, options, 0x0a000277));
                file.clear();
            }
            send(reply(message, Acknowledge, usual_options()));
        };
        seen.clear();
        auto lease = ask();
        ASSERT_TRUE(lease) << lease.error().what;
        EXPECT_EQ(lease->ipv4.address, IpAddress::from_v4(OtherHost::ours));
        EXPECT_EQ(seen, (std::vector<u8>{Discover, Request}));
    }
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
    EXPECT_EQ(lease->boot_file, "boot");
    EXPECT_EQ(lease->answer.text(Option::HostName), "vm");
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
