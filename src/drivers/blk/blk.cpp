// SPDX-License-Identifier: Apache-2.0
// The life of a block device: start, what it says about itself, resets.
#include "drivers/blk/blk.h"

#include "base/math.h"
#include "event/patience.h"

namespace vireo::drivers::blk {

using namespace virtio;
using namespace virtio::wire;
using device::BlockRequest;
using event::Duration;

namespace {

constexpr u16 max_chain = frame_buffers + BlockRequest::max_segments;
constexpr event::Budget identify_budget = event::Budget::total(Duration::seconds(2));

} // namespace

Result<> VirtioBlk::start() {
    lane_count_ = session_.queue_count(); // as set up: what the device says may have changed
    VIREO_TRY(learn_facts());
    make_slots();
    shared_ = VIREO_TRY(session_.share(id_offset() + virtio_blk_id_bytes, 64));
    resubmit();
    return {};
}

Result<> VirtioBlk::learn_facts() {
    Config config = VIREO_TRY(read_config(session_));
    u16 longest = max_chain;
    for (usize i = 0; i < lane_count_; ++i)
        longest = std::min(longest, queue(i).max_chain());
    limits_ = VIREO_TRY(derive_facts(config, static_cast<u16>(longest - frame_buffers), facts_));
    facts_.read_only = session_.has(VIRTIO_BLK_F_RO);
    facts_.has_write_cache = VIREO_TRY(choose_write_cache(session_));
    // what U-Boot's users see on every transport
    constexpr std::string_view product = "QEMU VirtIO Block Device";
    static_assert(product.size() < sizeof(facts_.product));
    product.copy(facts_.product, product.size());
    return {};
}

// As many slots as small requests fit the queues, so that slots and rings run out together, and no more than
// BlockDevice has requests; each queue has its own, all the same number.
void VirtioBlk::make_slots() {
    slot_count_ = 0;
    for (usize i = 0; i < lane_count_; ++i) {
        Lane& lane = lanes_[i];
        u16 count = std::min<u16>(max_slots / lane_count_, queue(i).capacity(frame_buffers + 1));
        lane = {.first_slot = slot_count_, .free = count};
        for (u16 slot = 0; slot < count; ++slot)
            slots_[slot_count_ + slot] = {
                .next_free = std::exchange(lane.first_free, static_cast<u16>(slot_count_ + slot))};
        slot_count_ = static_cast<u16>(slot_count_ + count);
    }
    facts_.queue_depth = slot_count_;
}

void VirtioBlk::went_live() { read_serial(); }

void VirtioBlk::stop(Error why, InFlight fate) {
    kept_block_bytes_ = kept_.is_empty() ? facts_.block_bytes : kept_block_bytes_;
    for (u16 i = 0; i < slot_count_; ++i) {
        BlockRequest* request = std::exchange(slots_[i].request, nullptr);
        if (!request)
            continue;
        // Reads and writes of the same data may be repeated, and so may what only makes blocks lose their
        // content; the question for the serial number is not worth it.
        if (fate == InFlight::End || request == identify_)
            request->complete(why);
        else
            VIREO_ASSERT(kept_.try_push_back(request)); // BlockDevice has no more than max_slots
    }
    if (fate == InFlight::End)
        end_kept(why);
    shared_ = nullptr;
    slot_count_ = 0;
    lane_count_ = 0;
}

void VirtioBlk::queue_stopped(usize index, Error why) {
    Lane& lane = lanes_[index];
    u16 end = index + 1 < lane_count_ ? lanes_[index + 1].first_slot : slot_count_;
    for (u16 slot = lane.first_slot; slot < end; ++slot)
        if (slots_[slot].request)
            free_slot(lane, slot).complete(why);
}

void VirtioBlk::abort(Error why) {
    end_kept(why);
    session_.set_aside(why);
}

void VirtioBlk::end_kept(Error why) {
    for (BlockRequest* request : kept_)
        request->complete(why);
    kept_.clear();
}

// Submits what was kept, as far as there is room now, after asking whether it is still possible: the device
// that comes out of a reset need not be the one that went in.
void VirtioBlk::resubmit() {
    usize left = 0;
    for (BlockRequest* request : kept_) {
        if (Result<> possible = still_possible(*request); !possible)
            request->complete(possible);
        else if (!start(*request))
            kept_[left++] = request;
    }
    while (kept_.size() > left)
        kept_.pop_back();
}

Result<> VirtioBlk::still_possible(const BlockRequest& request) const {
    bool possible = facts_.block_bytes == kept_block_bytes_ &&
                    range_fits(request.first_block, request.block_count, facts_.block_count);
    switch (request.operation) {
    case Operation::Write:
        possible = possible && !facts_.read_only;
        [[fallthrough]];
    case Operation::Read:
        for (const BlockRequest::Segment& segment : request.segments)
            possible = possible && segment.bytes <= facts_.max_segment_bytes;
        possible = possible && buffers_of(request) <= u32{limits_.max_data_buffers} + frame_buffers;
        break;
    case Operation::Flush:
        possible = possible && session_.has(VIRTIO_BLK_F_FLUSH);
        break;
    case Operation::Discard:
        possible = possible && !facts_.read_only && request.block_count <= facts_.max_discard_blocks;
        break;
    case Operation::WriteZeroes:
        possible = possible && !facts_.read_only && request.block_count <= facts_.max_write_zeroes_blocks;
        break;
    }
    return possible ? Result<>() : Result<>(error(ErrorCode::DeviceBroken, "disk has changed"));
}

// Section 5.2.6.1: the capacity may have changed. The rest cannot change without a reset.
void VirtioBlk::config_changed() {
    auto config = read_config(session_);
    device::BlockFacts now;
    if (config && derive_facts(*config, limits_.max_data_buffers, now) &&
        now.block_bytes == facts_.block_bytes)
        facts_.block_count = now.block_count;
}

// Asks for the serial number (GET_ID). A disk without one is as good as any; one that does not
// answer is reset, and gets no second question: no storage has to be waited for, and a disk that
// ignores the question works.
void VirtioBlk::read_serial() {
    facts_.serial[0] = 0;
    u16 slot = lanes_[0].first_free;
    auto chain = queue(0).begin(frame_buffers + 1);
    if (!chain || !open_frame(*chain, slot, VIRTIO_BLK_T_GET_ID, 0) ||
        !chain->add(shared_->part<dma::FromDevice>(id_offset(), virtio_blk_id_bytes)) ||
        !close_frame(*chain, slot))
        return;
    BlockRequest request;
    request.begin();
    identify_ = &request;
    submit(0, std::move(*chain), slot, request, virtio_blk_id_bytes);
    commit();
    event::Patience patience(loop_, identify_budget);
    if (Result<> waited = loop_.wait(request, patience.deadline()); !waited && !request.is_done())
        session_.restart(waited.error());
    identify_ = nullptr;
    if (request.outcome())
        note_serial();
}

void VirtioBlk::note_serial() {
    char id[virtio_blk_id_bytes];
    std::memcpy(id, shared_->data() + id_offset(),
                sizeof(id)); // a private copy: the device may change its mind
    usize length = 0;
    for (char c : id) {
        if (c == 0)
            break;
        if (c >= ' ' && c <= '~')
            facts_.serial[length++] = c;
    }
    facts_.serial[length] = 0;
}

namespace {

constexpr QueueSpec queues[] = {{
    .name = "requestq",
    .min_size = frame_buffers + 1,
    .max_chain = max_chain,
    .max_indirect = max_slots,
}};

// Section 5.2.5.1 forbids DISCARD where the zones are host-managed. What they are is known only with ZONED
// accepted, which Vireo never does (blk.05): so none on any disk that has zones.
constexpr FeatureConflict conflicts[] = {{.feature = VIRTIO_BLK_F_DISCARD, .offered = VIRTIO_BLK_F_ZONED}};

constexpr DriverManifest manifest{
    .name = "virtio-blk",
    .device_type = VIRTIO_ID_BLOCK,
    .required = {},
    .optional =
        FeatureSet::of({VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_RO, VIRTIO_BLK_F_BLK_SIZE,
                        VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_TOPOLOGY, VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_MQ,
                        VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES}),
    .dependencies = {},
    .queues = queues,
    .create = [](Session& session) -> Result<std::unique_ptr<Driver>> {
        return std::unique_ptr<Driver>(VIREO_TRY(make_owned<VirtioBlk>(session)));
    },
    .conflicts = conflicts,
    .introduce = [](device::Registry& registry) { registry.block.expect(VirtioBlk::interface_name); },
};
VIREO_VIRTIO_DRIVER(manifest);

} // namespace

} // namespace vireo::drivers::blk
