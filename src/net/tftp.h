// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"
#include "event/clock.h"
#include "net/address.h"

namespace vireo::net {

// Where a TFTP session's datagrams leave: a UDP socket, or a test.
class TftpPort {
  public:
    virtual void send(Bytes datagram, const IpAddress& to, u16 port) = 0;

  protected:
    ~TftpPort() = default;
};

struct TftpOptions {
    static constexpr u16 plain_block_bytes = 512; // what everybody has without asking
    static constexpr u16 most_block_bytes = 8968; // a frame of 9000 bytes
    u16 block_bytes = plain_block_bytes; // to ask for, at least 8; what fits the MTU with 4 bytes of header
    u16 window = 1;                      // blocks for each ACK, to ask for; at least 1
};

// One transfer by TFTP: RFC 1350 with the options of RFC 2347, 2348 (blksize), 2349 (tsize, timeout) and 7440
// (windowsize). A machine without sockets: datagrams and the time go in, datagrams go out. It sends again, less and less
// often, what is not answered, and fails when nothing new has come for `patience`.
class TftpSession {
  public:
    static constexpr event::Duration patience = event::Duration::seconds(10);
    static constexpr u16 request_port = 69;
    static constexpr usize max_name_bytes = 400;

    enum class State : u8 { Running, Done, Failed };
    struct Failure {
        enum class Kind : u8 {
            Refused,   // the server sent an error: `code` and `text` (any bytes)
            Silent,    // nothing new came for `patience`: worth one more try
            TooLarge,  // more than the memory takes; `announced` bytes if it said how many
            WrongSize, // it announced another size than it sent
            Protocol   // it broke the protocol: `what`
        };
        Kind kind;
        u16 code = 0;
        StringBuffer<128> text{};
        std::optional<u64> announced{};
        const char* what = "";
    };

    // Sends the request. `name` has at most max_name_bytes and no zero; it is kept by the caller.
    void start(event::Instant now);
    // `now` may be late by a few milliseconds.
    void datagram(Bytes payload, const IpAddress& from, u16 port, event::Instant now);
    // To be called when `wakes_at` has passed; earlier it does nothing.
    void tick(event::Instant now);
    event::Instant wakes_at() const;
    // Tells the server that we give up (Ctrl-C). Nothing else happens afterwards.
    void abandon();

    State state() const { return state_; }
    const Failure& failure() const { return failure_; } // only when Failed
    u64 bytes() const { return bytes_; }                // received, or acknowledged
    std::optional<u64> total() const { return total_; } // if it is known
    u32 timeouts() const {
        return timeouts_;
    } // how often something had to be sent again for want of an answer
    u16 block_bytes() const { return block_bytes_; } // as agreed
    u16 window() const { return window_; }

  protected:
    enum class Opcode : u16 { Read = 1, Write, Data, Ack, Error, OptionAck };
    enum class ErrorWord : u16 { DiskFull = 3, IllegalOperation = 4, UnknownTransfer = 5, BadOptions = 8 };

    // `answer`: what answers a request without options, DATA or ACK.
    TftpSession(TftpPort& port, const IpAddress& server, std::string_view name, const TftpOptions& wanted,
                Opcode answer)
        : port_(port), server_(server), name_(name), wanted_(wanted), answer_(answer) {}
    ~TftpSession() = default;

    // The first datagram, with the options (or, once a server refused them, without).
    virtual void send_request() = 0;
    // What the server is waiting for, again.
    virtual void resend() = 0;
    virtual void data(u16 block, Bytes content) = 0;
    virtual void acknowledged(u16 block) = 0;
    // The server's options have been checked and hold. Called once.
    virtual void options_agreed() = 0;

    void send_request(Opcode opcode, u64 size);
    void send(Bytes datagram);
    void send_ack(u16 block);
    void send_error(ErrorWord word, std::string_view text, const IpAddress& to, u16 port);
    // Something new came: the clocks of silence start anew.
    void note_progress();
    // The next answer tells how long the way to the server and back takes.
    void start_round_trip() { round_trip_start_ = now_; }
    bool was_silent_for_long() const {
        return now_ - last_sent_ >= event::Duration{interval_.microseconds / 2};
    }
    void fail_protocol(ErrorWord word, const char* what);
    void fail_too_large();
    void fail_wrong_size();
    void finish() { state_ = State::Done; }
    bool is_answered() const { return server_port_ != 0; }

    TftpPort& port_;
    event::Instant now_{};
    u16 block_bytes_ = TftpOptions::plain_block_bytes;
    u16 window_ = 1;
    u64 bytes_ = 0;
    std::optional<u64> total_;

  private:
    static constexpr event::Duration first_interval = event::Duration::seconds(1);
    static constexpr event::Duration shortest_interval = event::Duration::milli(100);
    static constexpr event::Duration longest_interval = event::Duration::seconds(2);
    static constexpr u32 max_answers_to_strangers = 16;

    void first_answer(Opcode opcode, Bytes body, u16 port);
    void option_ack(Bytes options);
    bool apply_option(std::string_view name, u64 value, u32& seen);
    void error_packet(Bytes body);
    void give_up(Failure::Kind kind);

    IpAddress server_;
    std::string_view name_;
    TftpOptions wanted_;
    const Opcode answer_;
    u16 server_port_ = 0; // the server's transfer id; 0 until it has answered
    bool asks_options_ = true;
    bool has_option_ack_ = false;
    State state_ = State::Running;
    Failure failure_{Failure::Kind::Silent};
    event::Instant last_sent_{};
    event::Instant last_progress_{};
    event::Duration round_trip_{}; // smoothed; 0: not known yet
    std::optional<event::Instant> round_trip_start_;
    event::Duration interval_ = first_interval; // until something is sent again
    u32 timeouts_ = 0;
    u32 answers_to_strangers_ = 0;
};

// Reads a file into `memory`, and never more than that.
class TftpReader final : public TftpSession {
  public:
    TftpReader(TftpPort& port, const IpAddress& server, std::string_view name, const TftpOptions& wanted,
               MutableBytes memory)
        : TftpSession(port, server, name, wanted, Opcode::Data), memory_(memory) {}

  private:
    void send_request() override { TftpSession::send_request(Opcode::Read, 0); }
    void resend() override;
    void data(u16 block, Bytes content) override;
    void acknowledged(u16) override {}
    void options_agreed() override;
    void acknowledge();
    void out_of_order(u16 ahead);

    MutableBytes memory_;
    u64 next_ = 1;         // number of the block that is expected, counted without end
    u64 acknowledged_ = 0; // the last block that was acknowledged
    u16 gap_ = 0;          // how far ahead the last block behind a gap was; 0: no gap
};

// Writes a file from `content`.
class TftpWriter final : public TftpSession {
  public:
    TftpWriter(TftpPort& port, const IpAddress& server, std::string_view name, const TftpOptions& wanted,
               Bytes content)
        : TftpSession(port, server, name, wanted, Opcode::Ack), content_(content) {
        total_ = content.size();
    }

  private:
    void send_request() override { TftpSession::send_request(Opcode::Write, content_.size()); }
    void resend() override { send_window(); }
    void data(u16, Bytes) override {}
    void acknowledged(u16 block) override;
    void options_agreed() override { send_window(); }
    void send_window();
    u64 last_block() const { return content_.size() / block_bytes_ + 1; }

    Bytes content_;
    u64 acknowledged_ = 0; // blocks that the server has
    u64 sent_ = 0;         // blocks that have been sent
    bool has_repeated_ =
        false; // the window was sent again because the server asked for it, without news since
    std::byte block_[4 + TftpOptions::most_block_bytes];
};

} // namespace vireo::net
