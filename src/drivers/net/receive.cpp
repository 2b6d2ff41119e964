// SPDX-License-Identifier: Apache-2.0
#include "drivers/net/receive.h"

#include "base/math.h"

namespace vireo::drivers::net {

using namespace virtio;
using namespace virtio::wire;
using device::ReceivedFrame;

namespace {

constexpr usize page_bytes = 4096;
constexpr u32 ethernet_bytes = 14;
// The largest packet that an IPv4 header, or a pbuf, can count.
constexpr u32 largest_frame = ethernet_bytes + 65535;

// Frames are put so that the network header, behind the Ethernet header, lies at a multiple of 4: processors
// that cannot read words elsewhere are spared copies.
u32 offset_of_header(const Framing& framing) { return (0u - framing.header_bytes - ethernet_bytes) % 4; }

constexpr u16 most_posted = 256;
constexpr u16 most_held = 128; // beyond those that the device has, so that the receiver may hold some
constexpr u32 most_memory = 2 * 1024 * 1024; // where buffers must be large
constexpr u16 fewest_buffers = 16;

} // namespace

// --- buffers -----------------------------------------------------------------------------------------------

Result<BufferPool> BufferPool::create(u32 bytes, u16 count) {
    BufferPool pool;
    pool.memory_.reset(
        new (std::align_val_t(page_bytes), std::nothrow)
            std::byte[usize{bytes} *
                      count]); // what is in it is written by the device, and known by its length
    if (!pool.memory_)
        return error(ErrorCode::NoMemory, "no memory for receive buffers");
    pool.owners_ = VIREO_TRY(OwnedArray<Owner>::create(count));
    pool.ours_ = VIREO_TRY(OwnedArray<u16>::create(count));
    pool.bytes_ = bytes;
    pool.count_ = count;
    pool.reclaim();
    return pool;
}

bool BufferPool::is_lent() const {
    return std::ranges::contains(std::span<const Owner>(owners_), Owner::Receiver);
}

std::optional<u16> BufferPool::take() {
    if (free_ == 0)
        return std::nullopt;
    u16 buffer = ours_[--free_];
    owners_[buffer] = Owner::Device;
    return buffer;
}

void BufferPool::recycle(u16 buffer) {
    owners_[buffer] = Owner::Us;
    ours_[free_++] = buffer;
}

void BufferPool::give_back(u16 buffer) {
    VIREO_ASSERT(buffer < count_ && owners_[buffer] == Owner::Receiver);
    recycle(buffer);
}

void BufferPool::reclaim() {
    free_ = 0;
    for (u16 i = 0; i < count_; ++i)
        if (owners_[i] != Owner::Receiver)
            recycle(i);
}

// --- the queue ---------------------------------------------------------------------------------------------

Result<> ReceiveQueue::start(const Framing& framing, u16 mtu) {
    framing_ = framing;
    Queue& queue = session_.queue(receive_queue);
    u16 places = queue.capacity(framing.separate_header ? 2 : 1);
    // A page holds the 1526 bytes that section 5.1.9.3.1 asks for, and twenty of them the largest frame that
    // can be merged. Frames that cannot be merged may need more, and so may those that a short ring must hold
    // whole: a device waits for ever for more buffers than there can be.
    bool is_large = session_.has(VIRTIO_NET_F_GUEST_TSO4) || session_.has(VIRTIO_NET_F_GUEST_TSO6);
    u32 whole_frame = framing.header_bytes + (is_large ? largest_frame : ethernet_bytes + mtu);
    u32 parts = framing.merges ? std::min<u32>(ReceivedFrame::max_parts, places) : 1;
    buffer_bytes_ = align_up<u32>(offset_of_header(framing) + (whole_frame + parts - 1) / parts, page_bytes);
    if (pool_.buffer_bytes() < buffer_bytes_) {
        if (pool_.is_lent())
            return error(ErrorCode::NotSupported,
                         "device wants larger receive buffers than before its reset");
        pool_ = {}; // larger ones are made when somebody listens
    }
    // The receiver's share of the queue, where the pool of shared pages or the memory is small.
    u32 room = dma::backend::largest_share() / buffer_bytes_;
    posted_most_ = static_cast<u16>(std::min<u32>(room, std::min(most_posted, places)));
    return {};
}

void ReceiveQueue::make_buffers() {
    if (!pool_.is_empty())
        return;
    auto count = std::clamp<u32>(most_memory / buffer_bytes_, fewest_buffers, most_posted + most_held);
    if (auto made = BufferPool::create(buffer_bytes_, static_cast<u16>(count)))
        pool_ = std::move(*made);
}

bool ReceiveQueue::refill() {
    bool any = false;
    Queue& queue = session_.queue(receive_queue);
    while (queue.in_flight() < posted_most_) {
        auto buffer = pool_.take();
        if (!buffer)
            break;
        if (!post(*buffer)) {
            pool_.recycle(*buffer); // no room in the ring or for shared memory: later, perhaps
            break;
        }
        any = true;
    }
    return any;
}

bool ReceiveQueue::post(u16 buffer) {
    Queue& queue = session_.queue(receive_queue);
    auto chain = queue.begin(framing_.separate_header ? 2 : 1);
    if (!chain)
        return false;
    MutableBytes room = pool_.memory(buffer).subspan(offset_of_header(framing_));
    usize first = framing_.separate_header ? framing_.header_bytes : room.size();
    for (MutableBytes piece : {room.first(first), room.subspan(first)}) {
        if (piece.empty())
            continue;
        auto shared = dma::share_from_device(piece);
        if (!shared || !chain->add(std::move(*shared)))
            return false;
    }
    queue.submit(std::move(*chain), buffer);
    return true;
}

// --- frames ------------------------------------------------------------------------------------------------

std::optional<bool> judge(const virtio_net_hdr& header, u32 bytes, const Session& session) {
    // Of types that were not negotiated nothing is known, tunnels among them (net.75 to net.80).
    u8 type = header.gso_type;
    if (session.has(VIRTIO_NET_F_GUEST_ECN))
        type &= static_cast<u8>(~VIRTIO_NET_HDR_GSO_ECN);
    if (type != VIRTIO_NET_HDR_GSO_NONE &&
        !(type == VIRTIO_NET_HDR_GSO_TCPV4 && session.has(VIRTIO_NET_F_GUEST_TSO4)) &&
        !(type == VIRTIO_NET_HDR_GSO_TCPV6 && session.has(VIRTIO_NET_F_GUEST_TSO6)))
        return std::nullopt;
    // Section 5.1.9.4.2 wants this one refused, whatever was negotiated: two checksums in a
    // frame that is no tunnel's.
    constexpr u8 two_checksums = VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM | VIRTIO_NET_HDR_F_NEEDS_CSUM;
    if ((header.flags & two_checksums) == two_checksums)
        return std::nullopt;
    if (!session.has(VIRTIO_NET_F_GUEST_CSUM))
        return false;
    // The two fields are not used, but they tell a device that lies.
    bool is_incomplete = header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
    if (is_incomplete && (header.flags & VIRTIO_NET_HDR_F_RSC_INFO) == 0 &&
        u32{header.csum_start} + header.csum_offset + sizeof(u16) > bytes)
        return std::nullopt;
    return is_incomplete || (header.flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0;
}

ReceiveQueue::Taken ReceiveQueue::take(ReceivedFrame& frame) {
    auto done = session_.queue(receive_queue).harvest();
    if (!done)
        return Taken::Nothing;
    part_count_ = 0;
    frame = {};
    u32 header_end = offset_of_header(framing_) + framing_.header_bytes;
    bool is_good = done->written >= framing_.header_bytes + ethernet_bytes;
    is_good &= add_part(done->token, header_end, is_good ? done->written - framing_.header_bytes : 0);
    is_good = is_good && collect(frame, done->written);

    std::span<const device::ReceivedPart> parts(parts_, part_count_);
    statistics_.buffers_received += parts.size();
    if (!is_good) {
        ++statistics_.dropped_bad;
        for (const device::ReceivedPart& part : parts)
            pool_.recycle(part.buffer);
        return Taken::Rubbish;
    }
    for (const device::ReceivedPart& part : parts)
        pool_.hand_out(part.buffer);
    frame.parts = parts;
    ++statistics_.frames_received;
    statistics_.bytes_received += frame.bytes;
    return Taken::Frame;
}

// Reads the header of the frame that begins in the first part and takes its other parts. They are there
// already: a device shows all buffers of a frame at once (section 5.1.9.4.1).
bool ReceiveQueue::collect(ReceivedFrame& frame, u32 first_written) {
    // A copy: what the device might still change has no effect.
    virtio_net_hdr header{};
    std::memcpy(&header, pool_.memory(parts_[0].buffer).data() + offset_of_header(framing_),
                framing_.header_bytes);
    u32 wanted = framing_.merges ? header.num_buffers.get() : u32{1};
    if (wanted == 0 || wanted > ReceivedFrame::max_parts)
        return false;
    frame.bytes = first_written - framing_.header_bytes;
    while (part_count_ < wanted) {
        auto next = session_.queue(receive_queue).harvest();
        if (!next || !add_part(next->token, offset_of_header(framing_), next->written))
            return false;
        frame.bytes += next->written;
    }
    auto verdict = judge(header, frame.bytes, session_);
    frame.checksum_is_good = verdict.value_or(false);
    return verdict && frame.bytes <= largest_frame;
}

// False if the device wrote nothing.
bool ReceiveQueue::add_part(u16 buffer, u32 offset, u32 written) {
    parts_[part_count_++] = {pool_.memory(buffer).subspan(offset, written), buffer};
    return written > 0;
}

void ReceiveQueue::drain() {
    // Not more than there were: a device at work goes on while we look.
    Queue& queue = session_.queue(receive_queue);
    for (u16 left = queue.in_flight(); left > 0; --left) {
        auto done = queue.harvest();
        if (!done)
            break;
        pool_.recycle(done->token);
        ++statistics_.dropped_unheard;
    }
}

} // namespace vireo::drivers::net
