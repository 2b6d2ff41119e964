// SPDX-License-Identifier: Apache-2.0
#include "net/tftp.h"

#include "base/bulk_copy.h"
#include "base/parse.h"
#include "net/words.h"

namespace vireo::net {

namespace {

constexpr usize header_bytes = 4;

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
        // In seconds: how long the server waits until it repeats what was lost. Most wait for longer by themselves.
        packet.option("timeout", 1);
        if (wanted_.window > 1)
            packet.option("windowsize", wanted_.window);
    }
    last_sent_ = now_;
    port_.send(packet.bytes(), server_, request_port);
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
    if (state_ != State::Running || !word)
        return;
    now_ = std::max(now_, now);
    auto opcode = static_cast<Opcode>(word->get());
    if (from != server_ || (is_answered() && port != server_port_)) {
        // RFC 1350, section 4: told so, and otherwise without effect. A second answer to a request that the network
        // doubled ends here. Errors are never answered with errors.
        if (opcode != Opcode::Error && answers_to_strangers_++ < max_answers_to_strangers)
            send_error(ErrorWord::UnknownTransfer, "unknown transfer", from, port);
        return;
    }
    Bytes body = payload.subspan(sizeof(*word));
    if (!is_answered()) {
        first_answer(opcode, body, port);
        return;
    }
    if (opcode == Opcode::Error)
        return error_packet(body);
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

// Which port an answer comes from is the server's choice. Only what can be an answer to the request settles it.
void TftpSession::first_answer(Opcode opcode, Bytes body, u16 port) {
    auto number = read_struct<Be<u16>>(body);
    if (opcode == Opcode::Error) {
        error_packet(body);
    } else if (opcode == Opcode::OptionAck && asks_options_) {
        server_port_ = port;
        option_ack(body);
    } else if (opcode == answer_ && number && number->get() == (answer_ == Opcode::Data ? 1 : 0)) {
        server_port_ = port;
        if (answer_ == Opcode::Data)
            data(1, body.subspan(sizeof(*number)));
        else
            acknowledged(0);
    }
}

void TftpSession::option_ack(Bytes options) {
    // Everything in it must have been asked for, once, and be no more than that (RFC 2347, 2348, 7440).
    u32 seen = 0;
    while (!options.empty()) {
        auto name = take_text(options);
        auto value = name ? take_text(options) : std::nullopt;
        auto number = value ? decimal(*value) : std::nullopt;
        if (!number || !apply_option(*name, *number, seen))
            return fail_protocol(ErrorWord::BadOptions, "options that were not asked for");
    }
    has_option_ack_ = true;
    note_progress();
    options_agreed();
}

bool TftpSession::apply_option(std::string_view name, u64 value, u32& seen) {
    constexpr std::string_view names[] = {"blksize", "windowsize", "timeout", "tsize"};
    auto known = std::ranges::find_if(names, [&](auto each) { return is_same_word(each, name); });
    u32 bit = u32{1} << (known - std::begin(names));
    if (known == std::end(names) || (seen & bit) != 0)
        return false;
    seen |= bit;
    if (*known == "blksize") {
        block_bytes_ = static_cast<u16>(value);
        return value >= 8 && value <= wanted_.block_bytes;
    }
    if (*known == "windowsize") {
        window_ = static_cast<u16>(value);
        return value >= 1 && value <= wanted_.window;
    }
    // A server that does not know the size may say 0. When we write, it only repeats what we said.
    if (*known == "tsize" && value > 0 && !total_)
        total_ = value;
    return *known == "tsize" || value == 1;
}

void TftpSession::error_packet(Bytes body) {
    auto code = read_struct<Be<u16>>(body);
    if (!code)
        return;
    if (!is_answered() && asks_options_ && code->get() == static_cast<u16>(ErrorWord::BadOptions)) {
        asks_options_ = false; // without them, then
        note_progress();
        return send_request();
    }
    failure_.code = *code;
    Bytes text = body.subspan(sizeof(*code));
    auto whole = take_text(text);
    failure_.text.write(whole ? *whole : as_text(body.subspan(sizeof(*code))));
    give_up(Failure::Kind::Refused);
}

void TftpSession::note_progress() {
    last_progress_ = now_;
    if (round_trip_start_) {
        event::Duration sample = now_ - *std::exchange(round_trip_start_, std::nullopt);
        round_trip_ = round_trip_.microseconds == 0
                          ? sample
                          : event::Duration{(7 * round_trip_.microseconds + sample.microseconds) / 8};
    }
    interval_ = round_trip_.microseconds == 0 ? first_interval
                                              : std::clamp(event::Duration{4 * round_trip_.microseconds},
                                                           shortest_interval, longest_interval);
}

event::Instant TftpSession::wakes_at() const {
    return std::min(std::max(last_sent_, last_progress_) + interval_, last_progress_ + patience);
}

void TftpSession::tick(event::Instant now) {
    if (state_ != State::Running || now < wakes_at())
        return;
    now_ = now;
    ++timeouts_;
    if (now >= last_progress_ + patience)
        return give_up(Failure::Kind::Silent);
    interval_ = std::min(event::Duration{2 * interval_.microseconds}, longest_interval);
    round_trip_start_.reset(); // which of the two is answered cannot be told
    if (is_answered())
        resend();
    else
        send_request();
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

void TftpSession::fail_too_large() {
    failure_.announced = total_;
    send_error(ErrorWord::DiskFull, "no memory for so much", server_, server_port_);
    give_up(Failure::Kind::TooLarge);
}

void TftpSession::fail_wrong_size() {
    failure_.announced = total_;
    give_up(Failure::Kind::WrongSize);
}

void TftpReader::options_agreed() {
    if (total_ && *total_ > memory_.size())
        return fail_too_large();
    acknowledge();
}

void TftpReader::acknowledge() {
    acknowledged_ = next_ - 1;
    start_round_trip();
    send_ack(static_cast<u16>(acknowledged_));
}

void TftpReader::resend() {
    acknowledged_ = next_ - 1; // the server goes on behind it
    gap_ = 0;
    send_ack(static_cast<u16>(acknowledged_));
}

// A block that is not the next one: `ahead` blocks behind it, as far as 16 bits tell.
void TftpReader::out_of_order(u16 ahead) {
    if (ahead >= window_) {
        // An old one. The server did not hear our last word, unless the network only doubled its own.
        if (was_silent_for_long())
            resend();
        return;
    }
    // One was lost; told once for each time that the server goes through the window (RFC 7440, section 4).
    u16 last = std::exchange(gap_, ahead);
    if (last == 0 || ahead <= last) {
        resend();
        gap_ = ahead;
    }
}

void TftpReader::data(u16 block, Bytes content) {
    if (content.size() > block_bytes_)
        return fail_protocol(ErrorWord::IllegalOperation, "a block that is larger than agreed");
    if (auto ahead = static_cast<u16>(block - static_cast<u16>(next_)); ahead != 0)
        return out_of_order(ahead);
    gap_ = 0;
    // `bytes_` never exceeds the memory: blocks before this one went through here.
    if (content.size() > memory_.size() - bytes_)
        return fail_too_large();
    if (!content.empty())
        bulk_copy(memory_.data() + bytes_, content);
    bytes_ += content.size();
    ++next_;
    note_progress();
    bool is_last = content.size() < block_bytes_;
    if (is_last || next_ - 1 - acknowledged_ >= window_)
        acknowledge();
    if (!is_last)
        return;
    if (total_ && *total_ != bytes_)
        return fail_wrong_size();
    finish();
}

void TftpWriter::send_window() {
    u64 end = std::min(acknowledged_ + window_, last_block());
    for (u64 number = acknowledged_ + 1; number <= end; ++number) {
        const Be<u16> header[] = {static_cast<u16>(Opcode::Data), static_cast<u16>(number)};
        static_assert(sizeof(header) == header_bytes);
        usize start = static_cast<usize>((number - 1) * block_bytes_);
        usize bytes = std::min<usize>(block_bytes_, content_.size() - start);
        std::memcpy(block_, header, header_bytes);
        if (bytes > 0)
            std::memcpy(block_ + header_bytes, content_.data() + start, bytes);
        send({block_, header_bytes + bytes});
    }
    sent_ = end;
}

void TftpWriter::acknowledged(u16 block) {
    auto more = static_cast<u16>(block - static_cast<u16>(acknowledged_));
    if (more > sent_ - acknowledged_)
        return; // an old one
    if (more == 0 && sent_ != 0) {
        // In a window: the first block of it was lost. Without one it means nothing (RFC 1123, section 4.2.3.1: whoever
        // answers it sends everything twice from then on).
        if (window_ > 1 && !std::exchange(has_repeated_, true))
            send_window();
        return;
    }
    has_repeated_ = false;
    acknowledged_ += more;
    bytes_ = std::min<u64>(acknowledged_ * block_bytes_, content_.size());
    note_progress();
    if (acknowledged_ == last_block())
        return finish();
    start_round_trip();
    send_window();
}

} // namespace vireo::net
