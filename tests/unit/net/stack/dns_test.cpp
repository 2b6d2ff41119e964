// SPDX-License-Identifier: Apache-2.0
// DNS against a server written from RFC 1035, good and bad.
#include "unit/net/stack/peer.h"

#include <set>

namespace vireo::test {
namespace {

using event::Duration;
using net::IpAddress;
using Family = net::IpAddress::Family;
using Messages = std::vector<Octets>;

class DnsTest : public NetworkTest {
  protected:
    DnsTest() {
        open();
        const IpAddress servers[] = {host};
        network->set_dns_servers(servers);
        peer->on_datagram = [this](u32, u16 from, u16 to, const Octets& question) {
            if (is_of_an_earlier_test(question))
                return;
            ++questions;
            if (to == 53 && answer)
                for (Octets& message : answer(question))
                    peer->send_datagram(53, from, message);
        };
    }
    // A question that was given up may still be open: each test asks for names of its own, and does not hear
    // those of others.
    static std::string fresh_name() { return "host" + std::to_string(++names_given) + ".example"; }
    static inline int names_given = 0;
    const int names_before = names_given;
    bool is_of_an_earlier_test(const Octets& question) const {
        std::string name(question.begin() + std::min<usize>(13, question.size()), question.end());
        return name.starts_with("host") && std::atoi(name.c_str() + 4) <= names_before;
    }
    static Octets header(const Octets& question, u16 flags, u16 answers) {
        Octets message = packets::slice(question, 0, 2);
        packets::put16(message, flags);
        packets::put16(message, 1);
        packets::put16(message, answers);
        packets::put16(message, 0);
        packets::put16(message, 0);
        packets::put(message, packets::slice(question, 12));
        return message;
    }
    static constexpr u16 success = 0x8180, no_such_name = 0x8183, server_failure = 0x8182;
    static constexpr u16 type_a = 1, type_aaaa = 28, type_cname = 5;
    static Octets record(const Octets& name, u16 type, const Octets& data) {
        Octets bytes = name;
        packets::put16(bytes, type);
        packets::put16(bytes, 1);
        packets::put32(bytes, 60);
        packets::put16(bytes, static_cast<u32>(data.size()));
        packets::put(bytes, data);
        return bytes;
    }
    static Octets good(const Octets& question) {
        Octets message = header(question, success, 1);
        packets::put(message, record({0xc0, 12}, type_a, {192, 0, 2, 7}));
        return message;
    }
    std::function<Messages(const Octets&)> answer;
    int questions = 0;
};

TEST_F(DnsTest, a_name_has_an_address) {
    answer = [](const Octets& question) { return Messages{good(question)}; };
    auto found = network->resolve(fresh_name(), Family::V4);
    ASSERT_TRUE(found) << found.error().what;
    EXPECT_EQ(*found, IpAddress::from_v4(0xc0000207));
}

TEST_F(DnsTest, an_address_is_its_own_name) {
    EXPECT_EQ(*network->resolve("192.0.2.1", Family::V4), IpAddress::from_v4(0xc0000201));
    EXPECT_EQ(*network->resolve("2001:db8::1", Family::V6), *IpAddress::parse("2001:db8::1"));
    EXPECT_EQ(questions, 0);
}

TEST_F(DnsTest, an_alias_leads_to_the_address) {
    answer = [](const Octets& question) {
        Octets message = header(question, success, 2);
        packets::put(message, record({0xc0, 12}, type_cname, {1, 'x', 0xc0, 12}));
        packets::put(message, record({1, 'x', 0xc0, 12}, type_a, {192, 0, 2, 8}));
        return Messages{message};
    };
    auto found = network->resolve(fresh_name(), Family::V4);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, IpAddress::from_v4(0xc0000208));
}

TEST_F(DnsTest, v6_addresses) {
    auto wanted = *IpAddress::parse("2001:db8::7");
    answer = [&](const Octets& question) {
        EXPECT_EQ(packets::get16(question, question.size() - 4), type_aaaa);
        Octets message = header(question, success, 1);
        packets::put(message,
                     record({0xc0, 12}, type_aaaa, Octets(wanted.bytes.begin(), wanted.bytes.end())));
        return Messages{message};
    };
    auto found = network->resolve(fresh_name(), Family::V6);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, wanted);
}

TEST_F(DnsTest, names_that_do_not_exist) {
    for (u16 flags : {no_such_name, server_failure}) {
        answer = [=](const Octets& question) { return Messages{header(question, flags, 0)}; };
        auto begun = event::now();
        auto found = network->resolve(fresh_name(), Family::V4);
        ASSERT_FALSE(found);
        EXPECT_EQ(found.error().code, ErrorCode::NotFound);
        EXPECT_LT(event::now() - begun, Duration::seconds(1));
    }
}

TEST_F(DnsTest, a_server_that_is_silent) {
    auto begun = event::now();
    auto found = network->resolve(fresh_name(), Family::V4);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::Timeout);
    EXPECT_LT(event::now() - begun, Duration::seconds(21));
    EXPECT_GE(questions, 3);
}

