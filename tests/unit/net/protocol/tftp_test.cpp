// SPDX-License-Identifier: Apache-2.0
// TFTP sessions, datagram by datagram: what goes out is compared byte for byte, what comes in is written out.
#include "unit/net/protocol/tftp_fixture.h"

namespace vireo::test {
namespace {

TEST_F(Tftp, a_request_asks_for_what_is_wanted) {
    read({.block_bytes = 1468, .window = 4});
    ASSERT_EQ(wire.sent.size(), 1u);
    EXPECT_EQ(wire.sent[0].port, 69);
    EXPECT_EQ(wire.take(), Texts{full_request});
    read({});
    EXPECT_EQ(wire.take(), Texts{plain_request});
    write({.block_bytes = 1024}, "12345");
    EXPECT_EQ(wire.take(), Texts{"\0\2out\0octet\0blksize\0"
                                 "1024\0tsize\0"
                                 "5\0timeout\0"
                                 "1\0"s});
}

TEST_F(Tftp, a_server_without_options_sends_blocks_of_512) {
    read({.block_bytes = 1468, .window = 4});
    wire.take();
    answer(data(1, std::string(512, 'a')));
    EXPECT_EQ(wire.take(), Texts{ack(1)});
    answer(data(2, std::string(512, 'b')));
    EXPECT_EQ(wire.take(), Texts{ack(2)});
    EXPECT_EQ(session->state(), State::Running);
    answer(data(3, "end"));
    EXPECT_EQ(wire.take(), Texts{ack(3)});
    EXPECT_EQ(session->state(), State::Done);
    EXPECT_EQ(content(), std::string(512, 'a') + std::string(512, 'b') + "end");
}

TEST_F(Tftp, an_empty_file_is_a_file) {
    read({});
    wire.take();
    answer(data(1, ""));
    EXPECT_EQ(wire.take(), Texts{ack(1)});
    EXPECT_EQ(session->state(), State::Done);
    EXPECT_EQ(session->bytes(), 0u);
}

TEST_F(Tftp, options_hold_once_the_server_has_agreed) {
    read({.block_bytes = 1468, .window = 4});
    wire.take();
    answer(option_ack("BLKSIZE\0"
                      "8\0tsize\0"
                      "19\0windowsize\0"
                      "2\0timeout\0"
                      "1\0"s));
    EXPECT_EQ(wire.take(), Texts{ack(0)});
    EXPECT_EQ(session->total(), 19u);
    EXPECT_EQ(session->block_bytes(), 8);
    EXPECT_EQ(session->window(), 2);
    answer(data(1, "12345678"));
    EXPECT_TRUE(wire.take().empty());
    answer(data(2, "abcdefgh"));
    EXPECT_EQ(wire.take(), Texts{ack(2)});
    answer(data(3, "end"));
    EXPECT_EQ(wire.take(), Texts{ack(3)});
    EXPECT_EQ(session->state(), State::Done);
    EXPECT_EQ(content(), "12345678abcdefghend");
}

// One option, as text, and what is wrong with it.
TEST_F(Tftp, options_that_were_not_asked_for_are_refused_by_name) {
    struct Row {
        std::string options, text;
        const char* what;
    };
    for (const Row& row : std::vector<Row>{
             {"blksize\0"
              "1469\0"s,
              "blksize=1469", "more than was asked for"},
             {"blksize\0"
              "65544\0"s,
              "blksize=65544", "more than was asked for"},
             {"blksize\0"
              "7\0"s,
              "blksize=7", "less than 8"},
             {"blksize\0"
              "0\0"s,
              "blksize=0", "less than 8"},
             {"blksize\0-1\0"s, "blksize=-1", "not a number"},
             {"blksize\0"
              "1e3\0"s,
              "blksize=1e3", "not a number"},
             {"blksize\0"
              "99999999999999999999\0"s,
              "blksize=99999999999999999999", "not a number"},
             {"windowsize\0"
              "5\0"s,
              "windowsize=5", "more than was asked for"},
             {"windowsize\0"
              "65537\0"s,
              "windowsize=65537", "more than was asked for"},
             {"windowsize\0"
              "0\0"s,
              "windowsize=0", "less than 1"},
             {"windowsize\0\0"s, "windowsize=", "not a number"},
             {"multicast\0x\0"s, "multicast=x", "not asked for"},
             {"blksize\0"
              "512"s,
              "blksize=512", "cut off"},
             {"blksize\0"s, "blksize=", "cut off"},
             {"blksize"s, "blksize=", "cut off"},
             {"\0\0"s, "=", "not asked for"},
             {"tsize\0"
              "18446744073709551616\0"s,
              "tsize=18446744073709551616", "more than any file has"},
             {"blksize\0"
              "512\0BLKSIZE\0"
              "512\0"s,
              "BLKSIZE=512", "given twice"},
             {"x\0"s + std::string(200, 'y') + "\0"s, "x=" + std::string(126, 'y'), "not asked for"}}) {
        read({.block_bytes = 1468, .window = 4});
        wire.take();
        answer(option_ack(row.options));
        expect_failure(Kind::Option);
        EXPECT_EQ(session->failure().text.view(), row.text);
        EXPECT_STREQ(session->failure().what, row.what) << row.text;
        EXPECT_EQ(session->failure().text.truncated(), row.text.size() == 128);
        auto sent = wire.take();
        ASSERT_EQ(sent.size(), 1u);
        EXPECT_EQ(sent[0].substr(0, 4), "\0\5\0\10"s);
    }
}

// When the server repeats itself is its own affair; what is no size says nothing.
TEST_F(Tftp, options_that_do_no_harm_are_taken) {
    for (const std::string& options : {"timeout\0"
                                       "5\0"s,
                                       "timeout\0"
                                       "0\0"s,
                                       "timeout\0x\0"s, "tsize\0-1\0"s, "tsize\0\0"s,
                                       "tsize\0"
                                       "0\0"s,
                                       "tsize\0"
                                       "1 2\0"s}) {
        read({.block_bytes = 1468});
        wire.take();
        answer(option_ack(options));
        EXPECT_EQ(wire.take(), Texts{ack(0)}) << options;
        EXPECT_EQ(session->total(), std::nullopt);
        answer(data(1, "end"));
        EXPECT_EQ(session->state(), State::Done);
    }
}

TEST_F(Tftp, a_server_that_refuses_options_is_asked_without) {
    read({.block_bytes = 1468, .window = 4});
    wire.take();
    answer(error_packet(8, "no options here"), 4000);
    EXPECT_TRUE(wire.take().empty());
    wake();
    EXPECT_EQ(wire.take(), Texts{"\0\1dir/file\0octet\0"s});
    answer(option_ack("blksize\0"
                      "512\0"s)); // to nothing that was asked
    EXPECT_TRUE(wire.take().empty());
    answer(data(1, "short"));
    EXPECT_EQ(session->state(), State::Done);
    EXPECT_EQ(content(), "short");
    // Only once.
    read({.block_bytes = 1468});
    answer(error_packet(8, "no"));
    wake();
    answer(error_packet(8, "really not"));
    wake();
    expect_failure(Kind::Refused);
}

// Whoever is quicker than the server can forge a refusal: it counts only if nothing better comes soon.
TEST_F(Tftp, a_refusal_waits_a_moment_for_the_real_answer) {
    auto refuse = [&](unsigned code) {
        read({.block_bytes = 1468});
        wire.take();
        answer(error_packet(code, "forged"), 4000);
        EXPECT_EQ(session->wakes_at(), now + TftpSession::refusal_delay);
    };
    for (unsigned code : {1, 8}) {
        refuse(code);
        pass(TftpSession::refusal_delay);
        answer(option_ack("blksize\0"
                          "8\0"s));
        EXPECT_EQ(wire.take(), Texts{ack(0)});
        EXPECT_GT(session->wakes_at(), now);
        answer(data(1, "real"));
        EXPECT_EQ(session->state(), State::Done);
        refuse(code);
        answer(data(1, "real"));
        EXPECT_EQ(session->state(), State::Done);
    }
    // The first one is what is told, and no later one makes it wait for longer.
    refuse(1);
    event::Instant end = session->wakes_at();
    for (int i = 0; i < 9; ++i) {
        pass(event::Duration::milli(11));
        answer(error_packet(2, "again"), 4001);
        session->tick(now);
    }
    EXPECT_EQ(session->state(), State::Running);
    EXPECT_EQ(session->wakes_at(), end);
    wake();
    expect_failure(Kind::Refused);
    EXPECT_EQ(session->failure().code, 1);
    EXPECT_EQ(session->failure().text.view(), "forged");
    answer(data(1, "late"));
    expect_failure(Kind::Refused);
}

TEST_F(Tftp, an_error_of_the_server_ends_it) {
    read({});
    answer(error_packet(1, "File not found"));
    wake();
    expect_failure(Kind::Refused);
    EXPECT_EQ(session->failure().code, 1);
    EXPECT_EQ(session->failure().text.view(), "File not found");
    // In the middle, without its zero, and longer than anybody wants to read.
    read({});
    answer(data(1, std::string(512, 'a')));
    answer("\0\5\0\0"s + std::string(600, 'x'));
    expect_failure(Kind::Refused);
    EXPECT_EQ(session->failure().text.view(), std::string(128, 'x'));
    EXPECT_TRUE(session->failure().text.truncated());
    // Too short to mean anything.
    read({});
    answer("\0\5\0"s);
    EXPECT_EQ(session->state(), State::Running);
}

TEST_F(Tftp, another_port_is_told_so_and_changes_nothing) {
    read({});
    wire.take();
    answer(data(1, std::string(512, 'a')));
    wire.take();
    answer(data(2, "forged"), server_port + 1);
    ASSERT_EQ(wire.sent.size(), 1u);
    EXPECT_EQ(wire.sent[0].port, server_port + 1);
    EXPECT_EQ(wire.take()[0].substr(0, 4), "\0\5\0\5"s);
    answer(error_packet(0, "forged"), server_port + 1);
    EXPECT_TRUE(wire.sent.empty());
    // Another machine, even on the right port.
    answer(data(2, "forged"), server_port, v4(2));
    ASSERT_EQ(wire.sent.size(), 1u);
    EXPECT_TRUE(wire.sent[0].to == v4(2));
    wire.sent.clear();
    answer(data(2, "true"));
    EXPECT_EQ(session->state(), State::Done);
    EXPECT_EQ(memory.substr(512, 4), "true");
}

TEST_F(Tftp, a_flood_from_strangers_is_not_answered_for_ever) {
    read({});
    wire.take();
    for (int i = 0; i < 1000; ++i)
        answer(data(1, "x"), server_port, v4(2));
    EXPECT_EQ(wire.sent.size(), 16u);
    EXPECT_EQ(session->state(), State::Running);
}

TEST_F(Tftp, what_is_no_answer_does_not_choose_the_port) {
    read({.block_bytes = 1468});
    wire.take();
    for (const std::string& packet :
         {""s, "\0"s, "\0\3"s, "\0\3\0"s, data(2, "late"), ack(0), ack(1), "\0\1x\0octet\0"s, "\0\7\0\1"s})
        answer(packet, 1111);
    EXPECT_TRUE(wire.take().empty());
    answer(data(1, "good"));
    EXPECT_EQ(session->state(), State::Done);
    EXPECT_EQ(content(), "good");
}

TEST_F(Tftp, a_doubled_block_is_not_acknowledged_twice_at_once) {
    read({});
    answer(data(1, std::string(512, 'a')));
    wire.take();
    answer(data(1, std::string(512, 'x')));
    EXPECT_TRUE(wire.take().empty());
    // But if it comes again after a while, the server has not heard us.
    pass(event::Duration::milli(600));
    answer(data(1, std::string(512, 'x')));
    EXPECT_EQ(wire.take(), Texts{ack(1)});
    answer(data(2, "end"));
    EXPECT_EQ(content(), std::string(512, 'a') + "end");
}

TEST_F(Tftp, a_lost_block_of_a_window_is_told_once_for_each_pass) {
    read({.block_bytes = 1468, .window = 4});
    answer(option_ack("blksize\0"
                      "8\0windowsize\0"
                      "4\0"s));
    wire.take();
    answer(data(1, "11111111"));
    answer(data(3, "33333333"));
    EXPECT_EQ(wire.take(), Texts{ack(1)});
    answer(data(4, "44444444"));
    EXPECT_TRUE(wire.take().empty());
    // The server starts behind block 1; block 2 is lost again.
    answer(data(3, "33333333"));
    EXPECT_EQ(wire.take(), Texts{ack(1)});
    answer(data(2, "22222222"));
    answer(data(3, "33333333"));
    answer(data(4, "44444444"));
    EXPECT_TRUE(wire.take().empty());
    answer(data(5, "55555555"));
    EXPECT_EQ(wire.take(), Texts{ack(5)});
    answer(data(6, ""));
    EXPECT_EQ(session->state(), State::Done);
    EXPECT_EQ(content(), "1111111122222222333333334444444455555555");
}

TEST_F(Tftp, block_numbers_start_again_at_0) {
    read({.block_bytes = 16, .window = 4}, 8 * 70000);
    answer(option_ack("blksize\0"
                      "8\0windowsize\0"
                      "4\0"s));
    wire.take();
    std::string expected;
    for (unsigned block = 1; block <= 66000; ++block) {
        std::string text = std::to_string(10'000'000 + block);
        answer(data(block & 0xffff, text));
        expected += text;
    }
    EXPECT_EQ(wire.take().back(), ack(66000 & 0xffff));
    answer(data(66001 & 0xffff, "end"));
    EXPECT_EQ(session->state(), State::Done);
    EXPECT_EQ(content(), expected + "end");
}

// Which of two requests is answered cannot be told: no round trip is learned from that.
TEST_F(Tftp, an_answer_to_what_was_sent_twice_is_not_measured) {
    read({});
    wake();
    answer(data(1, std::string(512, 'a')));
    event::Instant before = now;
    wake();
    EXPECT_EQ(now - before, event::Duration::seconds(1));
}

TEST_F(Tftp, a_lost_acknowledgement_is_sent_again_soon_on_a_quick_network) {
    read({});
    pass(event::Duration::milli(2));
    answer(data(1, std::string(512, 'a')));
    wire.take();
    pass(event::Duration::milli(99));
    session->tick(now);
    EXPECT_TRUE(wire.take().empty());
    pass(event::Duration::milli(1));
    session->tick(now);
    EXPECT_EQ(wire.take(), Texts{ack(1)});
}

// The event loop reads the clock once a turn, the request is sent by one that is exact.
TEST_F(Tftp, a_clock_that_is_a_turn_late_takes_no_round_trip_for_centuries) {
    read({});
    session->datagram(bytes_of(data(1, std::string(512, 'a'))), server, server_port,
                      event::Instant{now.microseconds - 1000});
    EXPECT_EQ(session->bytes(), 512u);
    EXPECT_GE(session->wakes_at(), now + event::Duration::milli(100));
    EXPECT_LE(session->wakes_at(), now + event::Duration::seconds(1));
}

TEST_F(Tftp, nothing_is_written_beyond_the_memory) {
    // Told beforehand,
    read({.block_bytes = 1468}, 1000);
    wire.take();
    answer(option_ack("blksize\0"
                      "1468\0tsize\0"
                      "1001\0"s));
    expect_failure(Kind::TooLarge);
    EXPECT_EQ(session->failure().announced, 1001u);
    EXPECT_EQ(wire.take()[0].substr(0, 4), "\0\5\0\3"s);
    // or noticed in the middle.
    read({}, 1000);
    answer(data(1, std::string(512, 'a')));
    answer(data(2, std::string(489, 'b')));
    expect_failure(Kind::TooLarge);
    EXPECT_EQ(session->failure().announced, std::nullopt);
    expect_guard();
    // To the last byte is allowed.
    read({}, 1000);
    answer(data(1, std::string(512, 'a')));
    answer(data(2, std::string(488, 'b')));
    EXPECT_EQ(session->state(), State::Done);
    expect_guard();
}

TEST_F(Tftp, a_block_larger_than_agreed_is_an_error) {
    read({.block_bytes = 1468});
    answer(option_ack("blksize\0"
                      "8\0"s));
    wire.take();
    answer(data(1, "123456789"));
    expect_failure(Kind::Protocol);
    EXPECT_EQ(wire.take()[0].substr(0, 4), "\0\5\0\4"s);
}

TEST_F(Tftp, a_file_that_shrinks_or_grows_is_an_error) {
    for (std::string_view size : {"700", "600"}) {
        read({});
        answer(option_ack("tsize\0"s + std::string(size) + "\0"s));
        answer(data(1, std::string(512, 'a')));
        answer(data(2, std::string(100, 'b')));
        expect_failure(Kind::WrongSize);
        EXPECT_EQ(session->bytes(), 612u);
    }
    // A server that does not know.
    read({});
    answer(option_ack("tsize\0"
                      "0\0"s));
    answer(data(1, "abc"));
    EXPECT_EQ(session->state(), State::Done);
}

TEST_F(Tftp, an_option_acknowledgement_that_comes_again_is_answered_again) {
    read({.block_bytes = 1468});
    answer(option_ack("blksize\0"
                      "8\0"s));
    EXPECT_EQ(wire.take().back(), ack(0));
    answer(option_ack("blksize\0"
                      "8\0"s));
    EXPECT_TRUE(wire.take().empty());
    pass(event::Duration::seconds(1));
    answer(option_ack("blksize\0"
                      "16\0"s));
    EXPECT_EQ(wire.take(), Texts{ack(0)});
    EXPECT_EQ(session->block_bytes(), 8);
    answer(data(1, "12345678"));
    wire.take();
    pass(event::Duration::seconds(1));
    answer(option_ack("blksize\0"
                      "8\0"s));
    EXPECT_TRUE(wire.take().empty());
}

TEST_F(Tftp, who_gives_up_tells_the_server) {
    read({});
    answer(data(1, std::string(512, 'a')));
    wire.take();
    session->abandon();
    EXPECT_EQ(wire.take()[0].substr(0, 4), "\0\5\0\0"s);
    answer(data(2, "late"));
    EXPECT_TRUE(wire.take().empty());
    EXPECT_EQ(session->bytes(), 512u);
}

TEST_F(Tftp, writing_sends_block_after_block) {
    write({}, std::string(512, 'a') + "bc");
    wire.take();
    answer(ack(0));
    EXPECT_EQ(wire.take(), Texts{data(1, std::string(512, 'a'))});
    answer(ack(1));
    EXPECT_EQ(wire.take(), Texts{data(2, "bc")});
    EXPECT_EQ(session->bytes(), 512u);
    answer(ack(1)); // doubled: nothing is sent twice
    EXPECT_TRUE(wire.take().empty());
    answer(ack(2));
    EXPECT_EQ(session->state(), State::Done);
    EXPECT_EQ(session->bytes(), 514u);
}

TEST_F(Tftp, writing_ends_with_a_short_block) {
    write({}, std::string(512, 'a'));
    answer(ack(0));
    wire.take();
    answer(ack(1));
    EXPECT_EQ(wire.take(), Texts{data(2, "")});
    answer(ack(2));
    EXPECT_EQ(session->state(), State::Done);
}

TEST_F(Tftp, writing_in_windows_goes_on_behind_what_arrived) {
    write({.block_bytes = 1468, .window = 3}, "11111111222222223333333344444444"
                                              "5");
    wire.take();
    answer(option_ack("blksize\0"
                      "8\0windowsize\0"
                      "3\0tsize\0"
                      "33\0"s));
    EXPECT_EQ(wire.take(), (Texts{data(1, "11111111"), data(2, "22222222"), data(3, "33333333")}));
    answer(ack(1)); // 2 was lost
    EXPECT_EQ(wire.take(), (Texts{data(2, "22222222"), data(3, "33333333"), data(4, "44444444")}));
    answer(ack(1)); // again
    EXPECT_EQ(wire.take(), (Texts{data(2, "22222222"), data(3, "33333333"), data(4, "44444444")}));
    answer(ack(1)); // no third time before its time has come
    EXPECT_TRUE(wire.take().empty());
    answer(ack(9)); // what was never sent
    EXPECT_TRUE(wire.take().empty());
    wake();
    EXPECT_EQ(wire.take(), (Texts{data(2, "22222222"), data(3, "33333333"), data(4, "44444444")}));
    answer(ack(4));
    EXPECT_EQ(wire.take(), Texts{data(5, "5")});
    answer(ack(5));
    EXPECT_EQ(session->state(), State::Done);
}

} // namespace
} // namespace vireo::test
