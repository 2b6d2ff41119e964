// SPDX-License-Identifier: Apache-2.0
#include "device/block_plan.h"

#include "base/math.h"
#include "event/bootstage.h"
#include "event/patience.h"

namespace vireo::device {

namespace {

using event::Duration;

// Zeroes for disks that cannot make them: written again and again from here.
constexpr usize zero_buffer_bytes = 256 * 1024;

// What a disk is taken to move at least, as long as nothing is known of it (Pace): 8 MB in a second.
constexpr u64 bytes_per_microsecond = 8;

// A FLUSH shows no progress at all; more than this is not waited for what may have been written before it.
constexpr Duration longest_flush = Duration::seconds(60);

// How long a disk may show no progress: the fixed time, and what the slowest one needs for all
// that it was given.
Duration longest_silence(u64 bytes) {
    return BlockDevice::progress_timeout + Duration::micro(bytes / bytes_per_microsecond);
}

// Why a wait for a disk ended in vain.
Error reason_of(Error ended, event::Patience::Verdict verdict) {
    if (ended.code != ErrorCode::Timeout)
        return ended;
    static_assert(BlockDevice::least_bytes_per_second == 4096);
    return error(ErrorCode::Timeout, verdict == event::Patience::Verdict::TooSlow
                                         ? "disk moves less than 4 KiB in a second"
                                         : "disk gives nothing");
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
    event::Patience patience(
        loop_, event::Budget::total(std::min(longest_silence(unflushed_bytes_), longest_flush)));
    if (Result<> waited = loop_.wait(request, patience.deadline()); !waited)
        abort(reason_of(waited.error(), event::Patience::Verdict::Silent));
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

// A disk that keeps each operation waiting, though each for less than it may: that ends as one
// that trickles does.
Result<> BlockDevice::keep_patience() {
    if (behind_ < head_start)
        return {};
    behind_ = {};
    return reason_of(error(ErrorCode::Timeout, ""), event::Patience::Verdict::TooSlow);
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
    // `most_at_once`: how many bytes can be in flight together.
    Transfer(BlockDevice& device, Operation operation, Plan& plan, u64 most_at_once)
        : device_(device), plan_(plan), operation_(operation),
          depth_(std::clamp<usize>(device.facts_.queue_depth, 1, max_in_flight)),
          block_bytes_(device.facts_.block_bytes),
          patience_(device.loop_, {.silence = longest_silence(most_at_once),
                                   .head_start = std::max(head_start - device.behind_, progress_timeout),
                                   .least_rate = least_bytes_per_second}) {}

    Result<> run() {
        for (;;) {
            refill();
            if (busy_ == 0)
                break;
            // At least one comes back; that is progress, and renews the patience.
            Result<> waited =
                device_.loop_.wait_until(patience_.deadline(), [&] { return device_.finished_ != 0; });
            collect();
            if (!waited)
                give_up(waited.error());
        }
        settle();
        return outcome_ && !plan_.is_done() ? device_.refused() : outcome_;
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
        u64 room = room_for_more();
        if (slot >= depth_ || room == 0)
            return false;
        const BlockFacts& facts = device_.facts_;
        // A device that was reset on the way may have come back as another one.
        if (facts.block_bytes != block_bytes_ || (facts.read_only && operation_ != Operation::Read)) {
            outcome_ = error(ErrorCode::DeviceBroken, "disk has changed");
            return false;
        }
        BlockRequest& request = device_.requests_[slot];
        Plan before = plan_;
        plan_.fill(request, room);
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

    // How many bytes the next request may have; 0: something has to come back first. What a slow disk has in
    // flight stays within its pace.
    u64 room_for_more() const {
        u64 most = device_.pace_.most_in_flight();
        if (busy_ == 0)
            return most;
        if (most == most_bytes_in_flight)
            return bytes_in_flight_ < most ? most : 0;
        return bytes_in_flight_ <= most / 2 ? most - bytes_in_flight_ : 0;
    }

    // Bytes that the device has to move for a request.
    u64 weight(const BlockRequest& request) const {
        return operation_ == Operation::Discard ? 0 : request.block_count * block_bytes_;
    }

    // Takes note of every request that has come back.
    void collect() {
        u64 done_before = done_bytes_;
        for (u64 left = std::exchange(device_.finished_, 0); left != 0; left &= left - 1) {
            auto slot = static_cast<usize>(std::countr_zero(left));
            const BlockRequest& request = device_.requests_[slot];
            busy_ &= ~(u64{1} << slot);
            bytes_in_flight_ -= weight(request);
            done_bytes_ += request.block_count * block_bytes_;
            if (outcome_)
                outcome_ = request.outcome();
        }
        if (gave_up_)
            return; // what ended now, ended by us
        Duration took = patience_.reached(done_bytes_);
        if (done_bytes_ != done_before && operation_ != Operation::Discard)
            device_.pace_.note(done_bytes_ - done_before, took);
    }

    // Whatever the device does with these requests from now on reaches nobody.
    void give_up(Error ended) {
        Error why = reason_of(ended, patience_.verdict());
        if (outcome_)
            outcome_ = why;
        if (why.code == ErrorCode::Timeout)
            device_.pace_.note_silence();
        gave_up_ = true;
        device_.abort(why);
        collect();
        VIREO_ASSERT(busy_ == 0);
    }

    // What this operation has used up of the head start that is for all, or has earned again.
    void settle() {
        Duration used = device_.behind_ + patience_.elapsed();
        Duration earned = event::time_for(done_bytes_, least_bytes_per_second);
        device_.behind_ = gave_up_ ? Duration{} : used - std::min(used, earned);
    }

    static_assert(max_in_flight <= 64);
    BlockDevice& device_;
    Plan& plan_;
    Operation operation_;
    usize depth_;
    u32 block_bytes_;
    u64 busy_ = 0; // bit i: requests_[i] is with the device, or has come back and was not looked at yet
    u64 bytes_in_flight_ = 0;
    u64 done_bytes_ = 0; // of requests that came back, however
    bool gave_up_ = false;
    Result<> outcome_{};
    event::Patience patience_;
};

Result<> BlockDevice::transfer(Operation operation, std::span<const BlockExtent> extents,
                               usize repeated_bytes) {
    VIREO_TRY(usable()); // first: after a pause this notices that the disk was resized
    VIREO_TRY(check(extents));
    Plan plan(facts_, operation, extents, repeated_bytes);
    if (plan.is_done())
        return {};
    VIREO_TRY(prepare());
    VIREO_TRY(keep_patience());
    event::WorkTimer timer(event::Work::Disks);
    u64 most_at_once = 0;
    for (const BlockExtent& extent : extents) {
        if (operation == Operation::Discard || most_at_once == most_bytes_in_flight)
            break;
        most_at_once = std::min(most_at_once + extent.bytes, most_bytes_in_flight);
    }
    return Transfer(*this, operation, plan, most_at_once).run();
}

} // namespace vireo::device
