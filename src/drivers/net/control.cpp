// SPDX-License-Identifier: Apache-2.0
#include "drivers/net/control.h"

#include "event/patience.h"
#include "virtio/wire/shared.h"

namespace vireo::drivers::net {

using namespace virtio;
using namespace virtio::wire;
using event::Duration;

namespace {

// For all commands that a question takes.
constexpr event::Budget budget = event::Budget::total(Duration::seconds(2));
constexpr u8 ack_poison = 0xff;

} // namespace

// A command in shared memory. Its parts are descriptors of their own, the framing that every device takes
// (section 5.1.9.8); the data of Groups are two.
struct ControlQueue::Frame {
    virtio_net_ctrl command;
    Shared<u8> ack;
    u8 unused;
    Le<u32> unicasts; // the first table of Groups: always empty
    u8 data[sizeof(u32) + most_groups * sizeof(device::MacAddress)];
};

ControlQueue::Frame& ControlQueue::frame(Kind kind) const { return overlay<Frame>(shared_->data())[kind]; }

Result<> ControlQueue::start() {
    shared_ = VIREO_TRY(session_.share(kind_count * sizeof(Frame), 64));
    in_flight_ = 0;
    // What the device understands this time, and who waits for its answer waits on.
    unsaid_ = wished_ | awaited_;
    if (!session_.has(VIRTIO_NET_F_CTRL_MAC_ADDR))
        unsaid_ &= static_cast<u8>(~(1 << Mac));
    if (!session_.has(VIRTIO_NET_F_CTRL_RX))
        unsaid_ &= static_cast<u8>(~filter_kinds);
    refused_ = awaited_ & static_cast<u8>(~unsaid_);
    pump();
    return {};
}

void ControlQueue::queue_stopped() {
    refused_ |= static_cast<u8>(unsaid_ | in_flight_);
    unsaid_ = in_flight_ = 0;
}

Result<> ControlQueue::set_filter(const device::NetFilter& filter) {
    promiscuous_ = filter.promiscuous;
    all_multicast_ = filter.multicast.size() > most_groups;
    groups_.clear();
    for (const device::MacAddress& group : filter.multicast)
        if (!all_multicast_)
            VIREO_ASSERT(groups_.try_push_back(group));
    return say(filter_kinds);
}

Result<> ControlQueue::set_mac(const device::MacAddress& mac) {
    auto before = std::exchange(mac_, mac);
    Result<> said = say(1 << Mac);
    if (!said)
        mac_ = before;
    return said;
}

Result<> ControlQueue::say(u8 kinds) {
    unsaid_ |= kinds;
    refused_ &= static_cast<u8>(~kinds);
    awaited_ = kinds;
    if (pump())
        session_.commit(control_queue);
    event::Patience patience(session_.loop(), budget);
    auto waited = session_.loop().wait_until(patience.deadline(),
                                             [&] { return ((unsaid_ | in_flight_) & kinds) == 0; });
    awaited_ = 0;
    if (!waited) {
        // A device that hears nothing here would not after its reset either: the wish is not repeated.
        wished_ &= static_cast<u8>(~kinds);
        session_.restart(waited.error());
        return waited;
    }
    VIREO_TRY(session_.usable());
    if (refused_ & kinds)
        return error(ErrorCode::NotSupported, "device refuses");
    wished_ |= kinds;
    return {};
}

bool ControlQueue::harvest() {
    bool any = false;
    while (in_flight_ != 0) {
        Queue& queue = session_.queue(control_queue);
        auto done = queue.harvest();
        if (!done)
            break;
        any = true;
        auto kind = static_cast<Kind>(done->token);
        in_flight_ &= static_cast<u8>(~(1 << kind));
        // Section 5.1.9.1: legacy devices may report any length. Others must have written the byte.
        bool is_ok =
            frame(kind).ack.load() == VIRTIO_NET_OK && (done->written > 0 || !queue.has_exact_lengths());
        if (!is_ok)
            refused_ |= static_cast<u8>(1 << kind);
    }
    if (unsaid_ != 0 && pump())
        session_.commit(control_queue);
    return any;
}

// Puts into the queue what can be; true if there was anything.
bool ControlQueue::pump() {
    bool any = false;
    for (u8 kind = 0; kind < kind_count; ++kind) {
        auto bit = static_cast<u8>(1 << kind);
        if ((unsaid_ & ~in_flight_ & bit) == 0 || !submit(static_cast<Kind>(kind)))
            continue;
        unsaid_ &= static_cast<u8>(~bit);
        in_flight_ |= bit;
        any = true;
    }
    return any;
}

bool ControlQueue::submit(Kind kind) {
    Queue& queue = session_.queue(control_queue);
    auto chain = queue.begin(kind == Groups ? 4 : 3);
    if (!chain)
        return false;
    Frame& to = frame(kind);
    usize data_bytes = write(kind, to);
    to.ack.store(ack_poison);
    usize at = kind * sizeof(Frame);
    auto add = [&]<typename Dir>(Dir, usize offset, usize bytes) {
        return chain->add(shared_->part<Dir>(at + offset, bytes)).has_value();
    };
    if (!add(dma::ToDevice{}, offsetof(Frame, command), sizeof(virtio_net_ctrl)) ||
        (kind == Groups && !add(dma::ToDevice{}, offsetof(Frame, unicasts), sizeof(u32))) ||
        !add(dma::ToDevice{}, offsetof(Frame, data), data_bytes) ||
        !add(dma::FromDevice{}, offsetof(Frame, ack), 1))
        return false;
    queue.submit(std::move(*chain), kind);
    return true;
}

// The command that makes a wish known; how many bytes of `data` it has.
usize ControlQueue::write(Kind kind, Frame& frame) const {
    switch (kind) {
    case Mac:
        frame.command = {VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET};
        std::memcpy(frame.data, mac_.data(), mac_.size());
        return mac_.size();
    case Promiscuous:
        frame.command = {VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC};
        frame.data[0] = promiscuous_;
        return 1;
    case AllMulticast:
        frame.command = {VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI};
        frame.data[0] = all_multicast_;
        return 1;
    case Groups:
    case kind_count:
        break;
    }
    frame.command = {VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET};
    frame.unicasts = 0;
    Le<u32> count(static_cast<u32>(groups_.size()));
    std::memcpy(frame.data, &count, sizeof(count));
    usize at = sizeof(count);
    for (const device::MacAddress& group : groups_) {
        std::memcpy(frame.data + at, group.data(), group.size());
        at += group.size();
    }
    return at;
}

} // namespace vireo::drivers::net
