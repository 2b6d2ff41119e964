// SPDX-License-Identifier: Apache-2.0
// The life of a network card: start, the turn of the loop, link, resets.
#include "drivers/net/net.h"

#include "base/log.h"

namespace vireo::drivers::net {

using namespace virtio;
using namespace virtio::wire;
using device::MacAddress;
using event::Duration;

namespace {

// A card that is listened to and silent is looked at this often: its link may have changed, or
// it needs a reset.
constexpr Duration look_interval = Duration::seconds(1);
// Frames are lost on wires all the time, so a device that sends none for this long is reset for
// the sake of the next.
constexpr Duration stuck_timeout = Duration::seconds(5);

} // namespace

Result<u16> VirtioNet::queue_count() { return session_.has(VIRTIO_NET_F_CTRL_VQ) ? u16{3} : u16{2}; }

Result<> VirtioNet::start() {
    Config config = VIREO_TRY(read_config(session_));
    VIREO_TRY(learn_facts(config));
    Framing framing = framing_of(session_);
    VIREO_TRY(receive_.start(framing, facts_.mtu));
    VIREO_TRY(transmit_.start(framing, facts_.mtu));
    if (session_.has(VIRTIO_NET_F_CTRL_VQ))
        VIREO_TRY(control_.start());
    link_is_up_ = config.status & VIRTIO_NET_S_LINK_UP;
    stuck_since_.reset();
    if (receiver_) {
        receive_.make_buffers();
        receive_.refill();
    }
    return {};
}

Result<> VirtioNet::learn_facts(const Config& config) {
    facts_.mtu = choose_mtu(config.mtu);
    facts_.reports_link = session_.has(VIRTIO_NET_F_STATUS);
    facts_.can_checksum = session_.has(VIRTIO_NET_F_CSUM);
    facts_.takes_large_frames =
        session_.has(VIRTIO_NET_F_GUEST_TSO4) || session_.has(VIRTIO_NET_F_GUEST_TSO6);
    facts_.filters = session_.has(VIRTIO_NET_F_CTRL_RX);
    return choose_mac(config.mac);
}

// Its own, or the one that we gave it, which every reset makes it forget.
Result<> VirtioNet::choose_mac(const MacAddress& its_own) {
    bool has_own = is_station(its_own);
    bool can_be_told = session_.has(VIRTIO_NET_F_CTRL_MAC_ADDR) || !session_.has(VIRTIO_F_VERSION_1);
    if (has_own && (!own_mac_ || !can_be_told)) {
        facts_.mac = its_own;
        facts_.mac_is_made_up = false;
        return {};
    }
    if (!own_mac_) {
        own_mac_ = make_up_mac();
        facts_.mac_is_made_up = true;
    }
    facts_.mac = *own_mac_;
    if (session_.has(VIRTIO_NET_F_CTRL_MAC_ADDR))
        control_.wish_mac(*own_mac_); // section 5.1.9.5.2.2
    else if (has_own)
        return write_mac(*own_mac_);
    return {};
}

// The legacy interface's way (section 5.1.4.3): the last byte makes it valid.
Result<> VirtioNet::write_mac(const MacAddress& mac) {
    for (u32 i = 0; i < mac.size(); ++i)
        VIREO_TRY(session_.config().set_field<u8>(offsetof(virtio_net_config, mac) + i, mac[i]));
    return {};
}

void VirtioNet::stop(Error, InFlight) {
    receive_.stop();
    control_.stop();
    transmit_.stop();
}

void VirtioNet::queue_stopped(usize index, Error) {
    if (index == receive_queue)
        receive_.stop();
    else if (index == control_queue)
        control_.queue_stopped();
    else
        transmit_.queue_stopped();
}

void VirtioNet::read_link() {
    if (!facts_.reports_link)
        return;
    auto status = session_.config().field<u16>(offsetof(virtio_net_config, status));
    link_is_up_ = status && (*status & VIRTIO_NET_S_LINK_UP) != 0;
}

// --- the turn of the loop ----------------------------------------------------------------------------------

bool VirtioNet::harvest() {
    bool any = control_.is_there() && control_.harvest();
    any |= receive();
    transmit_.commit();
    any |= take_back_sent();
    if (receiver_ && told_up_ != link_is_up_) {
        told_up_ = link_is_up_;
        any = true;
        receiver_->link_changed(told_up_);
    }
    announce_work();
    if (!any)
        look_after();
    return any;
}

bool VirtioNet::take_back_sent() {
    if (!transmit_.harvest())
        return false;
    stuck_since_.reset();
    said_stuck_ = false;
    return true;
}

// Not more than was posted, however fast frames come: buffers go back afterwards. So a flood leaves the
// others in the loop, and Ctrl-C, their turns.
bool VirtioNet::receive() {
    device::ReceivedFrame frame;
    for (bool any = false;;) {
        // What has been sent comes back after what waits for it has got its answer, unless
        // that might find no room.
        if (transmit_.is_half_full())
            any |= take_back_sent();
        auto taken = receiver_ ? receive_.take(frame) : ReceiveQueue::Taken::Nothing;
        if (taken == ReceiveQueue::Taken::Nothing)
            return any;
        any = true;
        if (taken == ReceiveQueue::Taken::Frame)
            receiver_->received(frame);
    }
}

// Once for all that happened in this turn. The other side may be waiting for what we send.
void VirtioNet::announce_work() {
    transmit_.commit();
    if (receiver_ && receive_.refill())
        session_.commit(receive_queue);
}

// Nothing happened. May reset the device.
void VirtioNet::look_after() {
    event::Instant now = event::now();
    if (transmit_.is_empty()) {
        stuck_since_.reset();
    } else if (!stuck_since_) {
        stuck_since_ = now;
    } else if (now - *stuck_since_ >= stuck_timeout) {
        Error why = error(ErrorCode::Timeout, "sends nothing, and is reset");
        if (!std::exchange(said_stuck_, true))
            warn("virtio-net#{}: {}", number_, why);
        return session_.restart(why);
    }
    if (receiver_ && now >= next_look_) {
        next_look_ = now + look_interval;
        session_.refresh();
    }
}

// --- NetDevice ---------------------------------------------------------------------------------------------

Result<> VirtioNet::usable() {
    VIREO_TRY(session_.usable());
    return receiver_ && receive_.has_no_buffers()
               ? error(ErrorCode::NoMemory, "no memory for receive buffers")
               : Result<>{};
}

void VirtioNet::revive() {
    if (session_.state() == Session::State::Broken)
        (void)session_.start().has_value();
}

bool VirtioNet::link_is_up() {
    if (!session_.usable())
        return false;
    read_link();
    return link_is_up_;
}

void VirtioNet::listen(device::NetReceiver& receiver) {
    VIREO_ASSERT(!receiver_);
    receiver_ = &receiver;
    told_up_ = link_is_up_;
    if (session_.state() != Session::State::Running) // start() will
        return;
    receive_.drain();
    receive_.make_buffers();
    announce_work();
}

void VirtioNet::stop_listening() {
    receiver_ = nullptr;
    transmit_.harvest(); // most likely all of it: then nobody has to look at the card any more
}

bool VirtioNet::send(const device::OutgoingFrame& frame) {
    return receiver_ && transmit_.send(frame, *receiver_);
}

Result<> VirtioNet::set_filter(const device::NetFilter& filter) {
    VIREO_TRY(session_.usable());
    if (!session_.has(VIRTIO_NET_F_CTRL_RX))
        return error(ErrorCode::NotSupported, "device does not choose what it receives");
    return control_.set_filter(filter);
}

Result<> VirtioNet::set_mac(const MacAddress& mac) {
    if (!is_station(mac))
        return error(ErrorCode::InvalidArgument, "not the address of one station");
    VIREO_TRY(session_.usable());
    if (session_.has(VIRTIO_NET_F_CTRL_MAC_ADDR)) {
        VIREO_TRY(control_.set_mac(mac));
    } else if (session_.has(VIRTIO_NET_F_MAC)) {
        if (session_.has(VIRTIO_F_VERSION_1))
            return error(ErrorCode::NotSupported, "device keeps its own address");
        VIREO_TRY(write_mac(mac));
    } // else it has none, and none to compare with
    own_mac_ = facts_.mac = mac;
    facts_.mac_is_made_up = false;
    return {};
}

// --- the manifest ------------------------------------------------------------------------------------------

namespace {

// Large frames reach us in pages or not at all (section 5.1.9.3.1 would ask for buffers of 65601 bytes).
constexpr FeatureDependency dependencies[] = {
    {.feature = VIRTIO_NET_F_GUEST_TSO4, .needs = VIRTIO_NET_F_GUEST_CSUM},
    {.feature = VIRTIO_NET_F_GUEST_TSO4, .needs = VIRTIO_NET_F_MRG_RXBUF},
    {.feature = VIRTIO_NET_F_GUEST_TSO6, .needs = VIRTIO_NET_F_GUEST_CSUM},
    {.feature = VIRTIO_NET_F_GUEST_TSO6, .needs = VIRTIO_NET_F_MRG_RXBUF},
    {.feature = VIRTIO_NET_F_GUEST_ECN, .needs = VIRTIO_NET_F_GUEST_TSO4},
    {.feature = VIRTIO_NET_F_CTRL_RX, .needs = VIRTIO_NET_F_CTRL_VQ},
    {.feature = VIRTIO_NET_F_CTRL_MAC_ADDR, .needs = VIRTIO_NET_F_CTRL_VQ},
    // Section 5.1.9.5.2.2 forbids its command without.
    {.feature = VIRTIO_NET_F_CTRL_MAC_ADDR, .needs = VIRTIO_NET_F_CTRL_RX},
};

constexpr QueueSpec queues[] = {
    // Header and frame, on legacy devices that want them apart.
    {.name = "receiveq1", .min_size = 2, .max_chain = 2, .waits = true},
    // In a short one, frames of fewer pieces: lwIP's are one.
    {.name = "transmitq1",
     .min_size = 2,
     .max_chain = 1 + device::OutgoingFrame::max_parts,
     .is_news = false},
    {.name = "controlq", .min_size = 4, .max_size = 16, .max_chain = 4},
};

constexpr DriverManifest manifest{
    .name = "virtio-net",
    .device_type = VIRTIO_ID_NET,
    .required = {},
    .optional = FeatureSet::of({VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_MTU,
                                VIRTIO_NET_F_MAC, VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6,
                                VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_F_STATUS,
                                VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_MAC_ADDR}),
    .dependencies = dependencies,
    .queues = queues,
    .create = [](Session& session) -> Result<std::unique_ptr<Driver>> {
        return std::unique_ptr<Driver>(VIREO_TRY(make_owned<VirtioNet>(session)));
    },
};
VIREO_VIRTIO_DRIVER(manifest);

} // namespace

} // namespace vireo::drivers::net
