// SPDX-License-Identifier: Apache-2.0
#include "device/block_device.h"

#include "base/math.h"

namespace vireo::device {

namespace {

using event::Deadline;

// No single request is longer than this, whatever the device's limits say: a chain's length has 32 bits, and
// QEMU takes less than 2 GiB at a time.
constexpr u64 max_request_bytes = u64{1} << 30;

// How long a disk may show no progress: the fixed time, and what the slowest disk worth waiting for (4 MiB a
// second) needs for all that it was given.
Deadline progress_deadline(u64 bytes_in_flight) {
    constexpr u64 bytes_per_second = u64{4} << 20;
    u64 allowance = bytes_in_flight / (bytes_per_second / 1024) * 1'000'000 / 1024;
    return Deadline::after({BlockDevice::progress_timeout.microseconds + allowance});
}

} // namespace

u64 BlockRequest::bytes() const {
    u64 sum = 0;
    for (const Segment& segment : segments)
        sum += segment.bytes;
    return sum;
}

// Walks extents and cuts requests from them, each as large as the device's limits allow. Extents that follow
// each other on the disk go into one request, whose segments then lie wherever the caller wants the data.
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
    return transfer(BlockRequest::Operation::Read, extents);
}

Result<> BlockDevice::write(std::span<const BlockExtent> extents) {
    if (facts_.read_only)
        return error(ErrorCode::ReadOnly, "disk is read-only");
    return transfer(BlockRequest::Operation::Write, extents);
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
    if (!start(request)) {
        request.complete({});
        return refused();
    }
    ++requests_issued_;
    commit();
    Result<> waited = loop_.wait(request, progress_deadline(unflushed_bytes_));
    if (!waited)
        abort(waited.error());
    if (request.outcome())
        unflushed_bytes_ = 0;
    return request.outcome();
}

// Why a disk with nothing in flight takes no request: it is out of order, or there is no memory to describe
// the request in.
Error BlockDevice::refused() const {
    Result<> state = usable();
    return state ? error(ErrorCode::NoMemory, "no DMA memory for a disk request") : state.error();
}

Result<> BlockDevice::prepare() {
    if (requests_.is_empty())
        requests_ = VIREO_TRY(OwnedArray<BlockRequest>::create(max_in_flight));
    return {};
}

// --- transfer ----------------------------------------------------------------------------------------------

// Carries a plan out with as many requests in flight as the device takes.
class BlockDevice::Transfer {
  public:
    Transfer(BlockDevice& device, BlockRequest::Operation operation, Plan& plan)
        : device_(device), plan_(plan), operation_(operation),
          depth_(std::clamp<usize>(device.facts_.queue_depth, 1, max_in_flight)) {}

    Result<> run() {
        for (;;) {
            refill();
            if (busy_ == 0)
                return outcome_ && !plan_.is_done() ? device_.refused() : outcome_;
            // At least one comes back; that is progress, and renews the deadline.
            Result<> waited =
                device_.loop_.wait_until(progress_deadline(bytes_in_flight_), [&] { return collect(); });
            if (!waited)
                give_up(waited.error());
        }
    }

  private:
    // Starts all that the device has room for and announces it once. After an error nothing new is started.
    void refill() {
        bool has_started = false;
        while (outcome_ && !plan_.is_done() && start_one())
            has_started = true;
        if (has_started)
            device_.commit();
    }

    bool start_one() {
        auto slot = static_cast<usize>(std::countr_one(busy_));
        if (slot >= depth_)
            return false;
        BlockRequest& request = device_.requests_[slot];
        Plan before = plan_;
        request.operation = operation_;
        plan_.fill(request);
        const BlockFacts& facts = device_.facts_;
        if (!range_fits(request.first_block, request.bytes() / facts.block_bytes, facts.block_count)) {
            outcome_ = error(ErrorCode::OutOfRange, "disk has become smaller"); // since check()
            return false;
        }
        request.begin();
        if (!device_.start(request)) {
            request.complete({});
            plan_ = before;
            return false;
        }
        busy_ |= u64{1} << slot;
        bytes_in_flight_ += request.bytes();
        if (operation_ == BlockRequest::Operation::Write)
            device_.unflushed_bytes_ += request.bytes();
        ++device_.requests_issued_;
        return true;
    }

    // Takes note of every request that has come back; true if there was one.
    bool collect() {
        bool any = false;
        for (u64 left = busy_; left != 0; left &= left - 1) {
            auto slot = static_cast<usize>(std::countr_zero(left));
            const BlockRequest& request = device_.requests_[slot];
            if (!request.is_done())
                continue;
            any = true;
            busy_ &= ~(u64{1} << slot);
            bytes_in_flight_ -= request.bytes();
            if (outcome_)
                outcome_ = request.outcome();
        }
        return any;
    }

    // The device is reset, so that nothing writes into the caller's memory after our return.
    void give_up(Error why) {
        if (outcome_)
            outcome_ = why;
        device_.abort(why);
        collect();
        VIREO_ASSERT(busy_ == 0);
    }

    static_assert(max_in_flight <= 64);
    BlockDevice& device_;
    Plan& plan_;
    BlockRequest::Operation operation_;
    usize depth_;
    u64 busy_ = 0; // bit i: requests_[i] is with the device, or has come back and was not looked at yet
    u64 bytes_in_flight_ = 0;
    Result<> outcome_{};
};

Result<> BlockDevice::transfer(BlockRequest::Operation operation, std::span<const BlockExtent> extents) {
    VIREO_TRY(check(extents));
    VIREO_TRY(usable());
    Plan plan(facts_, extents);
    if (plan.is_done())
        return {};
    VIREO_TRY(prepare());
    return Transfer(*this, operation, plan).run();
}

} // namespace vireo::device
