// SPDX-License-Identifier: Apache-2.0
#include "system/console.h"

#include <deque>
#include <gtest/gtest.h>
#include <string>

namespace vireo::system {
namespace {

class Port final : public ConsolePort {
  public:
    void send(std::string_view bytes, Waiter* waiter) override {
        sent += bytes;
        ++bursts;
        has_given_up = is_full && waiter->gives_up();
    }
    bool may_interrupt() const override { return !is_file; }
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
    bool is_full = false; // who sends has to wait
    bool has_given_up = false;
    bool is_file = false;
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

std::string lines_of(usize bytes, usize line_bytes) {
    std::string text;
    for (usize i = 0; text.size() < bytes; ++i) {
        std::string number = std::to_string(i) + " ";
        text += number + std::string(line_bytes - number.size() - 1, 'x') + "\n";
    }
    text.resize(bytes);
    return text;
}

// It was dead once the buffer was full: the port was not read on.
TEST_F(ConsoleTest, control_c_is_seen_behind_more_than_fits) {
    for (usize bytes : {Console::type_ahead_bytes - 1, Console::type_ahead_bytes,
                        Console::type_ahead_bytes + 1, usize{72000}, usize{1} << 20}) {
        console.watch_interrupt(true);
        port.type(lines_of(bytes, 40) + "\x03"
                                        "after");
        for (int look = 0; look < 20; ++look)
            console.poll();
        EXPECT_TRUE(port.input.empty()) << bytes;
        EXPECT_TRUE(console.take_interrupt()) << bytes;
        EXPECT_EQ(read_all(), "after") << bytes;
        EXPECT_EQ(console.take_dropped() > 0, bytes > Console::type_ahead_bytes) << bytes;
        console.watch_interrupt(false);
    }
}

TEST_F(ConsoleTest, what_does_not_fit_is_dropped_in_whole_lines_and_counted) {
    console.watch_interrupt(true);
    std::string text = lines_of(100000, 30);
    port.type(text + "end of the line that was cut\nnext\na\n"); // the last one would fit the gap
    console.poll();
    console.poll();
    EXPECT_TRUE(port.input.empty());
    EXPECT_GT(console.dropped(), 0u);
    u64 dropped = console.take_dropped();
    EXPECT_EQ(console.dropped(), 0u);
    std::string kept = read_all();
    EXPECT_EQ(kept.size() + dropped, text.size() + 36);
    EXPECT_GE(kept.size(), Console::kept_bytes);
    EXPECT_TRUE(kept.ends_with("x\n"));
    EXPECT_EQ(kept, text.substr(0, kept.size()));
    EXPECT_FALSE(console.is_cutting_line());
}

TEST_F(ConsoleTest, the_rest_of_a_line_that_was_cut_is_dropped_until_it_ends) {
    console.watch_interrupt(true);
    port.type(std::string(Console::type_ahead_bytes + 1, 'x'));
    console.poll();
    console.poll();
    EXPECT_TRUE(console.is_cutting_line());
    EXPECT_EQ(console.dropped(), Console::type_ahead_bytes + 1);
    console.watch_interrupt(false);
    port.type("xx\nline\n");
    EXPECT_EQ(read_all(), "line\n");
    EXPECT_EQ(console.take_dropped(), Console::type_ahead_bytes + 4);
    // Or until somebody says so, or types Ctrl-C.
    for (bool by_key : {false, true}) {
        console.watch_interrupt(true);
        port.type(std::string(Console::type_ahead_bytes + 1, 'x'));
        console.poll();
        console.poll();
        console.watch_interrupt(false);
        if (!by_key)
            console.end_cut_line();
        port.type(by_key ? "more\x03" : "more");
        EXPECT_EQ(read_all(), by_key ? "\x03" : "more");
    }
}

TEST_F(ConsoleTest, between_commands_and_from_files_nothing_is_dropped) {
    std::string text = lines_of(Console::type_ahead_bytes + 5000, 40);
    port.type(text);
    console.watch_interrupt(true);
    console.glance();
    EXPECT_EQ(port.input.size(), 5000u);
    port.is_file = true;
    console.poll();
    EXPECT_EQ(port.input.size(), 5000u);
    console.watch_interrupt(false);
    EXPECT_EQ(read_all(), text);
    EXPECT_EQ(console.dropped(), 0u);
}

TEST_F(ConsoleTest, the_last_control_c_of_many_before_the_command_counts) {
    port.type("one\x03two\x03three\nfour");
    console.glance();
    EXPECT_FALSE(console.take_interrupt());
    console.watch_interrupt(true);
    EXPECT_TRUE(console.take_interrupt());
    EXPECT_EQ(read_all(), "three\nfour");
    console.watch_interrupt(false);
    port.type("five\n");
    console.watch_interrupt(true);
    EXPECT_FALSE(console.take_interrupt());
}

TEST_F(ConsoleTest, who_waits_for_room_hears_control_c_until_the_command_is_over) {
    port.is_full = true;
    port.type("\x03");
    console.write("not watched\n");
    EXPECT_FALSE(port.has_given_up);
    EXPECT_EQ(read_all(), "\x03");
    console.watch_interrupt(true);
    console.write("running\n");
    EXPECT_FALSE(port.has_given_up);
    port.type(std::string(Console::type_ahead_bytes, 'x') + "\x03");
    console.write("first look\n");
    console.write("second\n");
    EXPECT_TRUE(port.has_given_up);
    EXPECT_TRUE(console.take_interrupt());
    console.write("last words\n");
    EXPECT_TRUE(port.has_given_up);
    console.watch_interrupt(false);
    console.write("=> \n");
    EXPECT_FALSE(port.has_given_up);
    console.watch_interrupt(true);
    console.write("next\n");
    EXPECT_FALSE(port.has_given_up);
}

// A sender that never stops does not stop who looks.
TEST_F(ConsoleTest, a_look_ends) {
    console.watch_interrupt(true);
    port.type(std::string(3 * Console::type_ahead_bytes, '\n'));
    console.poll();
    EXPECT_EQ(port.input.size(), 2 * Console::type_ahead_bytes);
}

} // namespace
} // namespace vireo::system
