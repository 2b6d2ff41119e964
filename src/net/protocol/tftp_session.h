// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"
#include "base/format.h"
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
    u16 request_port = 69;               // where the request goes
    // How long until something is sent again; 0: as long as the network seems to need.
    event::Duration interval{};
};

// One transfer by TFTP: RFC 1350 with the options of RFC 2347, 2348 (blksize), 2349 (tsize, timeout) and 7440
// (windowsize). A machine without sockets: datagrams and the time go in, datagrams go out. It sends again,
// less and less often, what is not answered; whoever runs it has the patience, and ends it (`lose_patience`).
class TftpSession {
  public:
    static constexpr usize max_name_bytes = 400;
    // A refusal is believed after this long. Whoever answers for the server, and is quicker, can so refuse
    // nothing: the real answer comes meanwhile, and counts.
    static constexpr event::Duration refusal_delay = event::Duration::milli(100);

    enum class State : u8 { Running, Done, Failed };
    struct Failure {
        enum class Kind : u8 {
            Refused, // the server sent an error: `code` and `text` (any bytes)
            // nothing came: worth one more try; from `stranger` if that has sent what looks like an answer
            Silent,
            Stuck,     // the server answers, but what comes is not `block`, the next one
            TooSlow,   // new blocks come, but only `rate` bytes a second
            TooLarge,  // more than the memory takes; `announced` bytes if it said how many
            WrongSize, // it announced another size than it sent
            Option,    // it answered with the option `text` ("blksize=9"; any bytes): `what`
            Protocol   // it broke the protocol: it sent `what`
        };
        Kind kind;
        u16 code = 0;
        StringBuffer<128> text{};
        std::optional<u64> announced{};
        const char* what = "";
        u64 block = 0;
        u64 rate = 0;
        IpAddress stranger{};
    };

    // Sends the request. `name` has at most max_name_bytes and no zero; it is kept by the caller.
    void start(event::Instant now);
    // `now` may be late by a few milliseconds.
    void datagram(Bytes payload, const IpAddress& from, u16 port, event::Instant now);
    // To be called when `wakes_at` has passed; earlier it does nothing.
    void tick(event::Instant now);
    event::Instant wakes_at() const;
    // Nothing new has come for too long; or, with `rate`, so many bytes a second, which is too
    // few. The server is told.
    void lose_patience(std::optional<u64> rate);
    // Tells the server that we give up (Ctrl-C). Nothing else happens afterwards.
    void abandon();

    State state() const { return state_; }
    const Failure& failure() const { return failure_; } // only when Failed
    u64 bytes() const { return bytes_; }                // received, or acknowledged
    std::optional<u64> total() const { return total_; } // if it is known
    // What grows with all that is new: the bytes, and the first answer.
    u64 progress() const { return bytes_ + (is_answered() ? 1 : 0); }
    // How often something had to be sent again for want of an answer.
    u32 timeouts() const { return timeouts_; }
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
    // The block that would come, or be taken, next.
    virtual u64 next_block() const = 0;

    void send_request(Opcode opcode, u64 size);
    void send(Bytes datagram);
    void send_ack(u16 block);
    void send_error(ErrorWord word, std::string_view text, const IpAddress& to, u16 port);
    // Something new came: the clocks of repetition start anew.
    void note_progress();
    // The next answer tells how long the way to the server and back takes.
    void start_round_trip() { round_trip_start_ = now_; }
    bool was_silent_for_long() const {
        return now_ - last_sent_ >= event::Duration{interval_.microseconds / 2};
    }
    void fail_protocol(ErrorWord word, const char* what);
    void fail_too_large();
    void fail_wrong_size();
    // What is wanted has come; the rest of the file is not.
    void stop_early();
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
    // The server repeats itself at least this often, if it does.
    static constexpr event::Duration lately = event::Duration::seconds(6);
    static constexpr u32 max_answers_to_strangers = 16;

    void stranger(Opcode opcode, const IpAddress& from, u16 port);
    void first_answer(Opcode opcode, Bytes body, u16 port);
    void answered_from(u16 port);
    void option_ack(Bytes options);
    const char* apply_option(std::string_view name, std::string_view value, u32& seen);
    const char* apply_size(std::string_view value);
    void fail_option(std::string_view name, std::string_view value, const char* what);
    bool read_error(Bytes body);
    void believe_refusal();
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
    std::optional<event::Instant> believes_refusal_at_; // failure_ has what it said
    event::Instant last_sent_{};
    event::Instant last_progress_{};
    std::optional<event::Instant> last_heard_; // anything, from the server's port
    event::Duration round_trip_{};             // smoothed; 0: not known yet
    std::optional<event::Instant> round_trip_start_;
    event::Duration interval_ = first_interval; // until something is sent again
    u32 timeouts_ = 0;
    u32 answers_to_strangers_ = 0;
};

} // namespace vireo::net
