// SPDX-License-Identifier: Apache-2.0
// A network card that says of itself, of frames, of buffers and of commands what the input says, through the
// driver and on every kind of bus. When it behaves again, it works again.
// Input: bus (1 byte), rings (1), feature bits 0 to 23 to turn over (4), size of the queues (1), MTU (2),
// then steps until it ends, see step().
#include "fuzz/buses.h"
#include "hosted/fakes/net.h"

#include <deque>
#include <map>

namespace vireo::fuzz {
namespace {

using fake::Net;

constexpr device::MacAddress card_mac{0x52, 0x54, 0, 0x12, 0x34, 0x56};

// Hears the card and sends through it. Of the buffers that it gets it keeps the last few, which
// must stay as they are.
class Listener final : public device::NetReceiver {
  public:
    explicit Listener(device::NetDevice& card) : card_(card) { card_.listen(*this); }
    ~Listener() {
        stop();
        give_back(0);
        require(waiting_.empty(), "every frame that was taken ends");
    }
    void stop() {
        if (std::exchange(listens_, false))
            card_.stop_listening();
    }
    void listen_again() {
        stop();
        card_.listen(*this);
        listens_ = true;
    }
    void send(usize bytes, usize piece) {
        u64 cookie = ++last_cookie_;
        auto& kept = waiting_[cookie] = std::vector<std::byte>(bytes, std::byte{0x11});
        piece = std::max<usize>(piece, bytes / device::OutgoingFrame::max_parts + 1);
        device::OutgoingFrame frame;
        for (usize at = 0; at < bytes; at += piece)
            require(frame.parts.try_push_back(std::span(kept).subspan(at, std::min(piece, bytes - at))),
                    "a frame has room for its parts");
        frame.cookie = reinterpret_cast<void*>(static_cast<uptr>(cookie));
        if (!card_.send(frame))
            waiting_.erase(cookie);
    }
    void keep(usize count) { keep_ = count; }
    void give_back(usize keep) {
        while (held_.size() > keep) {
            require(std::ranges::equal(held_.front().copy, held_.front().part.bytes),
                    "nothing writes to what the receiver has");
            card_.give_back(held_.front().part.buffer);
            held_.pop_front();
        }
    }
    usize frames() const { return frames_; }

  private:
    struct Held {
        device::ReceivedPart part;
        std::vector<std::byte> copy;
    };
    void received(const device::ReceivedFrame& frame) override {
        require(listens_, "who does not listen hears nothing");
        require(!frame.parts.empty() && frame.parts.size() <= device::ReceivedFrame::max_parts &&
                    frame.parts[0].bytes.size() >= 14 && frame.bytes <= 14 + 65535,
                "a frame has an Ethernet header and fits a packet");
        ++frames_;
        usize bytes = 0;
        for (const device::ReceivedPart& part : frame.parts) {
            require(!part.bytes.empty(), "no part is empty");
            bytes += part.bytes.size();
            held_.push_back({part, {part.bytes.begin(), part.bytes.end()}});
        }
        require(bytes == frame.bytes, "a frame is as long as its parts");
        give_back(keep_);
    }
    void sent(void* cookie) override {
        require(waiting_.erase(reinterpret_cast<uptr>(cookie)) == 1, "a frame ends once");
    }
    void link_changed(bool) override {}

    device::NetDevice& card_;
    bool listens_ = true;
    usize frames_ = 0;
    usize keep_ = 0;
    std::deque<Held> held_;
    u64 last_cookie_ = 0;
    std::map<u64, std::vector<std::byte>> waiting_;
};

class Card {
  public:
    explicit Card(FuzzedData& input) : input_(input) {
        u8 bus = input_.byte();
        u8 rings = input_.byte();
        using namespace fake;
        card_.offered.set(feature::indirect_desc, !(rings & 1));
        card_.offered.set(feature::event_idx, !(rings & 2));
        card_.offered.set(feature::ring_packed, rings & 4);
        card_.offered.set(feature::any_layout, !(rings & 8));
        card_.offered.words[0] ^= input_.number<u32>() & 0x00ff'ffff;
        u8 size = input_.byte();
        for (u16 i = 0; i < 3; ++i)
            card_.queue(i).size_max = std::max<u16>(static_cast<u16>(2u << (size & 7)), i == 2 ? 4 : 0);
        if (u16 mtu = input_.number<u16>())
            card_.set_mtu(mtu);
        config_ = card_.config();
        place_.emplace(bus, card_);
        stack_.start(place_->source());
        net_ = stack_.registry.net.find(0);
    }
    void run() {
        if (!net_)
            return;
        Listener listener(*net_);
        for (int steps = 0; steps < 64 && !input_.is_empty(); ++steps) {
            u64 begin = hosted::clock_now();
            step(listener);
            require(hosted::clock_now() - begin < 30 * hosted::second, "a call ends in time");
        }
        pass(60); // what was to strike strikes now; then it behaves
        card_.faults = {};
        card_.latency = nullptr;
        card_.answer = nullptr;
        card_.ignores_commands = false;
        card_.config() = config_;
        listener.stop();
        listener.keep(0);
        listener.give_back(0);
        (void)stack_.manager.reset(0);
        (void)stack_.manager.rescan();
        require(net_->usable().has_value(), "a card that behaves again works again");
        listener.listen_again();
        card_.forget_sent();
        usize before = listener.frames();
        require(card_.deliver(frame_of(60), Net::Header{.num_buffers = 1}), "there is a buffer for a frame");
        listener.send(60, 60);
        pass(10);
        require(listener.frames() == before + 1, "a frame arrives");
        require(card_.sent().size() == 1, "a frame leaves");
    }

