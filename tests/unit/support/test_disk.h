// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/block_device.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace vireo::test {

// A disk in memory, or over a file that is mapped copy-on-write: a test may damage what it reads and the file
// stays. It answers requests from the event loop, all that are in flight at once, and counts them.
class TestDisk final : public device::BlockDevice, private event::Poller {
  public:
    struct Geometry {
        u32 block_bytes = 512;
        u32 max_segments = 126;
        u16 queue_depth = 64;
        u32 max_segment_bytes = 0; // 0: no limit
    };

    explicit TestDisk(const std::string& path) : TestDisk(path, Geometry()) {}
    TestDisk(const std::string& path, Geometry geometry) : BlockDevice(loop, "virtio") {
        int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        struct stat status{};
        if (file < 0 || fstat(file, &status) != 0)
            ADD_FAILURE() << "cannot open " << path;
        map(static_cast<u64>(status.st_size), MAP_PRIVATE, file);
        close(file);
        set_up(geometry);
    }
    explicit TestDisk(u64 bytes) : TestDisk(bytes, Geometry()) {}
    TestDisk(u64 bytes, Geometry geometry) : BlockDevice(loop, "virtio") {
        map(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        set_up(geometry);
    }
    ~TestDisk() {
        event::EventLoop::remove(*this);
        if (size_ > 0)
            munmap(memory_, size_);
    }

    MutableBytes bytes() { return {memory_, size_}; }
    void put(u64 offset, Bytes what) { std::memcpy(memory_ + offset, what.data(), what.size()); }
    device::BlockFacts& change_facts() { return facts_; }

    event::EventLoop loop;
    struct Access {
        u64 offset;
        u64 bytes;
    };
    std::vector<Access> accesses;         // every request since the last clear()
    std::vector<std::pair<u64, u64>> bad; // byte ranges that cannot be read
    u64 bytes_read = 0;
    usize most_in_flight = 0;
    u64 commits = 0;       // batches of requests
    bool is_stuck = false; // completes nothing

    // The requests of some work.
    template <typename Work> u64 count_requests(Work&& work) {
        u64 before = requests_issued();
        work();
        return requests_issued() - before;
    }

  private:
    void map(u64 bytes, int flags, int file) {
        size_ = bytes;
        if (size_ == 0)
            return;
        void* memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, file, 0);
        if (memory == MAP_FAILED) {
            ADD_FAILURE() << "cannot map " << bytes << " bytes";
            size_ = 0;
            return;
        }
        memory_ = static_cast<std::byte*>(memory);
    }
    void set_up(Geometry geometry) {
        facts_.block_bytes = geometry.block_bytes;
        facts_.block_count = size_ / geometry.block_bytes;
        facts_.physical_block_bytes = geometry.block_bytes;
        facts_.max_segments = geometry.max_segments;
        facts_.max_segment_bytes =
            geometry.max_segment_bytes != 0 ? geometry.max_segment_bytes : u32{1} << 31;
        facts_.queue_depth = geometry.queue_depth;
        loop.add(*this);
    }

    bool start(device::BlockRequest& request) override {
        if (in_flight_.size() == facts_.queue_depth)
            return false;
        in_flight_.push_back(&request);
        most_in_flight = std::max(most_in_flight, in_flight_.size());
        accesses.push_back(
            {request.first_block * facts_.block_bytes, request.block_count * facts_.block_bytes});
        return true;
    }
    void commit() override { ++commits; }
    void abort(Error why) override {
        for (device::BlockRequest* request : std::exchange(in_flight_, {}))
            request->complete(why);
    }
    bool poll() override {
        if (is_stuck || in_flight_.empty())
            return false;
        for (device::BlockRequest* request : std::exchange(in_flight_, {}))
            request->complete(carry_out(*request));
        return true;
    }
    bool needs_polling() const override { return !in_flight_.empty(); }

    Result<> carry_out(device::BlockRequest& request) {
        u64 offset = request.first_block * facts_.block_bytes;
        for (auto [from, to] : bad)
            if (offset < to && from < offset + request.block_count * facts_.block_bytes)
                return error(ErrorCode::Io, "bad block");
        using Operation = device::BlockRequest::Operation;
        if (request.operation == Operation::WriteZeroes || request.operation == Operation::Discard)
            std::memset(memory_ + offset, request.operation == Operation::Discard ? 0xdd : 0,
                        request.block_count * facts_.block_bytes);
        for (const auto& segment : request.segments) {
            EXPECT_LE(offset + segment.bytes, size_);
            if (request.operation == device::BlockRequest::Operation::Read)
                std::memcpy(segment.memory, memory_ + offset, segment.bytes);
            else
                std::memcpy(memory_ + offset, segment.memory, segment.bytes);
            offset += segment.bytes;
            bytes_read += segment.bytes;
        }
        return {};
    }

    std::byte* memory_ = nullptr;
    usize size_ = 0;
    std::vector<device::BlockRequest*> in_flight_;
};

} // namespace vireo::test
