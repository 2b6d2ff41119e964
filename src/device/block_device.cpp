// SPDX-License-Identifier: Apache-2.0
#include "device/block_device.h"

#include "base/math.h"
#include "event/bootstage.h"

namespace vireo::device {

namespace {

using event::Deadline;
using event::Duration;

// Of ranges without data in memory. Zeroes may have to be written one by one by the device: the more bytes in one
// request, the longer nothing shows. A discard only changes tables.
constexpr u64 largest_zeroing_bytes = u64{32} << 20;
constexpr u64 largest_discard_bytes = u64{1} << 30;

// Zeroes for disks that cannot make them: written again and again from here.
constexpr usize zero_buffer_bytes = 256 * 1024;

// The slowest disk worth waiting for moves 8 MB in a second.
constexpr u64 bytes_per_microsecond = 8;

// A FLUSH shows no progress at all; more than this is not waited for what may have been written before it.
constexpr Duration longest_flush = Duration::seconds(60);

// How long a disk may show no progress: the fixed time, and what the slowest one needs for all that it was given.
Duration patience(u64 bytes) {
    return {BlockDevice::progress_timeout.microseconds + bytes / bytes_per_microsecond};
}

} // namespace

u64 BlockRequest::bytes() const {
    u64 sum = 0;
    for (const Segment& segment : segments)
        sum += segment.bytes;
    return sum;
}

void BlockRequest::complete(Result<> outcome) {
    event::Request::complete(outcome);
    if (finished_)
        *finished_ |= u64{1} << index_;
}

// Walks extents and cuts requests from them, each as large as the device's limits and our own allow. Extents that
// follow each other on the disk go into one request, whose segments then lie wherever the caller wants the data.
// Discard and WriteZeroes have extents without memory.
class BlockDevice::Plan {
  public:
    // `repeated_bytes`: not 0, where every segment comes from the same so many bytes of memory.
    Plan(const BlockFacts& facts, Operation operation, std::span<const BlockExtent> extents,
         usize repeated_bytes)
        : facts_(&facts), extents_(extents), repeated_bytes_(repeated_bytes), operation_(operation) {
        skip_finished();
    }
    bool is_done() const { return extents_.empty(); }

    void fill(BlockRequest& request) {
        request.operation = operation_;
        request.segments.clear();
        request.first_block = position();
        if (operation_ == Operation::Discard || operation_ == Operation::WriteZeroes)
            return take_range(request);
        u64 next_block = request.first_block;
        u64 room = largest_request_bytes;
        if (facts_->max_request_bytes != 0)
            room = std::min<u64>(room, facts_->max_request_bytes);
        usize max_segments = std::min<usize>(facts_->max_segments, BlockRequest::max_segments);
        while (!is_done() && position() == next_block && room >= facts_->block_bytes) {
            u64 bytes = take_segment(request, std::min(room, extents_.front().bytes - done_), max_segments);
            if (bytes == 0)
                break;
            room -= bytes;
            next_block += bytes / facts_->block_bytes;
            done_ += bytes;
            skip_finished();
        }
        request.block_count = next_block - request.first_block;
    }

  private:
    u64 position() const { return extents_.front().first_block + done_ / facts_->block_bytes; }

    // Adds up to `bytes` at the current place; how much it was, 0 if the request is full.
    u64 take_segment(BlockRequest& request, u64 bytes, usize max_segments) {
        std::byte* memory = extents_.front().memory;
        if (repeated_bytes_ != 0)
            bytes = std::min<u64>(bytes, repeated_bytes_);
        else
            memory += done_;
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

    void take_range(BlockRequest& request) {
        bool discards = operation_ == Operation::Discard;
        u64 limit = discards ? facts_->max_discard_blocks : facts_->max_write_zeroes_blocks;
        limit =
            std::min(limit, (discards ? largest_discard_bytes : largest_zeroing_bytes) / facts_->block_bytes);
        u64 left = (extents_.front().bytes - done_) / facts_->block_bytes;
        u64 count = std::min(limit, left);
        u64 end = request.first_block + count;
        // A device may ignore the part of a discard that does not fill a unit of its own: cut between two of them.
        u64 whole_units_end = end - end % facts_->discard_alignment_blocks;
        if (discards && count < left && whole_units_end > request.first_block)
            count = whole_units_end - request.first_block;
        request.block_count = count;
        done_ += count * facts_->block_bytes;
        skip_finished();
    }

    void skip_finished() {
        while (!extents_.empty() && done_ == extents_.front().bytes) {
            extents_ = extents_.subspan(1);
            done_ = 0;
        }
    }

    const BlockFacts* facts_;
    std::span<const BlockExtent> extents_;
    usize repeated_bytes_;
    u64 done_ = 0; // bytes of the first extent that are in earlier requests
    Operation operation_;
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
    return transfer(Operation::Read, extents);
}

Result<> BlockDevice::write(std::span<const BlockExtent> extents) {
    if (facts_.read_only)
        return error(ErrorCode::ReadOnly, "the disk takes no writes");
    return transfer(Operation::Write, extents);
}

Result<BlockExtent> BlockDevice::checked_range(u64 first_block, u64 block_count) const {
    if (facts_.read_only)
        return error(ErrorCode::ReadOnly, "the disk takes no writes");
    if (!range_fits(first_block, block_count, facts_.block_count))
        return error(ErrorCode::OutOfRange, "beyond the end of the disk");
    return BlockExtent{first_block, nullptr, block_count * facts_.block_bytes};
}

Result<> BlockDevice::write_zeroes(u64 first_block, u64 block_count) {
    BlockExtent range = VIREO_TRY(checked_range(first_block, block_count));
    if (facts_.max_write_zeroes_blocks != 0)
        return transfer(Operation::WriteZeroes, std::span(&range, 1));
    auto zeroes = VIREO_TRY(OwnedArray<std::byte>::create(zero_buffer_bytes));
    range.memory = zeroes.data();
    return transfer(Operation::Write, std::span(&range, 1), zeroes.size());
}

Result<> BlockDevice::discard(u64 first_block, u64 block_count) {
    BlockExtent range = VIREO_TRY(checked_range(first_block, block_count));
    if (facts_.max_discard_blocks == 0)
        return error(ErrorCode::NotSupported, "disk cannot discard");
    return transfer(Operation::Discard, std::span(&range, 1));
}

Result<> BlockDevice::flush() {
    if (!facts_.has_write_cache)
        return {};
    VIREO_TRY(usable());
    VIREO_TRY(prepare());
    event::WorkTimer timer(event::Work::Disks);
    BlockRequest& request = requests_[0];
    request.operation = Operation::Flush;
    request.first_block = 0;
    request.block_count = 0;
    request.segments.clear();
    request.begin();
    if (!start(request)) {
        request.complete({});
        return refused();
    }
    ++requests_issued_;
    commit();
    Result<> waited =
        loop_.wait(request, Deadline::after(std::min(patience(unflushed_bytes_), longest_flush)));
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
    finished_ = 0;
    if (!requests_.is_empty())
        return {};
    requests_ = VIREO_TRY(OwnedArray<BlockRequest>::create(max_in_flight));
    for (usize i = 0; i < max_in_flight; ++i) {
        requests_[i].finished_ = &finished_;
        requests_[i].index_ = static_cast<u8>(i);
    }
    return {};
}

// --- transfer ----------------------------------------------------------------------------------------------

// Carries a plan out with as many requests in flight as the device takes.
class BlockDevice::Transfer {
  public:
    Transfer(BlockDevice& device, Operation operation, Plan& plan)
        : device_(device), plan_(plan), operation_(operation),
          depth_(std::clamp<usize>(device.facts_.queue_depth, 1, max_in_flight)),
          block_bytes_(device.facts_.block_bytes) {}