  private:
    enum Kind { Frame, Claim, Raw, Send, Temper, Strike, Call, Pass, Kinds };

    static Net::Frame frame_of(usize bytes) {
        Net::Frame frame(std::max<usize>(bytes, 14), 0x22);
        std::ranges::copy(card_mac, frame.begin());
        return frame;
    }
    void pass(u64 milliseconds) { (void)stack_.loop.sleep(event::Duration::milli(milliseconds)).has_value(); }

    void step(Listener& listener) {
        switch (input_.below(Kinds)) {
        case Frame: // length: a frame as it should be
            card_.deliver(frame_of(input_.number<u16>()));
            return;
        case Claim: { // length, how much longer, what is said of it
            usize bytes = input_.number<u16>();
            bytes += input_.byte() * usize{256};
            Net::Header header{.flags = input_.byte(), .gso_type = input_.byte()};
            for (u16* field : {&header.csum_start, &header.csum_offset, &header.num_buffers})
                *field = input_.number<u16>();
            card_.deliver(frame_of(bytes), header);
            return;
        }
        case Raw: { // length, bytes
            Bytes bytes = input_.take(input_.byte());
            std::vector<u8> written;
            for (std::byte byte : bytes)
                written.push_back(std::to_integer<u8>(byte));
            card_.deliver_raw(written);
            return;
        }
        case Send: { // how many, length, length of the pieces
            for (u8 left = input_.byte(), bytes = input_.byte(), piece = input_.byte(); left > 0; --left)
                listener.send(1 + bytes * usize{8}, piece);
            return;
        }
        case Temper:
            return set_temper();
        case Strike:
            return plan_strike();
        case Call:
            return call(listener);
        default:
            listener.keep(input_.byte());
            pass(input_.byte());
        }
    }

    // Faults, then what becomes of one buffer after the other, round and round.
    void set_temper() {
        u16 faults = input_.number<u16>();
        set_faults(card_.faults, faults);
        card_.ignores_commands = faults & 0x400;
        Fates fates(input_);
        card_.latency = [fates](u64 number) { return fates.latency(number); };
        card_.answer = [fates, number = u64{0}](const Net::Command&) mutable -> std::optional<u16> {
            u8 what = fates.what(number++);
            return what & 0x80 ? std::optional<u16>(what & 0x40 ? 256 : what & 0x3f) : std::nullopt;
        };
        card_.faults.lie = [fates, number = u64{0}](fake::Completion& completion) mutable {
            fates.falsify(number++, completion);
        };
    }

    void plan_strike() {
        u8 delay = input_.byte(), what = input_.byte();
        hosted::schedule(delay * u64{200} * hosted::microsecond,
                         [this, what, number = input_.number<u16>()] { strike(what, number); });
    }
    void strike(u8 what, u16 number) {
        if (card_.faults.gone)
            return;
        auto& queue = card_.queue(what >> 6 & 1);
        auto* split = queue.split();
        switch (what % 8) {
        case 0:
            return card_.raise(static_cast<u8>(number & 3));
        case 1:
            return card_.need_reset();
        case 2: // of its configuration: address, status, MTU
            return card_.change_config(
                [&](auto& config) { config[(number >> 8) % 12u] = static_cast<u8>(number); });
        case 3:
            if (split)
                split->set_used_index(number);
            return;
        case 4:
            if (split)
                split->set_used_flags(number);
            return;
        case 5:
            if (split)
                split->set_used_element(static_cast<u16>(number % split->setup().size), number >> 8, number);
            return;
        case 6:                                             // other features from the next reset on
            card_.offered.words[0] ^= u32{number} & 0x83ab; // bits 0 to 15, as far as the driver knows them
            return;
        default:
            if (split && split->setup().event_idx)
                split->set_avail_event(number);
        }
    }

    void call(Listener& listener) {
        u8 what = input_.byte();
        switch (what % 8) {
        case 0: {
            std::vector<device::MacAddress> groups(what >> 1, device::MacAddress{0x33, 0x33, 0, 0, 0, 1});
            return (void)net_->set_filter({.promiscuous = (what & 8) != 0, .multicast = groups}).has_value();
        }
        case 1:
            return (void)net_->set_mac({static_cast<u8>(what >> 3), 0, 0, 0, 0, 1}).has_value();
        case 2:
            return (void)net_->link_is_up();
        case 3:
            return net_->revive();
        case 4:
            return listener.listen_again();
        case 5:
            return listener.stop();
        case 6:
            return (void)stack_.manager.rescan().has_value();
        default:
            return (void)net_->usable().has_value();
        }
    }

    FuzzedData& input_;
    Net card_{"net", card_mac};
    std::vector<u8> config_;
    std::optional<AnyBus> place_;
    Stack stack_;
    device::NetDevice* net_ = nullptr;
};

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    fuzz::FuzzedData input(data, size);
    fuzz::Surroundings surroundings;
    // The card moves the words of its rings behind the referee's back, says that it gave back what it still
    // has, and that its MTU was another.
    for (const char* rule :
         {"ring.", "gen.cleanup", "gen.notif", "dma.taken-back", "dma.not-shared", "dma.direction", "net."})
        surroundings.ignore(rule);
    fuzz::Card(input).run();
    return 0;
}
