// SPDX-License-Identifier: Apache-2.0
#include "system/console.h"

#include <deque>
#include <gtest/gtest.h>
#include <string>

namespace vireo::system {
namespace {

class Port final : public SerialPort {
  public:
    void send(std::string_view bytes) override {
        sent += bytes;
        ++bursts;
    }
    std::optional<u8> receive() override {
        if (input.empty())
            return std::nullopt;
        char byte = input.front();
        input.pop_front();
        return static_cast<u8>(byte);
    }
    void type(std::string_view text) { input.insert(input.end(), text.begin(), text.end()); }
    std::string sent;
    unsigned bursts = 0;
    std::deque<char> input;
};

class ConsoleTest : public testing::Test {
  protected:
    std::string read_all() {
        std::string text;
        while (auto byte = console.read())
            text.push_back(static_cast<char>(*byte));
        return text;
    }
    Port port;
    Console console{port};
};

TEST_F(ConsoleTest, lines_end_in_cr_lf_on_the_wire) {
    console.write("one\ntwo\n\nthree");
    console.flush();
    EXPECT_EQ(port.sent, "one\r\ntwo\r\n\r\nthree");
}

TEST_F(ConsoleTest, a_line_written_in_pieces_is_one_burst) {
    for (int line = 0; line < 10; ++line)
        print(console, "{:3}: {} {:08x} {}\n", line, "name", 0x1234, line * 10);
    EXPECT_EQ(port.bursts, 10u);
    EXPECT_TRUE(port.sent.starts_with("  0: name 00001234 0\r\n  1: name"));
    console.write(std::string(1000, 'x')); // a burst is 128 bytes
    EXPECT_EQ(port.bursts, 10u + 7);
}

TEST_F(ConsoleTest, what_is_written_while_it_is_quiet_is_dropped) {
    console.write("before");
    console.set_quiet(true);
    console.write("never");
    console.set_quiet(false);
    console.write("after\n");
    EXPECT_EQ(port.sent, "beforeafter\r\n");
}

TEST_F(ConsoleTest, whoever_waits_has_shown_what_was_written) {
    console.write("Loading: ");
    console.poll();
    EXPECT_EQ(port.sent, "Loading: ");
    console.write("*");
    EXPECT_FALSE(console.read());
    EXPECT_EQ(port.sent, "Loading: *");
    console.poll();
    EXPECT_EQ(port.bursts, 2u);
}

TEST_F(ConsoleTest, a_paste_of_64_kib_during_a_command_is_kept_and_stopped_by_control_c) {
    std::string text(Console::type_ahead_bytes - 1, 'p');
    EXPECT_GE(text.size() + 1, 65536u);
    console.watch_interrupt(true);
    port.type(text);
    console.poll();
    EXPECT_TRUE(port.input.empty());
    port.type("\x03"
              "after");
    console.poll();
    EXPECT_TRUE(console.take_interrupt());
    EXPECT_EQ(read_all(), "after");
}

TEST_F(ConsoleTest, cr_lf_and_cr_lf_together_are_one_line_end_each) {
    port.type("a\rb\nc\r\nd\r\r\ne\n\nf\n\r");
    EXPECT_EQ(read_all(), "a\nb\nc\nd\n\ne\n\nf\n\n");
}

TEST_F(ConsoleTest, cr_lf_is_one_line_end_even_if_the_lf_comes_later) {
    port.type("a\r");
    EXPECT_EQ(read_all(), "a\n");
    port.type("\nb");
    EXPECT_EQ(read_all(), "b");
}

TEST_F(ConsoleTest, type_ahead_is_kept_and_what_does_not_fit_stays_in_the_port) {
    std::string text;
    for (usize i = 0; i < Console::type_ahead_bytes + 1000; ++i)
        text.push_back(static_cast<char>('a' + i % 26));
    port.type(text);
    console.poll();
    EXPECT_EQ(port.input.size(), 1000u);
    EXPECT_EQ(read_all(), text);
}

TEST_F(ConsoleTest, control_c_is_input_unless_watched_for) {
    port.type("a\x03"
              "b");
    console.poll();
    EXPECT_FALSE(console.take_interrupt());
    EXPECT_EQ(read_all(), "a\x03"
                          "b");
}

TEST_F(ConsoleTest, control_c_discards_what_was_typed_before_it) {
    console.watch_interrupt(true);
    port.type("before\x03"
              "after");
    console.poll();
    EXPECT_TRUE(console.take_interrupt());
    EXPECT_FALSE(console.take_interrupt());
    EXPECT_EQ(read_all(), "after");
}

TEST_F(ConsoleTest, control_c_that_came_with_the_commands_own_line_counts) {
    port.type("sleep 9\nmore\x03"
              "rest");
    console.poll();
    for (int i = 0; i < 8; ++i)
        EXPECT_TRUE(console.read());
    console.watch_interrupt(true);
    EXPECT_TRUE(console.take_interrupt());
    EXPECT_EQ(read_all(), "rest");
}

} // namespace
} // namespace vireo::system
