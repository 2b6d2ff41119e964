// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "unit/net/stack/peer.h"
#include "unit/shell/fixture.h"

namespace vireo::test {

using namespace std::string_literals;
using event::Duration;

inline Octets octets(std::string_view text) { return Octets(text.begin(), text.end()); }
inline std::string text_of(const Octets& bytes) { return std::string(bytes.begin(), bytes.end()); }
inline std::string u16_of(unsigned value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

class NetCommands : public ShellTest {
  protected:
    NetCommands() {
        VIREO_MUST(registry.net.add(card));
        peer.on_datagram = [this](u32, u16 from, u16 to, const Octets& message) {
            tftp(from, to, text_of(message));
        };
        peer.on_segment = [this](const Tcp& segment) { http(segment); };
        run("setenv ipaddr 10.0.2.15; setenv netmask 255.255.255.0; setenv serverip 10.0.2.2");
    }
    ~NetCommands() {
        EXPECT_EQ(network.card(), nullptr) << "a command left the network open";
        EXPECT_EQ(card.held(), 0u);
    }

    // A TFTP server that knows no options: blocks of 512, one at a time.
    void tftp(u16 from, u16 to, const std::string& message) {
        unsigned opcode = static_cast<u8>(message.at(1));
        auto answer = [&](const std::string& text, u16 port) {
            peer.send_datagram(port, from, octets(text));
        };
        if (to == 69) {
            requests.push_back(message.substr(2, message.find('\0', 2) - 2));
            if (!files.contains(requests.back()) && opcode == 1)
                return answer("\0\5\0\1"s + refusal + "\0"s, 2000);
            sends = files[requests.back()];
            received.clear();
            if (is_silent)
                return;
            return opcode == 2 ? answer("\0\4\0\0"s, 2000) : answer("\0\3\0\1"s + sends.substr(0, 512), 2000);
        }
        was_told = opcode == 5;
        unsigned number = static_cast<u8>(message.at(2)) << 8 | static_cast<u8>(message.at(3));
        if (opcode == 3) {
            received += message.substr(4);
            answer("\0\4"s + u16_of(number), 2000);
        }
        if (opcode == 4 && number <= sends.size() / 512 && number < stalls_after)
            answer("\0\3"s + u16_of(number + 1) + sends.substr(usize{number} * 512, 512), 2000);
    }
    // An HTTP server: each connection gets the next answer, and its end.
    void http(const Tcp& segment) {
        Tcp reply{.from = segment.to, .to = segment.from, .sequence = next_sequence, .flags = Tcp::Ack};
        if (segment.flags & Tcp::Syn) {
            heard.clear();
            http_client = segment.from;
            next_sequence = 1000;
            reply = {.from = segment.to,
                     .to = segment.from,
                     .sequence = next_sequence++,
                     .acknowledged = segment.sequence + 1,
                     .flags = Tcp::Syn | Tcp::Ack};
            if (answers.empty())
                reply.flags = Tcp::Rst | Tcp::Ack;
            return peer.send_segment(reply);
        }
        heard += text_of(segment.payload);
        reply.acknowledged = segment.sequence + static_cast<u32>(segment.payload.size());
        if (segment.payload.empty() || !heard.ends_with("\r\n\r\n") || answers.empty())
            return;
        http_requests.push_back(heard);
        std::string answer = answers.front();
        answers.pop_front();
        if (answer_delay == Duration{})
            return send_answer(reply, answer);
        peer.send_segment(reply); // the request has arrived
        hosted::schedule(answer_delay.microseconds * hosted::microsecond,
                         [this, reply, answer] { send_answer(reply, answer); });
    }
    void send_answer(Tcp reply, const std::string& answer) {
        for (usize at = 0; at < answer.size(); at += 1000) {
            reply.payload = octets(std::string_view(answer).substr(at, 1000));
            reply.sequence = next_sequence;
            next_sequence += static_cast<u32>(reply.payload.size());
            peer.send_segment(reply);
        }
        trickle(reply);
        if (!stays_open) {
            reply.payload.clear();
            reply.sequence = next_sequence++;
            reply.flags |= Tcp::Fin;
            peer.send_segment(reply);
        }
    }
    // Text after text, for ever, as long as the client has not come anew.
    void trickle(Tcp segment) {
        if (trickle_interval == Duration{})
            return;
        hosted::schedule(trickle_interval.microseconds * hosted::microsecond, [this, segment]() mutable {
            if (segment.to != http_client)
                return;
            segment.payload = octets(trickle_text);
            segment.sequence = next_sequence;
            next_sequence += static_cast<u32>(segment.payload.size());
            peer.send_segment(segment);
            if (++trickled < 100'000)
                trickle(segment);
        });
    }
    std::string memory_text(u64 address, usize bytes) {
        return {reinterpret_cast<const char*>(machine.memory(address)), bytes};
    }
    std::string variable(std::string_view name) {
        return std::string(context->environment.get(name).value_or("(none)"));
    }
    // The rate depends on the clock of the test.
    static std::string without_rate(std::string output) {
        for (usize at = 0; (at = output.find("\n\t ", at)) != output.npos; ++at)
            output.replace(at + 3, output.find("/s\n", at) - at - 3, "RATE");
        return output;
    }

    FakeCard card{loop};
    OtherHost peer{card};
    std::map<std::string, std::string> files;
    std::vector<std::string> requests, http_requests;
    std::deque<std::string> answers;
    std::string sends, received, heard;
    std::string refusal = "File not\x1b found";
    unsigned stalls_after = ~0u;
    bool is_silent = false;
    bool was_told = false; // that the client gives up
    bool stays_open = false;
    Duration answer_delay{};
    Duration trickle_interval{}; // after an answer by HTTP
    std::string trickle_text = "x";
    unsigned trickled = 0;
    u16 http_client = 0; // its port
    u32 next_sequence = 0;
};

inline constexpr const char* way =
    "Using fake#0 device\nTFTP from server 10.0.2.2; our IP address is 10.0.2.15\n";

} // namespace vireo::test
