// SPDX-License-Identifier: Apache-2.0
// TFTP servers that say nothing, or nothing new, or say it from elsewhere.
#include "unit/net/protocol/tftp_fixture.h"

namespace vireo::test {
namespace {

TEST_F(Tftp, silence_is_answered_less_and_less_often) {
    read({});
    wire.take();
    std::vector<u64> waits;
    while (waits.size() < 6) {
        event::Instant before = now;
        wake();
        waits.push_back((now - before).microseconds / 1000);
        EXPECT_EQ(wire.take(), Texts{plain_request});
    }
    EXPECT_EQ(waits, (std::vector<u64>{1000, 2000, 2000, 2000, 2000, 2000}));
    EXPECT_EQ(session->timeouts(), 6u);
    session->lose_patience(std::nullopt);
    expect_failure(Kind::Silent);
    EXPECT_TRUE(wire.take().empty()); // there is nobody to tell
    EXPECT_FALSE(session->failure().stranger.is_set());
}

TEST_F(Tftp, an_interval_that_is_asked_for_stays) {
    read({.interval = event::Duration::milli(3500)});
    EXPECT_NE(wire.take()[0].find("\0timeout\0"
                                  "3\0"s),
              std::string::npos);
    answer(data(1, std::string(512, 'a')));
    for (int i = 0; i < 5; ++i) {
        event::Instant before = now;
        wake();
        EXPECT_EQ(now - before, event::Duration::milli(3500));
    }
    read({.interval = event::Duration::seconds(300)});
    EXPECT_NE(wire.take().back().find("\0timeout\0"
                                      "255\0"s),
              std::string::npos);
}

TEST_F(Tftp, the_request_goes_to_the_port_that_is_wanted) {
    read({.request_port = 6969});
    EXPECT_EQ(wire.sent.at(0).port, 6969);
    answer(data(1, std::string(512, 'a')));
    EXPECT_EQ(wire.sent.at(1).port, server_port);
}

// It answers: another try would end like the first, and "does not answer" would send the user the wrong way.
TEST_F(Tftp, a_server_that_repeats_itself_for_ever_is_not_silent) {
    read({});
    answer(data(1, std::string(512, 'a')));
    u64 progress = session->progress();
    for (int i = 0; i < 100; ++i) {
        pass(event::Duration::milli(100));
        answer(data(1, std::string(512, 'a')));
        session->tick(now);
        EXPECT_EQ(session->progress(), progress);
    }
    wire.take();
    session->lose_patience(std::nullopt);
    expect_failure(Kind::Stuck);
    EXPECT_EQ(session->failure().block, 2u);
    EXPECT_EQ(wire.take()[0].substr(0, 4), "\0\5\0\0"s);
    // Once, long ago: that is silence.
    read({});
    answer(data(1, std::string(512, 'a')));
    pass(event::Duration::milli(100));
    answer(data(1, std::string(512, 'a')));
    pass(event::Duration::seconds(6));
    session->tick(now);
    session->lose_patience(std::nullopt);
    expect_failure(Kind::Silent);
    // The same of options, and of what a writer is told.
    read({});
    for (int i = 0; i < 10; ++i) {
        answer(option_ack("tsize\0"
                          "5\0"s));
        pass(event::Duration::seconds(1));
        EXPECT_EQ(session->progress(), 1u);
    }
    session->lose_patience(std::nullopt);
    expect_failure(Kind::Stuck);
    EXPECT_EQ(session->failure().block, 1u);
    write({}, std::string(600, 'a'));
    answer(ack(0));
    for (int i = 0; i < 10; ++i) {
        pass(event::Duration::seconds(1));
        answer(ack(0));
    }
    session->lose_patience(std::nullopt);
    expect_failure(Kind::Stuck);
}

TEST_F(Tftp, a_server_that_is_too_slow_hears_of_it) {
    read({});
    answer(data(1, std::string(512, 'a')));
    wire.take();
    session->lose_patience(7);
    expect_failure(Kind::TooSlow);
    EXPECT_EQ(session->failure().rate, 7u);
    EXPECT_EQ(wire.take(), Texts{error_packet(0, "too slow")});
    session->lose_patience(std::nullopt); // it is over
    expect_failure(Kind::TooSlow);
}

TEST_F(Tftp, an_answer_from_another_address_is_remembered) {
    for (const std::string& packet : {data(1, "x"), option_ack(""), error_packet(1, "no"), ack(0)}) {
        read({});
        answer("\0\1x\0octet\0"s, server_port, v4(3)); // no answer
        answer(packet, server_port, v4(2));
        session->lose_patience(std::nullopt);
        expect_failure(Kind::Silent);
        EXPECT_TRUE(session->failure().stranger == v4(2));
    }
    read({});
    answer("\0\1x\0octet\0"s, server_port, v4(3));
    answer("\0\7x\0octet\0"s, server_port, v4(3));
    session->lose_patience(std::nullopt);
    EXPECT_FALSE(session->failure().stranger.is_set());
}

TEST_F(Tftp, port_0_is_nobody) {
    read({});
    wire.take();
    answer(data(1, "x"), 0);
    answer(error_packet(1, "x"), 0);
    EXPECT_EQ(session->state(), State::Running);
    EXPECT_TRUE(wire.take().empty());
    EXPECT_EQ(session->progress(), 0u);
}

} // namespace
} // namespace vireo::test
