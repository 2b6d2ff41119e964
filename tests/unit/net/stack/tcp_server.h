// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "unit/net/stack/peer.h"

namespace vireo::test {

// A TCP server on one port that sends a stream to whoever asks, written from RFC 9293: window
// scaling, cumulative acknowledgements, retransmission on three duplicates or a timeout. Its segments
// pass the peer's `spoil`.
class TcpServer {
  public:
    TcpServer(OtherHost& peer, u16 port, Octets content)
        : segment_bytes(peer.speaks_ipv6 ? 1440 : 1460), peer_(peer), port_(port),
          content_(std::move(content)) {
        peer.on_segment = [this](const Tcp& segment) { take(segment); };
    }
    ~TcpServer() {
        peer_.on_segment = nullptr;
        hosted::cancel(timer_);
    }
    usize segment_bytes; // what fits 1,500 bytes
    usize most_in_flight = 256 * 1024;
    bool checksum_is_good = false; // as a tap hands frames over
    bool stops_after_handshake = false;
    u16 first_window = 0xffff;       // before anything was received
    bool sends_after_request = true; // else at once
    std::optional<usize> stalls_at;  // sends no byte behind this one
    std::optional<usize> resets_at;
    Octets syn_options{2, 4, 0x05, 0xb4, 1, 3, 3, 7, 4, 2, 1, 1}; // MSS 1460, scale 7, SACK permitted
    Octets received;                                              // from the client
    u64 acknowledgements = 0;
    u64 segments = 0;
    bool is_closed = false; // both have sent FIN
    bool was_reset = false;
    u32 window_scale = 0;
    u32 largest_window = 0;
    bool offers_sack = false;
    u32 largest_segment = 0; // that the client announces

  private:
    static constexpr u32 first_sequence = 0xfffff000; // wraps soon

    void take(const Tcp& segment) {
        if (segment.to != port_)
            return;
        if (!(segment.flags & Tcp::Syn) && segment.from != client_port_)
            return;
        if (segment.flags & Tcp::Rst) {
            was_reset = true;
            is_open_ = false;
            return;
        }
        if (segment.flags & Tcp::Syn) {
            read_options(segment.options);
            client_port_ = segment.from;
            client_next_ = segment.sequence + 1;
            next_ = acknowledged_ = 0;
            is_open_ = true;
            Tcp answer = make(Tcp::Syn | Tcp::Ack);
            answer.sequence = first_sequence - 1;
            answer.options = syn_options;
            answer.window = first_window;
            peer_.send_segment(answer);
            return;
        }
        if (!is_open_ || stops_after_handshake)
            return;
        ++acknowledgements;
        window_ = u32{segment.window} << window_scale;
        largest_window = std::max(largest_window, window_);
        if (segment.sequence == client_next_ && !segment.payload.empty()) {
            packets::put(received, segment.payload);
            client_next_ += static_cast<u32>(segment.payload.size());
        }
        if ((segment.flags & Tcp::Fin) &&
            segment.sequence + static_cast<u32>(segment.payload.size()) == client_next_) {
            ++client_next_;
            peer_.send_segment(make(Tcp::Ack));
            is_closed = fin_sent_;
        }
        u32 acknowledged = segment.acknowledged - first_sequence;
        if (acknowledged > content_.size() + 1)
            return; // of the handshake, or nonsense
        if (acknowledged > acknowledged_) {
            acknowledged_ = acknowledged;
            duplicates_ = 0;
            next_ = std::max(next_, acknowledged_);
            recovering_ = recovering_ && acknowledged_ < recover_until_;
            if (recovering_)
                send_one(acknowledged_);
        } else if (segment.payload.empty() && next_ > acknowledged_ && ++duplicates_ == 3 && !recovering_) {
            recovering_ = true;
            recover_until_ = next_;
            send_one(acknowledged_);
        }
        if (!received.empty() || !sends_after_request)
            send_more();
    }
    void read_options(const Octets& options) {
        for (usize at = 0; at < options.size() && options[at] != 0;) {
            if (options[at] == 1) {
                ++at;
                continue;
            }
            if (options[at] == 2)
                largest_segment = packets::get16(options, at + 2);
            if (options[at] == 3)
                window_scale = options.at(at + 2);
            if (options[at] == 4)
                offers_sack = true;
            at += options.at(at + 1);
        }
    }
    Tcp make(u8 flags) const {
        Tcp segment{port_, client_port_};
        segment.sequence = first_sequence + next_;
        segment.acknowledged = client_next_;
        segment.flags = flags;
        return segment;
    }
    // The segment that begins at this byte of the stream; the FIN behind the last.
    usize send_one(usize at) {
        Tcp segment = make(Tcp::Ack);
        segment.sequence = first_sequence + static_cast<u32>(at);
        segment.payload = packets::slice(content_, at, segment_bytes);
        usize bytes = segment.payload.size();
        if (at + bytes == content_.size()) {
            segment.flags |= Tcp::Fin;
            fin_sent_ = true;
            ++bytes;
        }
        if (resets_at && at + bytes > *resets_at) {
            segment.flags = Tcp::Rst | Tcp::Ack;
            segment.payload.clear();
            is_open_ = false;
        }
        ++segments;
        peer_.send_segment(segment, checksum_is_good);
        return bytes;
    }
    void send_more() {
        usize limit = std::min<usize>(window_, most_in_flight);
        while (is_open_ && next_ <= content_.size() && (!stalls_at || next_ < *stalls_at)) {
            usize bytes = std::min(segment_bytes, content_.size() - next_);
            if (next_ + bytes > acknowledged_ + limit && next_ != acknowledged_)
                break;
            next_ = std::max<usize>(next_, next_ + send_one(next_));
        }
        hosted::cancel(timer_);
        if (is_open_ && acknowledged_ <= content_.size() && next_ > acknowledged_)
            timer_ = hosted::schedule(200 * hosted::millisecond, [this] {
                recovering_ = false;
                next_ = acknowledged_;
                send_more();
            });
    }

    OtherHost& peer_;
    u16 port_;
    Octets content_;
    u16 client_port_ = 0;
    u32 client_next_ = 0;
    bool is_open_ = false;
    bool fin_sent_ = false;
    bool recovering_ = false;
    usize recover_until_ = 0;
    u32 window_ = 0;
    usize next_ = 0; // of the stream; the FIN is its last byte
    usize acknowledged_ = 0;
    int duplicates_ = 0;
    u64 timer_ = 0;
};

} // namespace vireo::test
