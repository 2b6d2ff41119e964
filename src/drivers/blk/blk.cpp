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

constexpr usize request_queue = 0;
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
    Shared<u8> status;
    u8 unused[15];
};
static_assert(sizeof(Frame) == 32);

class VirtioBlk final : public Driver, public BlockDevice {
  public:
    explicit VirtioBlk(Session& session) : BlockDevice(session.loop()), session_(session) {}

    // --- Driver
    Result<> start() override;
    void went_live() override;
    bool harvest() override;
    Result<u16> queue_count() override { return u16{1}; }
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
        event::Request* request = nullptr; // nullptr: free
        u32 data_from_device = 0;
        u16 next_free = 0;
    };

    // --- BlockDevice
    bool start(BlockRequest& request) override;
    void commit() override { session_.commit(request_queue); }
    void abort(Error why) override { session_.restart(why); }
    Result<> usable() const override { return session_.usable(); }

    Queue& queue() const { return session_.queue(request_queue); }
    Result<> learn_facts();
    void read_serial();
    u16 buffers_of(const BlockRequest& request) const;
    Result<> build(Chain& chain, u16 slot, const BlockRequest& request);
    Result<> open_frame(Chain& chain, u16 slot, u32 type, u64 sector);
    template <typename Dir> Result<> add_data(Chain& chain, const BlockRequest& request) const;
    Result<> close_frame(Chain& chain, u16 slot);
    void submit(Chain&& chain, u16 slot, event::Request& request, u32 data_from_device);
    Result<> outcome_of(u16 slot, u32 written) const;

    static usize frame_offset(u16 slot) { return slot * sizeof(Frame); }
    Frame& frame(u16 slot) const { return overlay<Frame>(shared_->data())[slot]; }
    usize id_offset() const { return frame_offset(slot_count_); }

    Session& session_;
    dma::Buffer* shared_ = nullptr; // frames, then room for the device's id
    Slot slots_[max_slots];
    u16 slot_count_ = 0;
    u16 first_free_ = 0; // slot_count_ or more: none
    Limits limits_;
    usize number_ = 0;
};

// --- life --------------------------------------------------------------------------------------------------

Result<> VirtioBlk::start() {
    VIREO_TRY(learn_facts());
    // As many slots as small requests fit the queue, so that slots and ring run out together.
    slot_count_ = std::min(max_slots, queue().capacity(frame_buffers + 1));
    for (u16 i = 0; i < slot_count_; ++i)
        slots_[i] = {.next_free = static_cast<u16>(i + 1)};
    first_free_ = 0;
    facts_.queue_depth = slot_count_;
    shared_ = VIREO_TRY(session_.share(id_offset() + virtio_blk_id_bytes, 64));
    return {};
}

Result<> VirtioBlk::learn_facts() {
    Config config = VIREO_TRY(read_config(session_));
    auto data_buffers = static_cast<u16>(queue().max_chain() - frame_buffers);
    limits_ = VIREO_TRY(derive_facts(config, data_buffers, facts_));
    facts_.read_only = session_.has(VIRTIO_BLK_F_RO);
    // Section 5.2.5.1: FLUSH without CONFIG_WCE is to be taken for a write-back cache.
    facts_.has_write_cache = session_.has(VIRTIO_BLK_F_FLUSH);
    constexpr std::string_view product =
        "QEMU VirtIO Block Device"; // what U-Boot's users see on every transport
    static_assert(product.size() < sizeof(facts_.product));
    product.copy(facts_.product, product.size());
    return {};
}

void VirtioBlk::went_live() { read_serial(); }

void VirtioBlk::stop(Error why, InFlight) {
    queue_stopped(request_queue, why);
    shared_ = nullptr;
    slot_count_ = 0;
}