    Result<> run() {
        event::WorkTimer timer(event::Work::Disks);
        for (;;) {
            refill();
            if (busy_ == 0)
                return outcome_ && !plan_.is_done() ? device_.refused() : outcome_;
            // At least one comes back; that is progress, and renews the deadline.
            Result<> waited = device_.loop_.wait_until(Deadline::after(patience(bytes_in_flight_)),
                                                       [&] { return device_.finished_ != 0; });
            collect();
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
        if (slot >= depth_ || (busy_ != 0 && bytes_in_flight_ >= most_bytes_in_flight))
            return false;
        const BlockFacts& facts = device_.facts_;
        // A device that was reset on the way may have come back as another one.
        if (facts.block_bytes != block_bytes_ || (facts.read_only && operation_ != Operation::Read)) {
            outcome_ = error(ErrorCode::DeviceBroken, "disk has changed");
            return false;
        }
        BlockRequest& request = device_.requests_[slot];
        Plan before = plan_;
        plan_.fill(request);
        if (request.block_count == 0) {
            outcome_ = error(ErrorCode::NotSupported, "disk has changed");
            return false;
        }
        if (!range_fits(request.first_block, request.block_count, facts.block_count)) {
            outcome_ = error(ErrorCode::OutOfRange, "disk has become smaller"); // since check()
            return false;
        }
        request.begin();
        if (!device_.start(request)) {
            request.complete({});
            device_.finished_ &= ~(u64{1} << slot);
            plan_ = before;
            return false;
        }
        busy_ |= u64{1} << slot;
        bytes_in_flight_ += weight(request);
        if (operation_ == Operation::Write || operation_ == Operation::WriteZeroes)
            device_.unflushed_bytes_ += weight(request);
        ++device_.requests_issued_;
        return true;
    }

    // Bytes that the device has to move for a request.
    u64 weight(const BlockRequest& request) const {
        return operation_ == Operation::Discard ? 0 : request.block_count * block_bytes_;
    }

    // Takes note of every request that has come back.
    void collect() {
        for (u64 left = std::exchange(device_.finished_, 0); left != 0; left &= left - 1) {
            auto slot = static_cast<usize>(std::countr_zero(left));
            const BlockRequest& request = device_.requests_[slot];
            busy_ &= ~(u64{1} << slot);
            bytes_in_flight_ -= weight(request);
            if (outcome_)
                outcome_ = request.outcome();
        }
    }

    // Whatever the device does with these requests from now on reaches nobody.
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
    Operation operation_;
    usize depth_;
    u32 block_bytes_;
    u64 busy_ = 0; // bit i: requests_[i] is with the device, or has come back and was not looked at yet
    u64 bytes_in_flight_ = 0;
    Result<> outcome_{};
};

Result<> BlockDevice::transfer(Operation operation, std::span<const BlockExtent> extents,
                               usize repeated_bytes) {
    VIREO_TRY(usable()); // first: after a pause this notices that the disk was resized
    VIREO_TRY(check(extents));
    Plan plan(facts_, operation, extents, repeated_bytes);
    if (plan.is_done())
        return {};
    VIREO_TRY(prepare());
    return Transfer(*this, operation, plan).run();
}

} // namespace vireo::device
