// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/owned_array.h"
#include "device/pace.h"
#include "event/event_loop.h"

namespace vireo::device {

// What is known about a disk. Numbers have been validated by the driver.
struct BlockFacts {
    u32 block_bytes = 512; // logical block, a power of two, 512 to 65536
    u64 block_count = 0;   // in logical blocks; block_bytes * block_count fits 64 bits
    bool read_only = false;
    bool has_write_cache = false; // FLUSH makes writes durable; without it they are durable at once
    u32 physical_block_bytes = 512;
    u32 optimal_blocks = 0;           // suggested transfer in logical blocks, 0 if unknown
    u32 max_segments = 1;             // in one request, at least 1
    u32 max_segment_bytes = 0;        // a multiple of block_bytes, at least one block
    u32 max_request_bytes = 0;        // of all segments together, likewise; 0: no limit
    u16 queue_depth = 1;              // requests that can be in flight together
    u32 max_discard_blocks = 0;       // in one request, 0: the disk cannot discard
    u32 discard_alignment_blocks = 1; // where to cut a range best
    u32 max_write_zeroes_blocks = 0;  // in one request, 0: the disk cannot write zeroes by itself
    char product[48] = {};            // "QEMU VirtIO Block Device"
    char serial[21] = {};             // empty if the device has none; printable characters only
};

// Blocks that lie together on the disk and where they go to or come from in memory.
struct BlockExtent {
    u64 first_block;
    std::byte* memory;
    u64 bytes; // a multiple of the block size
};

// One request to a device: consecutive blocks, and for Read and Write memory in one or more segments. Owned
// by BlockDevice::transfer.
class BlockRequest : public event::Request {
  public:
    static constexpr usize max_segments = 16;
    enum class Operation : u8 { Read, Write, Flush, Discard, WriteZeroes };
    struct Segment {
        std::byte* memory;
        u32 bytes;
    };

    Operation operation = Operation::Read;
    u64 first_block = 0;
    u64 block_count = 0; // 0 for Flush
    FixedVector<Segment, max_segments> segments;
    u64 bytes() const; // of the segments

    // As event::Request::complete; also notes it where the one who waits looks.
    void complete(Result<> outcome);

  private:
    friend class BlockDevice;
    u64* finished_ = nullptr; // the set of finished requests, and which bit of it is this one's
    u8 index_ = 0;
};

// A disk. Callers see synchronous functions that keep the device as busy as it can be; the driver sees
// validated requests within its limits. Bounds are checked here, once. On a deadline or Ctrl-C the device
// is given up (abort) and every request in flight ends with an error. The disk may then still read or
// write the caller's memory, until it answers or is reset: dma keeps that memory from whoever might get it
// next, and the disk takes no operation before. So a caller that gives its buffer back, or uses it for
// this disk only, need not care.
class BlockDevice {
  public:
    static constexpr usize max_in_flight = 64;
    // A disk that shows no progress at all for this long is given up (a few seconds more, in proportion to
    // the bytes in flight, which are bounded: a slow disk is not a dead one).
    static constexpr event::Duration progress_timeout = event::Duration::seconds(20);
    // And so is one that trickles: on top of this much time for each operation, and for all of them that
    // follow each other, it must move so many bytes in a second.
    static constexpr event::Duration head_start = event::Duration::seconds(60);
    static constexpr u64 least_bytes_per_second = 4096;
    // The most bytes of one request and of all in flight. Large enough to run at the host's copy speed, small
    // enough that a disk of a few megabytes a second shows progress long before the deadline; of one that has
    // shown to be slower, less is asked at a time (Pace).
    static constexpr u64 largest_request_bytes = u64{16} << 20;
    static constexpr u64 most_bytes_in_flight = u64{64} << 20;

    virtual ~BlockDevice() = default;
    const BlockFacts& facts() const { return facts_; }
    // How users name it: the kind of disk ("virtio"), and its number among those that the registry has seen,
    // which stays its own. 0 before the registry has it.
    std::string_view interface() const { return interface_; }
    u64 number() const { return number_; }

    // Nothing if the disk takes operations, else why not; each operation asks first. A disk that was given
    // up is waited for a short while. May change the facts. Errors: Timeout (it does not answer),
    // Interrupted, DeviceBroken.
    Result<> ready() const { return usable(); }

    // Reads or writes whole blocks. `memory.size()` is a multiple of the block size. Errors: OutOfRange
    // (beyond the end), ReadOnly, Io, Timeout, Interrupted, DeviceBroken, InvalidArgument (size).
    Result<> read(u64 first_block, MutableBytes memory);
    Result<> write(u64 first_block, Bytes memory);
    // Many extents in one go, in few, large requests, with as many in flight as the device takes. Neighbours
    // on disk become one request. The first error ends the transfer.
    Result<> read(std::span<const BlockExtent> extents);
    Result<> write(std::span<const BlockExtent> extents);
    // Makes all finished writes durable.
    Result<> flush();
    // Fills blocks with zeroes: by the disk itself if it can, else by writing them. Errors as
    // write, and NoMemory.
    Result<> write_zeroes(u64 first_block, u64 block_count);
    // Tells the disk that the content of these blocks is not needed any more. Whatever is read there later is
    // undefined (section 5.2.6.1). NotSupported if the disk cannot.
    Result<> discard(u64 first_block, u64 block_count);

    // Requests issued since start, for tests and `virtio stats`.
    u64 requests_issued() const { return requests_issued_; }

  protected:
    using Operation = BlockRequest::Operation;
    // `interface` has static storage.
    BlockDevice(event::EventLoop& loop, std::string_view interface) : loop_(loop), interface_(interface) {}

    // Takes a request (begin() has been called) and completes it later from the event loop, never from inside
    // start(); false if there is no room now: BlockDevice tries again after something has completed.
    virtual bool start(BlockRequest& request) = 0;
    // Announces the started requests to the device: called once after a batch of start().
    virtual void commit() = 0;
    // Gives up everything in flight: each request completes with `why` before this returns. No byte that the
    // device reads or writes of them afterwards is one that somebody uses.
    virtual void abort(Error why) = 0;
    // Asked before each operation: an error if the device can take none (it broke, it was stopped).
    virtual Result<> usable() const { return {}; }

    BlockFacts facts_;
    event::EventLoop& loop_;

  private:
    friend class DiskList; // gives the number
    class Plan;            // cuts extents into requests
    class Transfer;        // carries a plan out
    Result<> check(std::span<const BlockExtent> extents) const;
    Result<BlockExtent> checked_range(u64 first_block, u64 block_count) const;
    Result<> prepare();
    Result<> keep_patience();
    Error refused() const;
    Result<> transfer(Operation operation, std::span<const BlockExtent> extents, usize repeated_bytes = 0);
    const std::string_view interface_;
    u64 number_ = 0;
    OwnedArray<BlockRequest> requests_; // made at the first transfer
    u64 finished_ = 0;                  // bit i: requests_[i] has come back and was not looked at yet
    u64 requests_issued_ = 0;
    u64 unflushed_bytes_ = 0; // written since the last flush
    Pace pace_{most_bytes_in_flight};
    event::Duration behind_{}; // how much of the head start the operations until now have used up
};

} // namespace vireo::device