void VirtioBlk::queue_stopped(usize, Error why) {
    for (u16 i = 0; i < slot_count_; ++i) {
        event::Request* request = std::exchange(slots_[i].request, nullptr);
        if (!request)
            continue;
        slots_[i].next_free = std::exchange(first_free_, i);
        request->complete(why);
    }
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

bool VirtioBlk::start(BlockRequest& request) {
    u16 slot = first_free_;
    if (slot >= slot_count_)
        return false;
    auto chain = queue().begin(buffers_of(request));
    // Building fails only for want of DMA memory; the chain then falls apart again, and there may be room
    // later.
    if (!chain || !build(*chain, slot, request))
        return false;
    bool is_read = request.operation == BlockRequest::Operation::Read;
    submit(std::move(*chain), slot, request, is_read ? static_cast<u32>(request.bytes()) : 0);
    return true;
}

u16 VirtioBlk::buffers_of(const BlockRequest& request) const {
    u32 buffers = frame_buffers;
    for (const BlockRequest::Segment& segment : request.segments)
        buffers += 1 + (segment.bytes - 1) / limits_.max_segment_bytes;
    return static_cast<u16>(buffers);
}

Result<> VirtioBlk::build(Chain& chain, u16 slot, const BlockRequest& request) {
    // The protocol counts in 512-byte sectors, whatever the block size (section 5.2.4).
    u64 sector = request.first_block * (facts_.block_bytes / virtio_blk_sector_bytes);
    switch (request.operation) {
    case BlockRequest::Operation::Read:
        VIREO_TRY(open_frame(chain, slot, VIRTIO_BLK_T_IN, sector));
        VIREO_TRY(add_data<dma::FromDevice>(chain, request));
        break;
    case BlockRequest::Operation::Write:
        VIREO_TRY(open_frame(chain, slot, VIRTIO_BLK_T_OUT, sector));
        VIREO_TRY(add_data<dma::ToDevice>(chain, request));
        break;
    case BlockRequest::Operation::Flush: // sector 0 and no data (section 5.2.6.1)
        VIREO_TRY(open_frame(chain, slot, VIRTIO_BLK_T_FLUSH, 0));
        break;
    }
    return close_frame(chain, slot);
}

Result<> VirtioBlk::open_frame(Chain& chain, u16 slot, u32 type, u64 sector) {
    frame(slot).header = {.type = type, .reserved = 0, .sector = sector};
    return chain.add(shared_->part<dma::ToDevice>(frame_offset(slot), sizeof(virtio_blk_req_header)));
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

void VirtioBlk::submit(Chain&& chain, u16 slot, event::Request& request, u32 data_from_device) {
    Slot& taken = slots_[slot];
    first_free_ = taken.next_free;
    taken.request = &request;
    taken.data_from_device = data_from_device;
    queue().submit(std::move(chain), slot);
}

bool VirtioBlk::harvest() {
    bool any = false;
    while (auto done = queue().harvest()) {
        any = true;
        Result<> outcome = outcome_of(done->token, done->written);
        Slot& slot = slots_[done->token];
        slot.next_free = std::exchange(first_free_, done->token);
        std::exchange(slot.request, nullptr)->complete(outcome);
    }
    return any;
}

Result<> VirtioBlk::outcome_of(u16 slot, u32 written) const {
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
    if (queue().has_exact_lengths() && written < slots_[slot].data_from_device + 1)
        return error(ErrorCode::Io, "disk returns less than was asked for");
    return {};
}

// Asks for the serial number (GET_ID). A disk without one is as good as any; one that does not answer is
// reset, and gets no second question.
void VirtioBlk::read_serial() {
    facts_.serial[0] = 0;
    u16 slot = first_free_;
    auto chain = queue().begin(frame_buffers + 1);
    if (!chain || !open_frame(*chain, slot, VIRTIO_BLK_T_GET_ID, 0) ||
        !chain->add(shared_->part<dma::FromDevice>(id_offset(), virtio_blk_id_bytes)) ||
        !close_frame(*chain, slot))
        return;
    event::Request request;
    request.begin();
    submit(std::move(*chain), slot, request, virtio_blk_id_bytes);
    commit();
    if (Result<> waited = loop_.wait(request, Deadline::after(identify_timeout));
        !waited && !request.is_done())
        session_.restart(waited.error());
    if (!request.outcome())
        return;

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

constexpr DriverManifest manifest{
    .name = "virtio-blk",
    .device_type = VIRTIO_ID_BLOCK,
    .required = {},
    .optional = FeatureSet::of({VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_RO,
                                VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_TOPOLOGY}),
    .dependencies = {},
    .queues = queues,
    .create = [](Session& session) -> Result<std::unique_ptr<Driver>> {
        return std::unique_ptr<Driver>(VIREO_TRY(make_owned<VirtioBlk>(session)));
    },
};
VIREO_VIRTIO_DRIVER(manifest);

} // namespace

} // namespace vireo::drivers::blk
