// SPDX-License-Identifier: Apache-2.0
#include "virtio/wire/blk.h"
#include "device/registry.h"
#include "drivers/blk/config.h"
#include "virtio/wire/shared.h"

// Block device (section 5.2). Many requests in flight; data goes straight between the device and the caller's
// memory. README.md in this folder says which features are used and which are not, and why.
namespace vireo::drivers::blk {

namespace {

using namespace virtio;
using namespace virtio::wire;
using device::BlockDevice;
using device::BlockRequest;
using event::Deadline;
using event::Duration;

constexpr u16 max_slots = BlockDevice::max_in_flight;
// A request is a header, data, and a status byte, each in descriptors of its own: any device takes that, also
// those that insist on it (section 5.2.6.4).
constexpr u16 frame_buffers = 2;
constexpr u16 max_chain = frame_buffers + BlockRequest::max_segments;

// What a status byte holds before the device writes it: no status of the standard.
constexpr u8 status_poison = 0xff;
constexpr Duration identify_timeout = Duration::seconds(2);

// The part of a request that lies in shared memory. One for each slot.
struct Frame {
    virtio_blk_req_header header;
    virtio_blk_discard_write_zeroes range; // of DISCARD and WRITE_ZEROES
    Shared<u8> status;
    u8 unused[15];
};
static_assert(sizeof(Frame) == 48);

class VirtioBlk final : public Driver, public BlockDevice {
  public:
    explicit VirtioBlk(Session& session) : BlockDevice(session.loop()), session_(session) {}

    // --- Driver
    Result<> start() override;
    void went_live() override;
    bool harvest() override;
    Result<u16> queue_count() override { return read_queue_count(session_); }
    void stop(Error why, InFlight fate) override;
    void queue_stopped(usize index, Error why) override;
    void config_changed() override;
    Result<> announce(device::Registry& registry) override {
        VIREO_TRY(registry.block.add(*this));
        number_ = registry.block.count() - 1;
        return {};
    }
    void print_name(Writer& out) const override {
        print(out, "virtio {}", number_);
        if (facts_.serial[0] != 0)
            print(out, " (serial {})", std::string_view(facts_.serial));
    }

  private:
    // A request in flight, the private part.
    struct Slot {
        BlockRequest* request = nullptr; // nullptr: free
        u32 data_from_device = 0;
        u16 next_free = 0;
    };
    // A queue and the slots that are its own.
    struct Lane {
        u16 first_slot = 0;
        u16 first_free = no_slot;
        u16 free = 0;
        bool uncommitted = false;
    };
    static constexpr u16 no_slot = 0xffff;

    // --- BlockDevice
    bool start(BlockRequest& request) override;
    void commit() override;
    void abort(Error why) override;
    Result<> usable() const override { return session_.usable(); }

    Queue& queue(usize lane) const { return session_.queue(lane); }
    std::span<Lane> lanes() { return std::span(lanes_).first(lane_count_); }
    Result<> learn_facts();
    void make_slots();
    void read_serial();
    void note_serial();

    bool start_on(usize lane, BlockRequest& request);
    u32 buffers_of(const BlockRequest& request) const;
    Result<> build(Chain& chain, u16 slot, const BlockRequest& request);
    Result<> open_frame(Chain& chain, u16 slot, u32 type, u64 sector);
    Result<> add_range(Chain& chain, u16 slot, const BlockRequest& request, u32 flags);
    template <typename Dir> Result<> add_data(Chain& chain, const BlockRequest& request) const;
    Result<> close_frame(Chain& chain, u16 slot);
    void submit(usize lane, Chain&& chain, u16 slot, BlockRequest& request, u32 data_from_device);
    Result<> outcome_of(usize lane, u16 slot, u32 written) const;
    BlockRequest& free_slot(Lane& lane, u16 slot);
    bool harvest(usize lane);

    Result<> still_possible(const BlockRequest& request) const;
    void end_kept(Error why);
    void resubmit();

    static usize frame_offset(u16 slot) { return slot * sizeof(Frame); }
    Frame& frame(u16 slot) const { return overlay<Frame>(shared_->data())[slot]; }
    usize id_offset() const { return frame_offset(slot_count_); }
    // Sectors of the protocol have 512 bytes, whatever the block size (section 5.2.4).
    u64 sectors(u64 blocks) const { return blocks * (facts_.block_bytes / virtio_blk_sector_bytes); }

    Session& session_;
    dma::Buffer* shared_ = nullptr; // frames, then room for the device's id
    Slot slots_[max_slots];
    Lane lanes_[most_queues];
    u16 slot_count_ = 0;
    u16 lane_count_ = 0;
    Limits limits_;
    usize number_ = 0;
    BlockRequest* identify_ = nullptr; // GET_ID, while it is in flight

    // Requests that were in flight when the device was reset, and the block size they count in: they wait for
    // start(), then for room.
    FixedVector<BlockRequest*, max_slots> kept_;
    u32 kept_block_bytes_ = 0;
};

// --- life --------------------------------------------------------------------------------------------------

Result<> VirtioBlk::start() {
    lane_count_ = VIREO_TRY(read_queue_count(session_));
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
    constexpr std::string_view product =
        "QEMU VirtIO Block Device"; // what U-Boot's users see on every transport
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
    session_.restart(why);
}

void VirtioBlk::end_kept(Error why) {
    for (BlockRequest* request : kept_)
        request->complete(why);
    kept_.clear();
}

// Submits what was kept, as far as there is room now, after asking whether it is still possible: the device that
// comes out of a reset need not be the one that went in.
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

// --- requests ----------------------------------------------------------------------------------------------

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
        return error(ErrorCode::Io, "disk reports an I/O error");
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

// Asks for the serial number (GET_ID). A disk without one is as good as any; one that does not answer is
// reset, and gets no second question.
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
    if (Result<> waited = loop_.wait(request, Deadline::after(identify_timeout));
        !waited && !request.is_done())
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

constexpr QueueSpec queues[] = {{
    .name = "requestq",
    .min_size = frame_buffers + 1,
    .max_chain = max_chain,
    .max_indirect = max_slots,
}};

// Section 5.2.5.1 forbids DISCARD where the zones are host-managed. What they are is known only with ZONED accepted,
// which Vireo never does (blk.05): so none on any disk that has zones.
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
};
VIREO_VIRTIO_DRIVER(manifest);

} // namespace

} // namespace vireo::drivers::blk
