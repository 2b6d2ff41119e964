// SPDX-License-Identifier: Apache-2.0
#include "net/protocol/tftp_session.h"

#include "base/parse.h"
#include "net/protocol/words.h"

namespace vireo::net {

namespace {

// A datagram under construction. What does not fit is dropped; names are short enough that all does.
class Packet {
  public:
    void number(u16 value) {
        Be<u16> wire(value);
        put(&wire, sizeof(wire));
    }
    void text(std::string_view text) {
        put(text.data(), text.size());
        put("", 1);
    }
    void option(std::string_view name, u64 value) {
        StringBuffer<20> digits;
        print(digits, "{}", value);
        text(name);
        text(digits.view());
    }
    Bytes bytes() const { return {bytes_, used_}; }

  private:
    void put(const void* data, usize count) {
        count = std::min(count, sizeof(bytes_) - used_);
        std::memcpy(bytes_ + used_, data, count);
        used_ += count;
    }
    std::byte bytes_[512]; // as long as a server without options expects any datagram to be
    usize used_ = 0;
};

// Decimal digits only.
std::optional<u64> decimal(std::string_view text) {
    if (text.empty() || std::ranges::any_of(text, [](char c) { return c < '0' || c > '9'; }))
        return std::nullopt;
    auto number = parse_number(text, 10);
    return number ? std::optional(*number) : std::nullopt;
}

// Splits a text that ends in a zero off the front; nothing if there is no zero.
std::optional<std::string_view> take_text(Bytes& rest) {
    auto zero = std::ranges::find(rest, std::byte{0});
    if (zero == rest.end())
        return std::nullopt;
    usize length = static_cast<usize>(zero - rest.begin());
    auto text = as_text(rest.first(length));
    rest = rest.subspan(length + 1);
    return text;
}

} // namespace

void TftpSession::start(event::Instant now) {
    now_ = last_progress_ = now;
    if (wanted_.interval.microseconds != 0)
        interval_ = wanted_.interval;
    start_round_trip();
    send_request();
}

void TftpSession::send_request(Opcode opcode, u64 size) {
    Packet packet;
    packet.number(static_cast<u16>(opcode));
    packet.text(name_);
    packet.text("octet");
    if (asks_options_) {
        if (wanted_.block_bytes != TftpOptions::plain_block_bytes)
            packet.option("blksize", wanted_.block_bytes);
        packet.option("tsize", size);
        // In seconds: how long the server waits until it repeats what was lost. Most wait for
        // longer by themselves.
        packet.option("timeout", std::clamp<u64>(wanted_.interval.microseconds / 1'000'000, 1, 255));
        if (wanted_.window > 1)
            packet.option("windowsize", wanted_.window);
    }
    last_sent_ = now_;
    port_.send(packet.bytes(), server_, wanted_.request_port);
}

void TftpSession::send(Bytes datagram) {
    last_sent_ = now_;
    port_.send(datagram, server_, server_port_);
}

void TftpSession::send_ack(u16 block) {
    const Be<u16> words[] = {static_cast<u16>(Opcode::Ack), block};
    send(std::as_bytes(std::span(words)));
}

void TftpSession::send_error(ErrorWord word, std::string_view text, const IpAddress& to, u16 port) {
    Packet packet;
    packet.number(static_cast<u16>(Opcode::Error));
    packet.number(static_cast<u16>(word));
    packet.text(text);
    port_.send(packet.bytes(), to, port);
}

void TftpSession::abandon() {
    if (state_ == State::Running && is_answered())
        send_error(ErrorWord{0}, "interrupted", server_, server_port_);
    state_ = State::Failed;
}

void TftpSession::datagram(Bytes payload, const IpAddress& from, u16 port, event::Instant now) {
    auto word = read_struct<Be<u16>>(payload);
    if (state_ != State::Running || !word || port == 0)
        return;
    now_ = std::max(now_, now);
    auto opcode = static_cast<Opcode>(word->get());
    if (from != server_ || (is_answered() && port != server_port_))
        return stranger(opcode, from, port);
    Bytes body = payload.subspan(sizeof(*word));
    if (!is_answered())
        return first_answer(opcode, body, port);
    last_heard_ = now_;
    if (opcode == Opcode::Error) {
        if (read_error(body))
            give_up(Failure::Kind::Refused);
        return;
    }
    if (opcode == Opcode::OptionAck) {
        // Again: our answer was lost.
        if (has_option_ack_ && bytes_ == 0 && was_silent_for_long())
            resend();
        return;
    }
    auto block = read_struct<Be<u16>>(body);
    if (!block)
        return;
    if (opcode == Opcode::Data)
        data(*block, body.subspan(sizeof(*block)));
    else if (opcode == Opcode::Ack)
        acknowledged(*block);
}

// RFC 1350, section 4: told so, and otherwise without effect. A second answer to a request that the network
// doubled ends here. Errors are never answered with errors.
void TftpSession::stranger(Opcode opcode, const IpAddress& from, u16 port) {
    if (from != server_ && opcode >= Opcode::Data && opcode <= Opcode::OptionAck)
        failure_.stranger = from; // of a server with several addresses: whoever waits in vain wants to know
    if (opcode != Opcode::Error && answers_to_strangers_++ < max_answers_to_strangers)
        send_error(ErrorWord::UnknownTransfer, "unknown transfer", from, port);
}

// Which port an answer comes from is the server's choice. Only what can be an answer to the request settles
// it; a refusal does not.
void TftpSession::first_answer(Opcode opcode, Bytes body, u16 port) {
    auto number = read_struct<Be<u16>>(body);
    if (opcode == Opcode::Error) {
        if (!believes_refusal_at_ && read_error(body))
            believes_refusal_at_ = now_ + refusal_delay;
    } else if (opcode == Opcode::OptionAck && asks_options_) {
        answered_from(port);
        option_ack(body);
    } else if (opcode == answer_ && number && number->get() == (answer_ == Opcode::Data ? 1 : 0)) {
        answered_from(port);
        if (answer_ == Opcode::Data)
            data(1, body.subspan(sizeof(*number)));
        else
            acknowledged(0);
    }
}

void TftpSession::answered_from(u16 port) {
    server_port_ = port;
    last_heard_ = now_;
    believes_refusal_at_.reset();
    failure_.text.clear();
}

void TftpSession::option_ack(Bytes options) {
    // Everything in it must have been asked for, once, and be no more than that (RFC 2347, 2348, 7440).
    u32 seen = 0;
    while (!options.empty()) {
        Bytes rest = options;
        auto name = take_text(options);
        auto value = name ? take_text(options) : std::nullopt;
        if (!value)
            return fail_option(name.value_or(as_text(rest)), name ? as_text(options) : "", "cut off");
        if (const char* fault = apply_option(*name, *value, seen))
            return fail_option(*name, *value, fault);
    }
    has_option_ack_ = true;
    note_progress();
    options_agreed();
}

// What is wrong with it; nullptr if nothing is.
const char* TftpSession::apply_option(std::string_view name, std::string_view value, u32& seen) {
    constexpr std::string_view names[] = {"blksize", "windowsize", "timeout", "tsize"};
    auto known = std::ranges::find_if(names, [&](auto each) { return is_same_word(each, name); });
    if (known == std::end(names))
        return "not asked for";
    u32 bit = u32{1} << (known - std::begin(names));
    if ((std::exchange(seen, seen | bit) & bit) != 0)
        return "given twice";
    if (*known == "timeout")
        return nullptr; // when the server sends again is its own affair
    if (*known == "tsize")
        return apply_size(value);
    bool is_block = *known == "blksize";
    auto number = decimal(value);
    if (!number)
        return "not a number";
    if (*number < (is_block ? 8 : 1))
        return is_block ? "less than 8" : "less than 1";
    if (*number > (is_block ? wanted_.block_bytes : wanted_.window))
        return "more than was asked for";
    (is_block ? block_bytes_ : window_) = static_cast<u16>(*number);
    return nullptr;
}

// A server that does not know the size may say 0, and what is no size says as little. When we write, it only
// repeats what we said.
const char* TftpSession::apply_size(std::string_view value) {
    auto number = decimal(value);
    if (!number && !value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos)
        return "more than any file has";
    if (number && *number > 0 && !total_)
        total_ = number;
    return nullptr;
}

void TftpSession::fail_option(std::string_view name, std::string_view value, const char* what) {
    failure_.text.clear();
    print(failure_.text, "{}={}", name, value);
    failure_.what = what;
    send_error(ErrorWord::BadOptions, what, server_, server_port_);
    give_up(Failure::Kind::Option);
}

// True if it is one.
bool TftpSession::read_error(Bytes body) {
    auto code = read_struct<Be<u16>>(body);
    if (!code)
        return false;
    failure_.code = *code;
    Bytes text = body.subspan(sizeof(*code));
    auto whole = take_text(text);
    failure_.text.clear();
    failure_.text.write(whole ? *whole : as_text(body.subspan(sizeof(*code))));
    return true;
}

void TftpSession::believe_refusal() {
    believes_refusal_at_.reset();
    if (!asks_options_ || failure_.code != static_cast<u16>(ErrorWord::BadOptions))
        return give_up(Failure::Kind::Refused);
    asks_options_ = false; // without them, then
    note_progress();
    send_request();
}

void TftpSession::note_progress() {
    last_progress_ = now_;
    if (round_trip_start_) {
        event::Duration sample = now_ - *std::exchange(round_trip_start_, std::nullopt);
        round_trip_ = round_trip_.microseconds == 0
                          ? sample
                          : event::Duration{(7 * round_trip_.microseconds + sample.microseconds) / 8};
    }
    if (wanted_.interval.microseconds != 0)
        return;
    interval_ = round_trip_.microseconds == 0 ? first_interval
                                              : std::clamp(event::Duration{4 * round_trip_.microseconds},
                                                           shortest_interval, longest_interval);
}

event::Instant TftpSession::wakes_at() const {
    event::Instant repeats_at = std::max(last_sent_, last_progress_) + interval_;
    return believes_refusal_at_ ? std::min(repeats_at, *believes_refusal_at_) : repeats_at;
}

void TftpSession::tick(event::Instant now) {
    if (state_ != State::Running || now < wakes_at())
        return;
    now_ = now;
    if (believes_refusal_at_ && now >= *believes_refusal_at_)
        return believe_refusal();
    ++timeouts_;
    if (wanted_.interval.microseconds == 0)
        interval_ = std::min(event::Duration{2 * interval_.microseconds}, longest_interval);
    round_trip_start_.reset(); // which of the two is answered cannot be told
    if (is_answered())
        resend();
    else
        send_request();
}

void TftpSession::lose_patience(std::optional<u64> rate) {
    if (state_ != State::Running)
        return;
    if (is_answered())
        send_error(ErrorWord{0}, rate ? "too slow" : "nothing new for too long", server_, server_port_);
    failure_.block = next_block();
    failure_.rate = rate.value_or(0);
    if (rate)
        return give_up(Failure::Kind::TooSlow);
    bool repeats_itself = last_heard_ && *last_heard_ > last_progress_ && now_ - *last_heard_ < lately;
    give_up(repeats_itself ? Failure::Kind::Stuck : Failure::Kind::Silent);
}

void TftpSession::give_up(Failure::Kind kind) {
    failure_.kind = kind;
    state_ = State::Failed;
}

void TftpSession::fail_protocol(ErrorWord word, const char* what) {
    failure_.what = what;
    send_error(word, what, server_, server_port_);
    give_up(Failure::Kind::Protocol);
}

// With an error that is none: nothing else ends a transfer before its last block.
void TftpSession::stop_early() {
    send_error(ErrorWord{0}, "that is enough", server_, server_port_);
    finish();
}

void TftpSession::fail_too_large() {
    failure_.announced = total_;
    send_error(ErrorWord::DiskFull, "no memory for so much", server_, server_port_);
    give_up(Failure::Kind::TooLarge);
}

void TftpSession::fail_wrong_size() {
    failure_.announced = total_;
    give_up(Failure::Kind::WrongSize);
}

} // namespace vireo::net
