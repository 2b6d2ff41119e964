// SPDX-License-Identifier: Apache-2.0
#include "hosted/vhost_user/vhost_user_transport.h"

#include "base/log.h"
#include "virtio/transport/common.h"
#include "virtio/wire/status.h"

#include <poll.h>
#include <sys/eventfd.h>

namespace vireo::hosted::vhost_user {

using virtio::FeatureSet;
namespace wire = virtio::wire;

namespace {

// One page for each device, where no fake lies.
constexpr u64 doorbell_base = 0x7700'0000'0000;
constexpr u64 doorbell_bytes = 0x1000;

// The protocol leaves the size of a ring to us: as QEMU has it for its disks.
constexpr u16 queue_size = 256;

constexpr u64 wanted_protocol = PROTOCOL_F_MQ | PROTOCOL_F_REPLY_ACK | PROTOCOL_F_CONFIG;

FileDescriptor make_event() { return FileDescriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

} // namespace

VhostUserTransport::VhostUserTransport(unsigned number, u32 device_type, std::string path, SharedPool& pool)
    : number_(number), device_type_(device_type), path_(std::move(path)), pool_(pool),
      doorbell_(io::Space::Memory, doorbell_base + number * doorbell_bytes, doorbell_bytes, *this) {}

// --- connection --------------------------------------------------------------------------------------------

Result<> VhostUserTransport::connect() {
    if (is_alive())
        return {};
    status_ = virtio_gone;
    rings_.clear();
    connection_ = VIREO_TRY(Connection::open(path_));
    if (Result<> agreed = agree(); !agreed) {
        connection_ = {};
        loss_noted_ = true; // by the error that the caller gets
        return agreed;
    }
    rings_.resize(queue_count_);
    loss_noted_ = false;
    status_ = 0;
    return {};
}

Result<> VhostUserTransport::agree() {
    auto ask = [this](Request request) -> Result<u64> {
        u64 answer = 0;
        if (!VIREO_TRY(connection_.ask(request, {}, std::as_writable_bytes(std::span(&answer, 1)))))
            return error(ErrorCode::DeviceBroken, "vhost-user back end sends an empty reply");
        return answer;
    };
    offered_ = VIREO_TRY(ask(Request::GET_FEATURES));
    if ((offered_ & F_PROTOCOL_FEATURES) == 0)
        return error(ErrorCode::NotSupported, "vhost-user back end has no protocol features");
    u64 protocol = VIREO_TRY(ask(Request::GET_PROTOCOL_FEATURES)) & wanted_protocol;
    if ((protocol & PROTOCOL_F_CONFIG) == 0)
        return error(ErrorCode::NotSupported, "vhost-user back end shows no configuration");
    VIREO_TRY(connection_.send(Request::SET_PROTOCOL_FEATURES, bytes_of(protocol)));
    if (protocol & PROTOCOL_F_REPLY_ACK)
        connection_.expect_acknowledgements();
    VIREO_TRY(connection_.send(Request::SET_OWNER));
    u64 queues = protocol & PROTOCOL_F_MQ ? VIREO_TRY(ask(Request::GET_QUEUE_NUM)) : 1;
    if (queues == 0)
        return error(ErrorCode::DeviceBroken, "vhost-user back end has no queues");
    queue_count_ = static_cast<u16>(std::min<u64>(queues, max_queues));
    return share_memory();
}

Result<> VhostUserTransport::share_memory() {
    MemoryTable table{1, 0, {SharedPool::bus_base, SharedPool::bytes, SharedPool::user_base, 0}};
    int file = pool_.descriptor();
    return connection_.send(Request::SET_MEM_TABLE, bytes_of(table), std::span(&file, 1));
}

void VhostUserTransport::enable_dma(bool on) {
    if (!on) {
        connection_ = {};
        loss_noted_ = true;
        status_ = virtio_gone;
        rings_.clear();
    } else if (Result<> connected = connect(); !connected) {
        warn("vhost-user {} ({}): {}", number_, std::string_view(path_), connected.error());
    }
}

bool VhostUserTransport::is_alive() {
    if (connection_.is_alive())
        return true;
    note_loss();
    return false;
}

// Says once why the device is gone: all that Session can see is that it is.
void VhostUserTransport::note_loss() {
    if (!std::exchange(loss_noted_, true))
        warn("vhost-user {} ({}): {}", number_, std::string_view(path_), connection_.loss().what);
}

// --- status and features -----------------------------------------------------------------------------------

u8 VhostUserTransport::status() {
    if (!is_alive())
        return virtio_gone;
    if (status_ == 0)
        return 0;
    // A reset that was asked for shows when every ring is idle.
    bool resetting =
        std::any_of(rings_.begin(), rings_.end(), [](const Ring& r) { return r.taken.has_value(); });
    if (resetting && rings_are_idle())
        status_ = 0;
    if (!resetting && has_ring_error())
        status_ |= wire::DEVICE_NEEDS_RESET;
    return status_;
}

void VhostUserTransport::set_status(u8 status) {
    if (!is_alive())
        return;
    if (status == 0) {
        accepted_ = 0;
        features_taken_ = false;
        stop_rings();
        return;
    }
    if (!features_taken_)
        status &= static_cast<u8>(~wire::FEATURES_OK);
    bool goes_live = (status & ~status_ & wire::DRIVER_OK) != 0;
    status_ = status;
    for (u32 i = 0; goes_live && i < rings_.size(); ++i)
        if (rings_[i].is_active && !connection_.send(Request::SET_VRING_ENABLE, bytes_of(VringState{i, 1})))
            status_ |= wire::DEVICE_NEEDS_RESET;
}

// What the interface can honour. ACCESS_PLATFORM would mean that the back end asks for every translation,
// NOTIFICATION_DATA that a kick carries more than "look".
FeatureSet VhostUserTransport::allowed_features() const {
    return virtio::detail::device_bits |
           FeatureSet::of({wire::VIRTIO_F_INDIRECT_DESC, wire::VIRTIO_F_EVENT_IDX, wire::VIRTIO_F_VERSION_1,
                           wire::VIRTIO_F_RING_PACKED, wire::VIRTIO_F_IN_ORDER,
                           wire::VIRTIO_F_ORDER_PLATFORM});
}

FeatureSet VhostUserTransport::offered_features() {
    u64 features = 0;
    auto answered =
        connection_.ask(Request::GET_FEATURES, {}, std::as_writable_bytes(std::span(&features, 1)));
    offered_ = answered && *answered ? features & ~(F_PROTOCOL_FEATURES | F_LOG_ALL) : 0;
    FeatureSet offered;
    offered.set_word(0, static_cast<u32>(offered_));
    offered.set_word(1, static_cast<u32>(offered_ >> 32));
    return offered;
}

void VhostUserTransport::accept_features(const FeatureSet& features) {
    accepted_ = features.word(0) | u64{features.word(1)} << 32;
    bool were_offered = (accepted_ & ~offered_) == 0 && features.word(2) == 0 && features.word(3) == 0;
    u64 message = accepted_ | F_PROTOCOL_FEATURES;
    features_taken_ = were_offered && connection_.send(Request::SET_FEATURES, bytes_of(message));
}

// --- queues ------------------------------------------------------------------------------------------------

Result<u16> VhostUserTransport::queue_size_max(virtio::QueueIndex index) {
    return index.value < rings_.size() ? queue_size : u16{0};
}

Result<io::Doorbell> VhostUserTransport::activate_queue(virtio::QueueIndex index, u16 size,
                                                        const virtio::QueueAddresses& addresses) {
    if (index.value >= rings_.size() || rings_[index.value].is_active)
        return error(ErrorCode::DeviceBroken, "vhost-user back end is gone, or the queue is in use");
    VIREO_TRY(set_up(index.value, size, addresses, rings_[index.value]));
    return io::Doorbell(io::Doorbell::Kind::Memory32, doorbell_base + number_ * doorbell_bytes, index.value);
}

Result<> VhostUserTransport::set_up(u16 index, u16 size, const virtio::QueueAddresses& addresses,
                                    Ring& ring) {
    ring = {};
    ring.kick = make_event();
    ring.error = make_event();
    ring.device_area = addresses.device;
    FileDescriptor call = make_event(); // nobody waits for it: the rings are polled
    if (!ring.kick.is_open() || !ring.error.is_open() || !call.is_open())
        return error(ErrorCode::NoMemory, "the host gives no more event descriptors");
    // Where to begin. A packed ring counts with wrap counters, which begin at 1 (section
    // 2.8.1), for both sides.
    ring.is_packed = uses(wire::VIRTIO_F_RING_PACKED);
    u32 base = ring.is_packed ? 0x8000'8000 : 0;
    VringAddresses where{index,
                         0,
                         SharedPool::user_address(addresses.descriptors),
                         SharedPool::user_address(addresses.device),
                         SharedPool::user_address(addresses.driver),
                         0};
    VIREO_TRY(connection_.send(Request::SET_VRING_NUM, bytes_of(VringState{index, size})));
    VIREO_TRY(connection_.send(Request::SET_VRING_BASE, bytes_of(VringState{index, base})));
    VIREO_TRY(connection_.send(Request::SET_VRING_ADDR, bytes_of(where)));
    VIREO_TRY(send_descriptor(Request::SET_VRING_ERR, index, ring.error));
    VIREO_TRY(send_descriptor(Request::SET_VRING_CALL, index, call));
    // From here on the ring must be stopped again before its memory is free, whether or not
    // the back end takes this.
    ring.is_active = true;
    return send_descriptor(Request::SET_VRING_KICK, index, ring.kick);
}

Result<> VhostUserTransport::send_descriptor(Request request, u16 index, const FileDescriptor& descriptor) {
    u64 payload = index;
    int file = descriptor.get();
    return connection_.send(request, bytes_of(payload), std::span(&file, 1));
}

// A back end does not offer VIRTIO_F_RING_RESET, and this interface does not allow it.
Result<dma::ConfirmedReset> VhostUserTransport::reset_queue(virtio::QueueIndex) {
    return error(ErrorCode::NotSupported, "vhost-user has no reset of one queue");
}

void VhostUserTransport::stop_rings() {
    bool any = false;
    for (u32 i = 0; i < rings_.size(); ++i) {
        Ring& ring = rings_[i];
        if (!ring.is_active || ring.taken)
            continue;
        VringState state{i, 0};
        auto stopped = connection_.ask(Request::GET_VRING_BASE, bytes_of(state),
                                       std::as_writable_bytes(std::span(&state, 1)));
        // No confirmation, no reset: the status stays what it was, or the connection is lost by now.
        if (!stopped || !*stopped || state.index != i)
            return;
        any = true;
        ring.taken = static_cast<u16>(state.value);
    }
    if (!any && std::none_of(rings_.begin(), rings_.end(), [](const Ring& r) { return r.is_active; }))
        status_ = 0;
}

bool VhostUserTransport::rings_are_idle() {
    for (Ring& ring : rings_) {
        if (ring.is_active && !ring.taken)
            return false;
        // What a packed ring's back end has taken and not used shows in no single place: its word must do.
        if (ring.is_active && !ring.is_packed && pool_.used_index(ring.device_area) != *ring.taken)
            return false;
    }
    for (Ring& ring : rings_)
        ring = {};
    return true;
}

bool VhostUserTransport::has_ring_error() const {
    for (const Ring& ring : rings_) {
        pollfd state{ring.error.get(), POLLIN, 0};
        if (ring.is_active && poll(&state, 1, 0) > 0)
            return true;
    }
    return false;
}

u32 VhostUserTransport::read(u64, u8) { return 0; }

void VhostUserTransport::write(u64, u8, u32 value) {
    if (value >= rings_.size() || !rings_[value].is_active)
        return;
    // It fails only when the counter is full, which the back end, who has the descriptor too, can see to. It
    // then has been told often enough.
    u64 one = 1;
    (void)!::write(rings_[value].kick.get(), &one, sizeof(one));
}

// --- configuration -----------------------------------------------------------------------------------------

// From the start up to the field, each time: there are back ends that ignore the offset.
Result<u32> VhostUserTransport::read_config(u32 offset, u8 width) {
    if (!range_fits(offset, width, max_config_bytes))
        return error(ErrorCode::OutOfRange, "field beyond the device configuration");
    ConfigHeader question{0, offset + width, 0};
    std::byte message[sizeof(ConfigHeader) + max_config_bytes] = {};
    MutableBytes used(message, sizeof(ConfigHeader) + question.size);
    std::memcpy(message, &question, sizeof(question));
    if (!VIREO_TRY(connection_.ask(Request::GET_CONFIG, used, used)))
        return error(ErrorCode::OutOfRange, "field beyond the device configuration");
    ConfigHeader answer;
    std::memcpy(&answer, message, sizeof(answer));
    if (answer.offset != question.offset || answer.size != question.size)
        return error(ErrorCode::DeviceBroken, "vhost-user back end shows another part of the configuration");
    u32 value = 0;
    std::memcpy(&value, message + sizeof(ConfigHeader) + offset, width);
    return value;
}

Result<> VhostUserTransport::write_config(u32 offset, u8 width, u32 value) {
    struct {
        ConfigHeader header;
        u32 value;
    } message{{offset, width, 0}, value};
    return connection_.send(Request::SET_CONFIG, bytes_of(message).first(sizeof(ConfigHeader) + width));
}

// --- place -------------------------------------------------------------------------------------------------

bool VhostUserTransport::is_same_place(const Transport& other) const {
    return virtio::print_same_place(*this, other);
}

void VhostUserTransport::print_place(Writer& out) const { print(out, "vhost-user {}", number_); }

Result<> VhostUserSource::add(u32 device_type, const std::string& path) {
    auto transport =
        std::make_unique<VhostUserTransport>(static_cast<unsigned>(found_.size()), device_type, path, pool_);
    VIREO_TRY(transport->connect());
    found_.push_back(std::move(transport));
    return {};
}

void VhostUserSource::enumerate(Sink& sink) {
    // A device stays known for good, connected or not: there is nothing new to find later.
    for (auto& transport : found_)
        sink.found(std::move(transport));
    found_.clear();
}

} // namespace vireo::hosted::vhost_user
