// SPDX-License-Identifier: Apache-2.0
#include "device/block_device.h"

#include "base/math.h"

namespace vireo::device {

namespace {

using event::Deadline;

// No single request is longer than this, whatever the device's limits say: a chain's length has 32 bits, and QEMU takes less
// than 2 GiB at a time.
constexpr u64 max_request_bytes = u64{1} << 30;

} // namespace

u64 BlockRequest::bytes() const {
    u64 sum = 0;
    for (const Segment& segment : segments)
        sum += segment.bytes;
    return sum;
}

// Walks extents and cuts requests from them, each as large as the device's limits allow. Extents that follow each other
// on the disk go into one request, whose segments then lie wherever the caller wants the data.
class BlockDevice::Plan {
  public:
    Plan(const BlockFacts& facts, std::span<const BlockExtent> extents) : facts_(&facts), extents_(extents) {
        skip_finished();
    }
    bool is_done() const { return extents_.empty(); }

    void fill(BlockRequest& request) {
        request.segments.clear();
        request.first_block = position();
        u64 next_block = request.first_block;
        u64 room = max_request_bytes;
        usize max_segments = std::min<usize>(facts_->max_segments, BlockRequest::max_segments);
        while (!is_done() && position() == next_block && room >= facts_->block_bytes) {
            u64 bytes = take_segment(request, std::min(room, extents_.front().bytes - done_), max_segments);
            if (bytes == 0)
                return;
            room -= bytes;
            next_block += bytes / facts_->block_bytes;
            done_ += bytes;
            skip_finished();
        }
    }

  private:
    u64 position() const { return extents_.front().first_block + done_ / facts_->block_bytes; }

    // Adds up to `bytes` at the current place; how much it was, 0 if the request is full.
    u64 take_segment(BlockRequest& request, u64 bytes, usize max_segments) {
        std::byte* memory = extents_.front().memory + done_;
        if (!request.segments.is_empty()) {
            // Memory that goes on where the last segment ends needs no new one.
            auto& last = request.segments.back();
            if (last.memory + last.bytes == memory && last.bytes < facts_->max_segment_bytes) {
                bytes = std::min<u64>(bytes, facts_->max_segment_bytes - last.bytes);
                last.bytes += static_cast<u32>(bytes);
                return bytes;
            }
        }
        if (request.segments.size() == max_segments)
            return 0;
        bytes = std::min<u64>(bytes, facts_->max_segment_bytes);
        VIREO_ASSERT(request.segments.try_push_back({memory, static_cast<u32>(bytes)}));
        return bytes;
    }

    void skip_finished() {
        while (!extents_.empty() && done_ == extents_.front().bytes) {
            extents_ = extents_.subspan(1);
            done_ = 0;
        }
    }

    const BlockFacts* facts_;
    std::span<const BlockExtent> extents_;
    u64 done_ = 0; // bytes of the first extent that are in earlier requests
};

Result<> BlockDevice::check(std::span<const BlockExtent> extents) const {
    for (const BlockExtent& extent : extents) {
        if (!is_aligned(extent.bytes, facts_.block_bytes))
            return error(ErrorCode::InvalidArgument, "not a whole number of blocks");
        if (!range_fits(extent.first_block, extent.bytes / facts_.block_bytes, facts_.block_count))
            return error(ErrorCode::OutOfRange, "beyond the end of the disk");
    }
    return {};
}

Result<> BlockDevice::read(u64 first_block, MutableBytes memory) {
    BlockExtent extent{first_block, memory.data(), memory.size()};
    return read(std::span(&extent, 1));
}

Result<> BlockDevice::write(u64 first_block, Bytes memory) {
    // The type of an extent serves both directions; a write only reads the memory.
    BlockExtent extent{first_block, const_cast<std::byte*>(memory.data()), memory.size()};
    return write(std::span<const BlockExtent>(&extent, 1));
}

Result<> BlockDevice::read(std::span<const BlockExtent> extents) {
    VIREO_TRY(check(extents));
    Plan plan(facts_, extents);
    return transfer(BlockRequest::Operation::Read, plan);
}

Result<> BlockDevice::write(std::span<const BlockExtent> extents) {
    if (facts_.read_only)
        return error(ErrorCode::ReadOnly, "disk is read-only");
    VIREO_TRY(check(extents));
    Plan plan(facts_, extents);
    return transfer(BlockRequest::Operation::Write, plan);
}

Result<> BlockDevice::flush() {
    if (!facts_.has_write_cache)
        return {};
    VIREO_TRY(usable());
    VIREO_TRY(prepare());
    BlockRequest& request = requests_[0];
    request.operation = BlockRequest::Operation::Flush;
    request.first_block = 0;
    request.segments.clear();
    request.begin();
    ++requests_issued_;
    if (!start(request)) {
        request.complete({});
        return refused();
    }
    commit();
    Result<> waited = loop_.wait(request, Deadline::after(progress_timeout));
    if (!waited && !request.is_done())
        abort(waited.error());
    return request.outcome();
}

// Why a disk with nothing in flight takes no request: it is out of order, or there is no memory to describe the request in.
Error BlockDevice::refused() const {
    Result<> state = usable();
    return state ? error(ErrorCode::NoMemory, "no DMA memory for a disk request") : state.error();
}

Result<> BlockDevice::prepare() {
    if (requests_.is_empty())
        requests_ = VIREO_TRY(OwnedArray<BlockRequest>::create(max_in_flight));
    return {};
}

Result<> BlockDevice::transfer(BlockRequest::Operation operation, Plan& plan) {
    VIREO_TRY(usable());
    if (plan.is_done())
        return {};
    VIREO_TRY(prepare());

    usize depth = std::clamp<usize>(facts_.queue_depth, 1, max_in_flight);
    static_assert(max_in_flight <= 64);
    u64 busy = 0; // bit i: requests_[i] is with the device, or has come back and was not looked at yet
    Result<> outcome{};
    for (;;) {
        // Refill: everything that the device has room for, announced once. After an error nothing new is started.
        bool has_started = false;
        while (outcome && !plan.is_done()) {
            auto slot = static_cast<usize>(std::countr_one(busy));
            if (slot >= depth)
                break;
            BlockRequest& request = requests_[slot];
            Plan before = plan;
            request.operation = operation;
            plan.fill(request);
            if (!range_fits(request.first_block, request.bytes() / facts_.block_bytes, facts_.block_count)) {
                outcome = error(ErrorCode::OutOfRange, "disk has become smaller"); // since check()
                break;
            }
            request.begin();
            if (!start(request)) {
                request.complete({});
                plan = before;
                break;
            }
            busy |= u64{1} << slot;
            ++requests_issued_;
            has_started = true;
        }
        if (has_started)
            commit();
        if (busy == 0)
            return outcome && !plan.is_done() ? refused() : outcome;

        // Wait for at least one; each that comes back is progress and renews the deadline.
        auto collect = [&] {
            bool any = false;
            for (u64 left = busy; left != 0; left &= left - 1) {
                auto slot = std::countr_zero(left);
                const BlockRequest& request = requests_[static_cast<usize>(slot)];
                if (!request.is_done())
                    continue;
                any = true;
                busy &= ~(u64{1} << slot);
                if (outcome)
                    outcome = request.outcome();
            }
            return any;
        };
        Result<> waited = loop_.wait_until(Deadline::after(progress_timeout), collect);
        if (!waited) {
            // Given up: the device is reset, so that nothing writes into the caller's memory after our return.
            if (outcome)
                outcome = waited;
            abort(waited.error());
            collect();
            VIREO_ASSERT(busy == 0);
        }
    }
}

} // namespace vireo::device
