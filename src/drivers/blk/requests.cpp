// SPDX-License-Identifier: Apache-2.0
// The requests of a block device (section 5.2.6): from BlockRequest to descriptors, and back.
#include "drivers/blk/blk.h"

namespace vireo::drivers::blk {

using namespace virtio;
using namespace virtio::wire;
using device::BlockRequest;

namespace {

// What a status byte holds before the device writes it: no status of the standard.
constexpr u8 status_poison = 0xff;

} // namespace

// On the queue with the most room, so that requests are spread evenly over all.
bool VirtioBlk::start(BlockRequest& request) {
    usize best = 0;
    for (usize i = 1; i < lane_count_; ++i)
        if (lanes_[i].free > lanes_[best].free)
            best = i;
    // A ring can be full before its slots are taken, by requests of many segments.
    for (usize i = 0; i < lane_count_; ++i)
        if (start_on((best + i) % lane_count_, request))
            return true;
    return false;
}

bool VirtioBlk::start_on(usize lane, BlockRequest& request) {
    u16 slot = lanes_[lane].first_free;
    if (slot == no_slot)
        return false;
    auto chain = queue(lane).begin(static_cast<u16>(buffers_of(request)));
    // Building fails only for want of DMA memory; the chain then falls apart again, and there may be room
    // later.
    if (!chain || !build(*chain, slot, request))
        return false;
    bool is_read = request.operation == Operation::Read;
    submit(lane, std::move(*chain), slot, request, is_read ? static_cast<u32>(request.bytes()) : 0);
    return true;
}

void VirtioBlk::commit() {
    for (usize i = 0; i < lane_count_; ++i)
        if (std::exchange(lanes_[i].uncommitted, false))
            session_.commit(i);
}

u32 VirtioBlk::buffers_of(const BlockRequest& request) const {
    if (request.operation == Operation::Discard || request.operation == Operation::WriteZeroes)
        return frame_buffers + 1;
    u32 buffers = frame_buffers;
    for (const BlockRequest::Segment& segment : request.segments)
        buffers += 1 + (segment.bytes - 1) / limits_.max_segment_bytes;
    return buffers;
}

Result<> VirtioBlk::build(Chain& chain, u16 slot, const BlockRequest& request) {
    switch (request.operation) {
    case Operation::Read:
        VIREO_TRY(open_frame(chain, slot, VIRTIO_BLK_T_IN, sectors(request.first_block)));
        VIREO_TRY(add_data<dma::FromDevice>(chain, request));
        break;
    case Operation::Write:
        VIREO_TRY(open_frame(chain, slot, VIRTIO_BLK_T_OUT, sectors(request.first_block)));
        VIREO_TRY(add_data<dma::ToDevice>(chain, request));
        break;
    case Operation::Flush: // sector 0 and no data (section 5.2.6.1)
        VIREO_TRY(open_frame(chain, slot, VIRTIO_BLK_T_FLUSH, 0));
        break;
    case Operation::Discard: // the flag for unmapping is zero here (section 5.2.6.1)
        VIREO_TRY(open_frame(chain, slot, VIRTIO_BLK_T_DISCARD, 0));
        VIREO_TRY(add_range(chain, slot, request, 0));
        break;
    case Operation::WriteZeroes:
        VIREO_TRY(open_frame(chain, slot, VIRTIO_BLK_T_WRITE_ZEROES, 0));
        VIREO_TRY(add_range(chain, slot, request,
                            limits_.zeroes_may_unmap ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0));
        break;
    }
    return close_frame(chain, slot);
}

Result<> VirtioBlk::open_frame(Chain& chain, u16 slot, u32 type, u64 sector) {
    frame(slot).header = {.type = type, .reserved = 0, .sector = sector};
    return chain.add(shared_->part<dma::ToDevice>(frame_offset(slot), sizeof(virtio_blk_req_header)));
}

// One segment for each request, which no limit forbids; derive_facts saw to it that the sectors fit 32 bits.
Result<> VirtioBlk::add_range(Chain& chain, u16 slot, const BlockRequest& request, u32 flags) {
    frame(slot).range = {.sector = sectors(request.first_block),
                         .num_sectors = static_cast<u32>(sectors(request.block_count)),
                         .flags = flags};
    return chain.add(shared_->part<dma::ToDevice>(frame_offset(slot) + offsetof(Frame, range),
                                                  sizeof(virtio_blk_discard_write_zeroes)));
}

template <typename Dir> Result<> VirtioBlk::add_data(Chain& chain, const BlockRequest& request) const {
    for (const BlockRequest::Segment& segment : request.segments) {
        MutableBytes left(segment.memory, segment.bytes);
        while (!left.empty()) {
            MutableBytes piece = left.first(std::min<usize>(left.size(), limits_.max_segment_bytes));
            left = left.subspan(piece.size());
            if constexpr (std::is_same_v<Dir, dma::FromDevice>)
                VIREO_TRY(chain.add(VIREO_TRY(dma::share_from_device(piece))));
            else
                VIREO_TRY(chain.add(VIREO_TRY(dma::share_to_device(piece))));
        }
    }
    return {};
}

Result<> VirtioBlk::close_frame(Chain& chain, u16 slot) {
    frame(slot).status.store(status_poison);
    return chain.add(shared_->part<dma::FromDevice>(frame_offset(slot) + offsetof(Frame, status), 1));
}

void VirtioBlk::submit(usize lane, Chain&& chain, u16 slot, BlockRequest& request, u32 data_from_device) {
    Slot& taken = slots_[slot];
    lanes_[lane].first_free = taken.next_free;
    --lanes_[lane].free;
    lanes_[lane].uncommitted = true;
    taken.request = &request;
    taken.data_from_device = data_from_device;
    queue(lane).submit(std::move(chain), slot);
}

BlockRequest& VirtioBlk::free_slot(Lane& lane, u16 slot) {
    slots_[slot].next_free = std::exchange(lane.first_free, slot);
    ++lane.free;
    return *std::exchange(slots_[slot].request, nullptr);
}

bool VirtioBlk::harvest() {
    bool any = false;
    for (usize i = 0; i < lane_count_; ++i)
        any |= harvest(i);
    if (any && !kept_.is_empty()) {
        resubmit();
        commit();
    }
    return any;
}

bool VirtioBlk::harvest(usize lane) {
    bool any = false;
    while (auto done = queue(lane).harvest()) {
        any = true;
        Result<> outcome = outcome_of(lane, done->token, done->written);
        free_slot(lanes_[lane], done->token).complete(outcome);
    }
    return any;
}

Result<> VirtioBlk::outcome_of(usize lane, u16 slot, u32 written) const {
    switch (frame(slot).status.load()) { // read once: it is the device's
    case VIRTIO_BLK_S_OK:
        break;
    case VIRTIO_BLK_S_IOERR:
        return error(ErrorCode::Io, "reported by the disk");
    case VIRTIO_BLK_S_UNSUPP:
        return error(ErrorCode::NotSupported, "disk does not support the request");
    default:
        return error(ErrorCode::Io, "disk gives no valid status");
    }
    // Data that the device does not claim to have written is not data (section 2.7.8.3).
    if (queue(lane).has_exact_lengths() && written < slots_[slot].data_from_device + 1)
        return error(ErrorCode::Io, "disk returns less than was asked for");
    return {};
}

} // namespace vireo::drivers::blk
