// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.h"
#include "device/block_device.h"
#include "hosted/clock.h"
#include "hosted/dma_arena.h"
#include "hosted/report.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// What every fuzz target shares: the input, surroundings that are new for each input, a disk in memory.
namespace vireo::fuzz {

// Ends the program: a finding. Says what Vireo itself had to say before.
[[noreturn]] inline void fail(std::string_view rule, std::string_view text);

// An invariant, which holds whatever the input was.
inline void require(bool holds, const char* what) {
    if (!holds)
        fail("broken invariant", what);
}

// The input, taken from its front. Behind its end lie zeros, so an input that is cut short
// still means something.
class FuzzedData {
  public:
    FuzzedData(const u8* data, usize size) : rest_(std::as_bytes(std::span(data, size))) {}

    bool is_empty() const { return rest_.empty(); }
    Bytes rest() { return take(rest_.size()); }
    // As many bytes as there are, at most `count`.
    Bytes take(usize count) {
        Bytes taken = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }
    // Little-endian.
    template <std::unsigned_integral T> T number() {
        T value = 0;
        Bytes bytes = take(sizeof(T));
        for (usize i = 0; i < bytes.size(); ++i)
            value = static_cast<T>(value | static_cast<u64>(bytes[i]) << (8 * i));
        return value;
    }
    u8 byte() { return number<u8>(); }
    bool flag() { return byte() & 1; }
    // 0 to limit - 1; takes no more bytes than `limit` needs.
    u32 below(u32 limit) {
        if (limit <= 1)
            return 0;
        return (limit <= 256 ? byte() : limit <= 65536 ? number<u16>() : number<u32>()) % limit;
    }

  private:
    Bytes rest_;
};

// While it lives: virtual time from its start, empty DMA memory, and every complaint of a fake, its referee
// or the hosted back ends ends the program, unless it was ignored. At the end, memory that is still shared or
// allocated is a complaint. Makes each input independent of those before it.
class Surroundings {
  public:
    Surroundings() {
        hosted::use_virtual_clock();
        hosted::set_runaway_limit(longest_run);
        hosted::DmaArena::instance().reset();
        hosted::set_reporter(hear, this);
        set_log_writer(&log_);
        current_ = this;
    }
    Surroundings(const Surroundings&) = delete;
    Surroundings& operator=(const Surroundings&) = delete;
    ~Surroundings() {
        if (check_leaks)
            hosted::DmaArena::instance().report_leaks();
        set_log_writer(nullptr);
        hosted::set_reporter(nullptr, nullptr);
        hosted::DmaArena::instance().reset();
        current_ = nullptr;
    }

    // Complaints that begin so say nothing about the driver in this target.
    void ignore(const char* prefix) { ignored_.push_back(prefix); }
    // Off where memory is given up on purpose (a reset that never ends).
    bool check_leaks = true;

  private:
    // In looks at the clock and register accesses. Nothing that one input asks for takes nearly as many.
    static constexpr u64 longest_run = 1'000'000;

    friend void fail(std::string_view rule, std::string_view text);
    struct Log final : Writer {
        std::string text;
        void write(std::string_view part) override {
            text += part;
            if (part.starts_with("\npanic")) // the one who panics does not come back
                ends = true;
            if (ends)
                std::fwrite(part.data(), 1, part.size(), stderr);
        }
        bool ends = false;
    };
    static void hear(void* self, std::string_view rule, std::string_view text) {
        for (std::string_view prefix : static_cast<Surroundings*>(self)->ignored_)
            if (rule.starts_with(prefix))
                return;
        fail(rule, text);
    }
    Log log_;
    std::vector<const char*> ignored_;
    static inline const Surroundings* current_ = nullptr;
};

inline void fail(std::string_view rule, std::string_view text) {
    std::string line = std::string(rule) + ": " + std::string(text) + "\n";
    if (Surroundings::current_)
        line = Surroundings::current_->log_.text + line;
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::abort();
}

// Bytes on the heap, under the address sanitizer. (A vector of them is made and unmade one by
// one in this build.)
class Memory {
  public:
    explicit Memory(usize bytes, u8 filling = 0) : bytes_(new std::byte[bytes]), size_(bytes) {
        std::memset(bytes_.get(), filling, bytes);
    }
    MutableBytes bytes() const { return {bytes_.get(), size_}; }

  private:
    std::unique_ptr<std::byte[]> bytes_;
    usize size_;
};

// A disk in memory that carries out what it is asked when it is polled, in order.
class MemoryDisk final : public device::BlockDevice, private event::Poller {
  public:
    MemoryDisk(event::EventLoop& loop, u64 bytes, u32 block_bytes = 512)
        : BlockDevice(loop, "virtio"), memory_(bytes) {
        facts_.block_bytes = facts_.physical_block_bytes = block_bytes;
        facts_.block_count = bytes / block_bytes;
        facts_.max_segments = 16;
        facts_.max_segment_bytes = 1 << 20;
        facts_.queue_depth = 16;
        loop.add(*this);
    }
    ~MemoryDisk() { event::EventLoop::remove(*this); }

    MutableBytes bytes() { return memory_.bytes(); }
    // Writes what the input says where it says: records of a place (4 bytes), a length (2 bytes) and as many
    // bytes. What reaches over the end is cut.
    void lay_out(FuzzedData& input) {
        while (!input.is_empty()) {
            MutableBytes place = bytes().subspan(input.number<u32>() % bytes().size());
            Bytes what = input.take(input.number<u16>());
            std::memcpy(place.data(), what.data(), std::min(what.size(), place.size()));
        }
    }

  private:
    bool start(device::BlockRequest& request) override {
        if (in_flight_.size() == facts_.queue_depth)
            return false;
        in_flight_.push_back(&request);
        return true;
    }
    void commit() override {}
    void abort(Error why) override {
        for (device::BlockRequest* request : std::exchange(in_flight_, {}))
            request->complete(why);
    }
    bool poll() override {
        if (in_flight_.empty())
            return false;
        for (device::BlockRequest* request : std::exchange(in_flight_, {})) {
            carry_out(*request);
            request->complete({});
        }
        return true;
    }
    bool needs_polling() const override { return !in_flight_.empty(); }

    void carry_out(device::BlockRequest& request) {
        u64 offset = request.first_block * facts_.block_bytes;
        for (const auto& segment : request.segments) {
            require(range_fits(offset, segment.bytes, bytes().size()), "a request stays on the disk");
            std::byte* place = bytes().data() + offset;
            if (request.operation == device::BlockRequest::Operation::Read)
                std::memcpy(segment.memory, place, segment.bytes);
            else if (request.operation == device::BlockRequest::Operation::Write)
                std::memcpy(place, segment.memory, segment.bytes);
            offset += segment.bytes;
        }
    }

    Memory memory_;
    std::vector<device::BlockRequest*> in_flight_;
};

} // namespace vireo::fuzz
