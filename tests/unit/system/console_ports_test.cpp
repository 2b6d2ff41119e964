// SPDX-License-Identifier: Apache-2.0
// The console over more than one port.
#include "system/console.h"

#include <deque>
#include <gtest/gtest.h>
#include <string>

namespace vireo::system {
namespace {

using Stream = Console::Stream;

class Port final : public ConsolePort {
  public:
    void send(std::string_view bytes, Waiter* waiter) override {
        ++bursts;
        // As those with a FIFO do it: a wait with a bound, then what found no room is dropped and counted.
        for (int look = 0; is_full && look < 3; ++look)
            if (waiter && waiter->gives_up()) {
                ++given_up;
                break;
            }
        (is_full ? dropped : sent) += bytes;
    }
    std::optional<u8> receive() override {
        ++looks;
        if (input.empty())
            return std::nullopt;
        char byte = input.front();
        input.pop_front();
        return static_cast<u8>(byte);
    }
    bool is_usable() const override {
        ++asked;
        return !is_broken;
    }
    void type(std::string_view text) { input.insert(input.end(), text.begin(), text.end()); }
    std::string take_sent() { return std::exchange(sent, {}); }

    std::string sent;
    std::string dropped;
    unsigned bursts = 0;
    unsigned looks = 0;
    mutable unsigned asked = 0;
    unsigned given_up = 0;
    bool is_full = false;
    bool is_broken = false;
    std::deque<char> input;
};

class ConsolePorts : public testing::Test {
  protected:
    ConsolePorts() { VIREO_MUST(console.add("virtio", other)); }
    void choose(Stream stream, std::string_view names) {
        EXPECT_TRUE(console.choose(stream, names)) << names;
    }
    void use_both() {
        for (Stream stream : {Stream::Input, Stream::Output, Stream::Errors})
            choose(stream, "serial,virtio");
    }
    std::string read_all() {
        std::string text;
        while (auto byte = console.read())
            text.push_back(static_cast<char>(*byte));
        return text;
    }
    Port serial;
    Port other;
    Console console{serial};
};

TEST_F(ConsolePorts, a_port_that_is_not_chosen_is_left_alone) {
    other.type("x");
    serial.type("y");
    console.write("text\n");
    EXPECT_EQ(read_all(), "y");
    EXPECT_EQ(serial.sent, "text\r\n");
    EXPECT_EQ(serial.bursts, 1u);
    EXPECT_EQ(other.bursts + other.looks + other.asked, 0u);
    EXPECT_EQ(serial.asked, 0u);
}

TEST_F(ConsolePorts, output_goes_to_each_port_of_the_list_once) {
    choose(Stream::Output, "virtio,serial,virtio");
    console.write("one\n");
    EXPECT_EQ(serial.take_sent(), "one\r\n");
    EXPECT_EQ(other.take_sent(), "one\r\n");
    choose(Stream::Output, "virtio");
    console.write("two\n");
    EXPECT_EQ(serial.take_sent(), "");
    EXPECT_EQ(other.take_sent(), "two\r\n");
    choose(Stream::Output, "serial");
    console.write("three\n");
    EXPECT_EQ(serial.take_sent(), "three\r\n");
    EXPECT_EQ(other.take_sent(), "");
}

TEST_F(ConsolePorts, what_was_written_before_a_change_is_for_the_old_list) {
    console.write("before ");
    choose(Stream::Output, "virtio");
    console.write("after");
    console.flush();
    EXPECT_EQ(serial.sent, "before ");
    EXPECT_EQ(other.sent, "after");
    console.write(" and");
    choose(Stream::Output, "virtio"); // the same: no reason to cut a burst
    console.write(" on\n");
    EXPECT_EQ(other.sent, "after and on\r\n");
    EXPECT_EQ(other.bursts, 2u);
}

TEST_F(ConsolePorts, input_comes_from_any_port_of_the_list) {
    use_both();
    serial.type("a");
    other.type("b");
    EXPECT_EQ(read_all(), "ab");
    other.type("c");
    EXPECT_EQ(read_all(), "c");
    choose(Stream::Input, "virtio");
    serial.type("d");
    other.type("e");
    EXPECT_EQ(read_all(), "e");
    choose(Stream::Input, "serial");
    EXPECT_EQ(read_all(), "d"); // it had stayed in its port
}

TEST_F(ConsolePorts, cr_and_lf_are_one_line_end_only_from_one_port) {
    use_both();
    serial.type("a\r");
    EXPECT_EQ(read_all(), "a\n");
    other.type("\n");
    EXPECT_EQ(read_all(), "\n");
    serial.type("\nb");
    EXPECT_EQ(read_all(), "b");
}

TEST_F(ConsolePorts, control_c_at_any_port_interrupts) {
    use_both();
    for (Port* port : {&serial, &other}) {
        console.watch_interrupt(true);
        serial.type("before");
        console.poll();
        port->type("\x03");
        console.poll();
        EXPECT_TRUE(console.take_interrupt());
        EXPECT_EQ(read_all(), "");
        console.watch_interrupt(false);
    }
}

TEST_F(ConsolePorts, control_c_is_seen_behind_a_flood_at_another_port) {
    use_both();
    for (auto [flooded, port] : {std::pair(&serial, &other), std::pair(&other, &serial)}) {
        console.watch_interrupt(true);
        flooded->type(std::string(3 * Console::type_ahead_bytes, '\n'));
        console.poll();
        port->type("\x03");
        console.poll();
        EXPECT_TRUE(console.take_interrupt());
        console.watch_interrupt(false);
        flooded->input.clear();
        (void)read_all();
        (void)console.take_dropped();
    }
}

// Between commands nothing is read on: the one whose input fills the buffer waits for the other's turn.
TEST_F(ConsolePorts, a_flood_at_one_port_does_not_silence_another) {
    use_both();
    for (auto [flooded, port] : {std::pair(&serial, &other), std::pair(&other, &serial)}) {
        flooded->type(std::string(2 * Console::type_ahead_bytes, '\n'));
        console.glance();
        port->type("\x03");
        for (int bytes = 0; bytes < 2; ++bytes) {
            EXPECT_EQ(console.read(), u8{'\n'});
            console.glance();
        }
        EXPECT_TRUE(port->input.empty());
        console.watch_interrupt(true);
        EXPECT_TRUE(console.take_interrupt());
        console.watch_interrupt(false);
        flooded->input.clear();
        (void)read_all();
    }
    EXPECT_EQ(console.dropped(), 0u);
}

TEST_F(ConsolePorts, a_port_that_is_full_does_not_stop_the_others) {
    use_both();
    other.is_full = true;
    console.write("one\n");
    EXPECT_EQ(serial.take_sent(), "one\r\n");
    EXPECT_EQ(other.dropped, "one\r\n"); // offered as a whole: the port has it to tell of
    serial.is_full = true;
    other.is_full = false;
    console.write("two\n");
    EXPECT_EQ(other.take_sent(), "two\r\n");
    EXPECT_EQ(serial.dropped, "two\r\n");
}

TEST_F(ConsolePorts, who_waits_for_a_full_port_hears_control_c_of_another) {
    use_both();
    console.watch_interrupt(true);
    other.is_full = true;
    console.write("one\n");
    EXPECT_EQ(other.given_up, 0u);
    serial.type("\x03");
    console.write("two\n");
    EXPECT_EQ(other.given_up, 1u);
    EXPECT_EQ(serial.sent, "one\r\ntwo\r\n");
}

TEST_F(ConsolePorts, a_broken_port_is_done_without_until_it_works_again) {
    use_both();
    other.is_broken = true;
    other.type("x");
    serial.type("y");
    console.write("one\n");
    EXPECT_EQ(read_all(), "y");
    EXPECT_EQ(serial.take_sent(), "one\r\n");
    EXPECT_EQ(other.bursts + other.looks, 0u);
    other.is_broken = false;
    console.write("two\n");
    EXPECT_EQ(read_all(), "x");
    EXPECT_EQ(other.take_sent(), "two\r\n");
}

TEST_F(ConsolePorts, where_no_chosen_port_works_it_is_the_serial_one) {
    for (Stream stream : {Stream::Input, Stream::Output, Stream::Errors})
        choose(stream, "virtio");
    other.is_broken = true;
    console.write("lost?\n");
    EXPECT_EQ(serial.take_sent(), "lost?\r\n");
    console.watch_interrupt(true);
    serial.type("\x03y");
    console.poll();
    EXPECT_TRUE(console.take_interrupt());
    EXPECT_EQ(read_all(), "y");
    other.is_broken = false;
    console.write("back\n");
    EXPECT_EQ(serial.take_sent(), "");
    EXPECT_EQ(other.take_sent(), "back\r\n");
}

TEST_F(ConsolePorts, errors_go_to_their_list_and_to_the_serial_port_in_order) {
    console.write("a");
    console.errors().write("warning\n");
    EXPECT_EQ(serial.take_sent(), "awarning\r\n");
    EXPECT_EQ(serial.bursts, 1u); // one list: nothing is cut
    choose(Stream::Output, "virtio");
    console.write("b");
    console.errors().write("warning\n");
    console.write("c\n");
    EXPECT_EQ(serial.take_sent(), "warning\r\n");
    EXPECT_EQ(other.take_sent(), "bc\r\n");
    choose(Stream::Errors, "virtio");
    console.write("d");
    console.errors().write("warning\n");
    EXPECT_EQ(serial.take_sent(), "warning\r\n");
    EXPECT_EQ(other.take_sent(), "dwarning\r\n");
    console.set_quiet(true);
    console.errors().write("never\n");
    EXPECT_EQ(serial.take_sent() + other.take_sent(), "");
}

TEST_F(ConsolePorts, a_list_that_names_no_port_changes_nothing) {
    choose(Stream::Output, "virtio");
    for (std::string_view names :
         {"", ",", "lcd", "virtio,lcd", "virtio,,serial", " virtio", "Virtio", "virti"}) {
        EXPECT_FALSE(console.knows(names)) << names;
        auto chosen = console.choose(Stream::Output, names);
        ASSERT_FALSE(chosen) << names;
        EXPECT_EQ(chosen.error().code, ErrorCode::NotFound);
    }
    console.write("text\n");
    EXPECT_EQ(other.sent, "text\r\n");
    EXPECT_EQ(serial.sent, "");
}

TEST_F(ConsolePorts, one_port_too_many_is_refused) {
    constexpr std::string_view names[] = {"2", "3", "4", "5", "6", "7"};
    Port more[std::size(names)];
    for (usize i = 0; i < std::size(names); ++i)
        EXPECT_TRUE(console.add(names[i], more[i]));
    Port last;
    auto added = console.add("last", last);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, ErrorCode::TooLarge);
    EXPECT_FALSE(console.knows("last"));
    choose(Stream::Output, "7,2");
    console.write("text\n");
    EXPECT_EQ(more[0].sent + more[5].sent, "text\r\ntext\r\n");
    choose(Stream::Input, "3,5,7");
    for (usize i : {5u, 3u, 1u, 0u})
        more[i].type(names[i]);
    EXPECT_EQ(read_all(), "357");
    StringBuffer<80> list;
    console.print_port_names(list);
    EXPECT_EQ(list.view(), "'serial', 'virtio', '2', '3', '4', '5', '6', '7'");
}

} // namespace
} // namespace vireo::system