TEST_F(DnsTest, no_server_is_known) {
    network->set_dns_servers({});
    auto found = network->resolve(fresh_name(), Family::V4);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::NotReady);
}

TEST_F(DnsTest, names_that_are_none) {
    std::string long_one;
    while (long_one.size() < 254)
        long_one += "a.";
    for (const std::string& name :
         {std::string(), std::string(256, 'a'), std::string(64, 'a') + ".b", long_one + "a", std::string("."),
          std::string(".a"), std::string("a..b"), std::string("a..")}) {
        auto begun = event::now();
        auto found = network->resolve(name, Family::V4);
        ASSERT_FALSE(found) << name;
        EXPECT_EQ(found.error().code, ErrorCode::InvalidArgument) << name;
        EXPECT_LT(event::now() - begun, Duration::milli(1));
    }
    EXPECT_EQ(questions, 0) << "lwIP sends what it is given";
    answer = [](const Octets& question) { return Messages{good(question)}; };
    EXPECT_TRUE(network->resolve(fresh_name(), Family::V4));
}

// RFC 5452, 9.1: from where it was asked.
TEST_F(DnsTest, an_answer_from_elsewhere_is_none) {
    peer->on_datagram = [&](u32, u16 from, u16 to, const Octets& question) {
        if (to != 53)
            return;
        Octets lie = header(question, success, 1);
        packets::put(lie, record({0xc0, 12}, type_a, {6, 6, 6, 6}));
        peer->send_datagram(53, from, lie, OtherHost::address + 1);
        lie[0] ^= 1; // of another question, from the right place
        peer->send_datagram(53, from, lie);
        peer->send_datagram(53, from, good(question));
    };
    auto found = network->resolve(fresh_name(), Family::V4);
    ASSERT_TRUE(found) << found.error().what;
    EXPECT_EQ(*found, IpAddress::from_v4(0xc0000207));
}

// As fast as they can: what does not fit breaks no silence.
TEST_F(DnsTest, answers_that_never_fit_do_not_hold_it) {
    std::function<void()> storm = [&] {
        peer->send_datagram(53, 50000, Octets(40, 0x80));
        hosted::schedule(10 * hosted::millisecond, storm);
    };
    storm();
    answer = [](const Octets& question) {
        Octets wrong = good(question);
        wrong[13] ^= 1; // another name
        return Messages(3, wrong);
    };
    auto begun = event::now();
    auto found = network->resolve(fresh_name(), Family::V4);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::Timeout);
    EXPECT_LT(event::now() - begun, Duration::seconds(21));
    storm = [] {};
}

// While no command runs, the time that an answer is good for does not pass.
TEST_F(DnsTest, what_was_answered_is_not_kept) {
    std::string name = fresh_name();
    std::set<u32> asked; // by their numbers: lwIP may repeat one
    for (u8 last : {7, 8}) {
        answer = [=, &asked](const Octets& question) {
            asked.insert(packets::get16(question, 0));
            Octets message = header(question, success, 1);
            packets::put(message, record({0xc0, 12}, type_a, {192, 0, 2, last}));
            return Messages{message};
        };
        auto found = network->resolve(name, Family::V4);
        ASSERT_TRUE(found) << found.error().what;
        EXPECT_EQ(*found, IpAddress::from_v4(0xc0000200u + last));
    }
    EXPECT_EQ(asked.size(), 2u);
}

// "host.example." says that it is the whole name.
TEST_F(DnsTest, a_dot_at_the_end_of_a_name) {
    std::string name = fresh_name();
    answer = [&](const Octets& question) {
        Octets wanted;
        wanted.push_back(static_cast<u8>(name.find('.')));
        packets::put(wanted, std::string_view(name).substr(0, name.find('.')));
        packets::put(wanted, Octets{7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0, 1});
        EXPECT_EQ(packets::slice(question, 12), wanted);
        return Messages{good(question)};
    };
    auto found = network->resolve(name + ".", Family::V4);
    ASSERT_TRUE(found) << found.error().what;
    EXPECT_EQ(*found, IpAddress::from_v4(0xc0000207));
}

TEST_F(DnsTest, labels_of_63_bytes_and_names_of_253) {
    answer = [](const Octets& question) { return Messages{good(question)}; };
    std::string name;
    for (char c : {'a', 'b', 'c'})
        name += std::string(63, c) + ".";
    name += std::string(61, 'd');
    EXPECT_TRUE(network->resolve(name, Family::V4));
}

TEST_F(DnsTest, ctrl_c_and_the_answer_that_comes_after_it) {
    peer->delay = 500 * hosted::millisecond;
    answer = [](const Octets& question) { return Messages{good(question)}; };
    ASSERT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(3)))); // knows the neighbour
    hosted::schedule(100 * hosted::millisecond, [&] { loop.request_interrupt(); });
    auto found = network->resolve(fresh_name(), Family::V4);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::Interrupted);
    pass(Duration::seconds(2));
    EXPECT_TRUE(network->resolve(fresh_name(), Family::V4));
}

