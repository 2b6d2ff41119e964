// SPDX-License-Identifier: Apache-2.0
// What a DHCP server's options become, and what we tell it: RFC 2132, 3396, 4578.
#include "unit/net/stack/dhcp_server.h"

namespace vireo::test {
namespace {

using event::Duration;
using net::IpAddress;

TEST_F(DhcpTest, what_is_asked_for) {
    answer_well();
    ASSERT_TRUE(ask());
    auto wanted = find(messages.at(0), 55);
    ASSERT_TRUE(wanted);
    for (u8 code : {1, 3, 6, 12, 15, 17, 66, 67, 209, 210})
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
    EXPECT_EQ(lease->boot_file, "this");
}

// RFC 4578, 2.1 and 2.2; both can be changed, also to nothing.
TEST_F(DhcpTest, what_we_are_is_said_in_each_message) {
    answer_well();
    ASSERT_TRUE(ask());
    EXPECT_FALSE(find(messages.at(0), 93));
    client.architecture = 22;
    ASSERT_TRUE(ask());
    for (usize i : {2, 3}) {
        EXPECT_EQ(find(messages.at(i), 93), Octets({0, 22})) << i;
        EXPECT_EQ(find(messages.at(i), 94), Octets({1, 0, 0})) << i;
    }
    std::string name(255, 'v');
    client = {.vendor_class = name, .architecture = 0x1234};
    ASSERT_TRUE(ask());
    EXPECT_EQ(find(messages.back(), 60), Octets(name.begin(), name.end()));
    EXPECT_EQ(find(messages.back(), 93), Octets({0x12, 0x34}));
    EXPECT_EQ(messages.back().back(), 0) << "the end, and what fills the message";
    name += "v";
    client.vendor_class = name;
    auto lease = ask();
    ASSERT_FALSE(lease);
    EXPECT_EQ(lease.error().code, ErrorCode::TooLarge);
}

TEST_F(DhcpTest, texts_of_any_length_are_whole) {
    answer_well();
    for (usize length : {1, 127, 128, 129, 200, 254, 255}) {
        more.clear();
        packets::put(more, option(67, std::string(length, 'b')));
        packets::put(more, option(12, std::string(length, 'h')));
        packets::put(more, option(15, std::string(length, 'd')));
        packets::put(more, option(17, std::string(length, 'r')));
        auto lease = ask();
        ASSERT_TRUE(lease) << length;
        EXPECT_EQ(lease->boot_file, std::string(length, 'b'));
        EXPECT_EQ(lease->answer.text(Option::HostName), std::string(length, 'h'));
        EXPECT_EQ(lease->answer.text(Option::DomainName), std::string(length, 'd'));
        EXPECT_EQ(lease->answer.text(Option::RootPath), std::string(length, 'r'));
    }
}

TEST_F(DhcpTest, the_field_of_the_file_without_a_zero) {
    answer_well();
    for (usize length : {1, 127, 128}) {
        file = Octets(length, 'f');
        auto lease = ask();
        ASSERT_TRUE(lease);
        EXPECT_EQ(lease->boot_file, std::string(length, 'f'));
    }
}

// RFC 3396: one value in as many options as it takes.
TEST_F(DhcpTest, an_option_in_pieces_is_one_value) {
    answer_well();
    struct Piece {
        u8 code;
        usize length;
        char letter;
    };
    for (const Piece& piece : {Piece{17, 45, 'r'}, {67, 1, 'b'}, {12, 254, 'h'}, {15, 255, 'd'}}) {
        more = option(piece.code, std::string(255, piece.letter));
        packets::put(more, option(42, number(1))); // another one between the two
        packets::put(more, option(piece.code, std::string(piece.length, piece.letter)));
        auto lease = ask();
        ASSERT_TRUE(lease);
        std::string whole(255 + piece.length, piece.letter);
        EXPECT_EQ(piece.code == 67 ? lease->boot_file : lease->answer.text(Option(piece.code)), whole);
    }
    // In a frame that carries as much as there can be.
    more.clear();
    for (int i = 0; i < 4; ++i)
        packets::put(more, option(67, std::string(250, static_cast<char>('a' + i))));
    auto lease = ask();
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->boot_file,
              std::string(250, 'a') + std::string(250, 'b') + std::string(250, 'c') + std::string(250, 'd'));
}

// Those that lwIP reads, too.
TEST_F(DhcpTest, an_address_in_pieces) {
    answer = [this](u8 type, const Octets& message) {
        Octets options = option(54, Octets{10, 0});
        packets::put(options, option(54, Octets{2, 2}));
        packets::put(options, option(51, Octets{0, 0, 14}));
        packets::put(options, option(51, Octets{16}));
        packets::put(options, option(1, Octets{255}));
        packets::put(options, option(1, Octets{255, 255, 0}));
        packets::put(options, option(3, Octets{10, 0, 2}));
        packets::put(options, option(3, Octets{2}));
        packets::put(options, option(6, Octets{10, 0, 2, 3, 10, 0}));
        packets::put(options, option(6, Octets{2, 4}));
        send(reply(message, type == Discover ? Offer : Acknowledge, options));
    };
    auto lease = ask();
    ASSERT_TRUE(lease) << lease.error().what;
    EXPECT_EQ(lease->server, host);
    EXPECT_EQ(lease->lease_seconds, 3600u);
    EXPECT_EQ(lease->ipv4.netmask, IpAddress::from_v4(0xffffff00));
    EXPECT_EQ(lease->ipv4.gateway, host);
    EXPECT_EQ(lease->dns[0], IpAddress::from_v4(0x0a000203));
    EXPECT_EQ(lease->dns[1], IpAddress::from_v4(0x0a000204));
}

// RFC 2132, 9.3, and RFC 3396, 5: options, file, server's name.
TEST_F(DhcpTest, pieces_lie_in_three_places_in_order) {
    answer_well();
    server_name = option(67, "three");
    server_name.push_back(255);
    file = option(67, "two-");
    file.push_back(255);
    more = option(67, "one-");
    packets::put(more, option(52, Octets{3}));
    auto lease = ask();
    ASSERT_TRUE(lease) << lease.error().what;
    EXPECT_EQ(lease->boot_file, "one-two-three");
    EXPECT_EQ(lease->server_name, "");
    // Only one of the fields: the other one is what it is called.
    more = option(52, Octets{2});
    lease = ask();
    ASSERT_TRUE(lease) << lease.error().what;
    EXPECT_EQ(lease->boot_file, "three");
}

TEST_F(DhcpTest, fields_full_of_options_need_no_end) {
    answer_well();
    file = option(67, std::string(126, 'b'));
    ASSERT_EQ(file.size(), 128u);
    more = option(52, Octets{1});
    auto lease = ask();
    ASSERT_TRUE(lease) << lease.error().what;
    EXPECT_EQ(lease->boot_file, std::string(126, 'b'));
    file[1] = 127; // one byte more than the field has: it does not go on in what follows
    EXPECT_FALSE(ask(Duration::seconds(2)));
}

TEST_F(DhcpTest, options_without_an_end) {
    answer_well();
    has_end = false;
    more = option(67, "last");
    auto lease = ask();
    ASSERT_TRUE(lease) << lease.error().what;
    EXPECT_EQ(lease->boot_file, "last");
    EXPECT_EQ(lease->discovers, 1u);
    // Cut in the middle: behind the code, behind the length, one byte before the last.
    for (usize cut : {1, 4, 5}) {
        Octets options = usual_options();
        options.resize(options.size() - cut);
        answer = [&](u8 type, const Octets& message) {
            send(reply(message, type == Discover ? Offer : Acknowledge, options));
        };
        EXPECT_FALSE(ask(Duration::seconds(2))) << cut;
    }
    // Padding is no option that could be cut.
    more = option(67, Octets{'x'});
    packets::put(more, Octets{0, 0, 0});
    answer_well();
    EXPECT_TRUE(ask());
}

TEST_F(DhcpTest, a_server_by_name) {
    answer_well();
    more = option(66, "boot.example");
    auto lease = ask();
    ASSERT_TRUE(lease);
    EXPECT_FALSE(lease->next_server.is_set());
    EXPECT_EQ(lease->server_name, "boot.example");
    next_server = 0x0a000204; // says the same, or is better
    lease = ask();
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->next_server, IpAddress::from_v4(0x0a000204));
    EXPECT_EQ(lease->server_name, "");
    next_server = 0;
    more.clear();
    packets::put(server_name, "field.example");
    lease = ask();
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->server_name, "field.example");
}

TEST_F(DhcpTest, no_router_is_made_up) {
    answer = [this](u8 type, const Octets& message) {
        send(reply(message, type == Discover ? Offer : Acknowledge, option(54, number(OtherHost::address))));
    };
    auto lease = ask();
    ASSERT_TRUE(lease);
    EXPECT_FALSE(lease->ipv4.gateway.is_set());
    EXPECT_FALSE(network->route_to(elsewhere));
    EXPECT_FALSE(network->route_to(IpAddress::from_v4(0xc0000201)));
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
    EXPECT_EQ(lease->boot_file, "over.img");
    EXPECT_EQ(lease->answer.text(Option::HostName), "vm");
    EXPECT_EQ(lease->ipv4.gateway, host);
}

} // namespace
} // namespace vireo::test