// While the next question waits, for another name.
TEST_F(DnsTest, an_answer_to_the_question_before_is_not_taken) {
    ASSERT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(3)))); // knows the neighbour
    answer = [&](const Octets& question) {
        peer->delay = (questions == 1 ? 300 : 600) * hosted::millisecond;
        Octets message = header(question, success, 1);
        packets::put(message, record({0xc0, 12}, type_a, {192, 0, 2, static_cast<u8>(questions)}));
        return Messages{message};
    };
    hosted::schedule(100 * hosted::millisecond, [&] { loop.request_interrupt(); });
    ASSERT_FALSE(network->resolve(fresh_name(), Family::V4));
    auto found = network->resolve(fresh_name(), Family::V4);
    ASSERT_TRUE(found) << found.error().what;
    EXPECT_EQ(*found, IpAddress::from_v4(0xc0000202));
}

// Six questions are given up; more than lwIP keeps. The next ones must not be refused for ever.
TEST_F(DnsTest, questions_that_were_given_up_make_room) {
    for (int i = 0; i < 6; ++i) {
        u64 interrupt = hosted::schedule(hosted::millisecond, [&] { loop.request_interrupt(); });
        EXPECT_FALSE(network->resolve(fresh_name(), Family::V4));
        hosted::cancel(interrupt);
    }
    answer = [](const Octets& question) { return Messages{good(question)}; };
    auto found = network->resolve(fresh_name(), Family::V4);
    if (!found) { // all places are taken: only for a few seconds
        pass(Duration::seconds(20));
        found = network->resolve(fresh_name(), Family::V4);
    }
    EXPECT_TRUE(found) << found.error().what;
}

// Each bad answer is followed by a good one with another address, which must be the one that counts, or none.
TEST_F(DnsTest, bad_answers_end_in_time_and_teach_nothing) {
    using Bad = std::function<Octets(const Octets&)>;
    const Bad bads[] = {
        [](const Octets& q) { // the name of the answer points at itself
            Octets m = header(q, success, 1);
            u8 here = static_cast<u8>(m.size());
            packets::put(m, record({0xc0, here}, type_a, {6, 6, 6, 6}));
            m[0] ^= 0x80; // of another question
            return m;
        },
        [](const Octets& q) { // the question's name is a loop
            Octets m = header(q, success, 1);
            m.resize(12);
            packets::put(m, Octets{0xc0, 12, 0, 1, 0, 1});
            packets::put(m, record({0xc0, 12}, type_a, {6, 6, 6, 6}));
            return m;
        },
        [](const Octets& q) { return packets::slice(good(q), 0, 11); },
        [](const Octets& q) { return packets::slice(good(q), 0, 20); },
        [](const Octets&) { return Octets{}; },
        [](const Octets& q) { // a label longer than the message
            Octets m = header(q, success, 1);
            m[12] = 63;
            m.resize(16);
            return m;
        },
        [](const Octets& q) { // not an answer at all
            Octets m = good(q);
            m[2] = 0;
            return m;
        },
    };
    for (const Bad& bad : bads) {
        answer = [&](const Octets& question) { return Messages{bad(question)}; };
        auto found = network->resolve(fresh_name(), Family::V4);
        EXPECT_FALSE(found) << "bad answer " << (&bad - bads);
    }
    answer = [](const Octets& question) { return Messages{good(question)}; };
    auto found = network->resolve(fresh_name(), Family::V4);
    EXPECT_TRUE(found) << found.error().what;
}

TEST_F(DnsTest, names_that_point_at_themselves_are_not_followed) {
    answer = [](const Octets& question) {
        Octets m = header(question, success, 3);
        u8 here = static_cast<u8>(m.size());
        packets::put(m, record({0xc0, here}, type_cname, {0xc0, here}));
        packets::put(m, record({3, 'a', 'b', 'c', 0xc0, static_cast<u8>(here + 2)}, type_a, {192, 0, 2, 9}));
        packets::put(m, record(Octets(70, 63), type_a, {192, 0, 2, 9}));
        return Messages{m};
    };
    auto begun = event::now();
    (void)network->resolve(fresh_name(), Family::V4).has_value(); // whatever it is, it ends
    EXPECT_LT(event::now() - begun, Duration::seconds(21));
}

TEST_F(DnsTest, answers_at_random_do_no_harm) {
    std::mt19937 random(2);
    answer = [&](const Octets& question) {
        Messages messages;
        for (int i = 0; i < 10; ++i) {
            Octets bad = good(question);
            for (int n = 0; n < 3; ++n)
                bad[2 + random() % (bad.size() - 2)] = static_cast<u8>(random() % 2 ? random() : 0xc0);
            if (random() % 4 == 0)
                bad.resize(random() % bad.size());
            messages.push_back(bad);
        }
        return messages;
    };
    for (int i = 0; i < 100; ++i)
        (void)network->resolve(fresh_name(), Family::V4).has_value();
    pass(Duration::seconds(20));
    answer = [](const Octets& question) { return Messages{good(question)}; };
    EXPECT_TRUE(network->resolve(fresh_name(), Family::V4));
}

} // namespace
} // namespace vireo::test
