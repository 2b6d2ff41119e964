// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.h"
#include "dma/dma.h"
#include "hosted/clock.h"
#include "hosted/dma_arena.h"
#include "hosted/report.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <string>

namespace vireo::test {

// What a test that is the device knows without looking.
inline dma::ConfirmedReset confirmed_reset() { return *dma::ConfirmedReset::when_zero(0); }

// Pool memory of a test that is driver and device in one.
class SharedMemory : public dma::Buffer {
  public:
    explicit SharedMemory(usize bytes, usize alignment = 4096)
        : Buffer(VIREO_MUST(Buffer::create(bytes, alignment))) {}
    ~SharedMemory() { give_back(confirmed_reset()); }
};

// While it lives: virtual time from its start, empty DMA memory, and every complaint of a fake, its referee
// or the hosted back ends is a failure of the running test, unless the test expects it. At the end, memory
// that is still shared or allocated is one as well. Warnings that the program logs are kept.
class Complaints {
  public:
    Complaints() {
        hosted::use_virtual_clock();
        hosted::DmaArena::instance().reset();
        hosted::set_reporter(hear, this);
        set_log_writer(&log_);
    }
    Complaints(const Complaints&) = delete;
    Complaints& operator=(const Complaints&) = delete;
    ~Complaints() {
        if (check_leaks)
            hosted::DmaArena::instance().report_leaks();
        else
            hosted::DmaArena::instance().report_open_shares();
        for (auto& [rule, count] : expected_)
            EXPECT_GT(count, 0u) << "expected a complaint about " << rule;
        set_log_writer(nullptr);
        hosted::set_reporter(nullptr, nullptr);
        hosted::set_barrier_hook(nullptr);
        hosted::DmaArena::instance().reset();
    }

    // The test provokes this complaint: at least one must come.
    void expect(const std::string& rule) { expected_.emplace(rule, 0u); }
    // Complaints of this kind are neither wanted nor minded.
    void ignore(const std::string& rule) { expected_.emplace(rule, 1u); }
    unsigned count(const std::string& rule) const {
        auto found = expected_.find(rule);
        return found == expected_.end() ? 0 : found->second;
    }
    // What the program logged so far.
    const std::string& log() const { return log_.text; }
    // Off in tests of memory that is given up on purpose (a reset that never ends): then only
    // what nobody keeps counts.
    bool check_leaks = true;

  private:
    struct Log final : Writer {
        std::string text;
        bool ends = false;
        void write(std::string_view line) override {
            text += line;
            ends |= line.find("panic") != line.npos;
            if (ends) // the test will not come to print it
                std::fwrite(line.data(), 1, line.size(), stderr);
        }
    };
    static void hear(void* self, std::string_view rule, std::string_view text) {
        auto& expected = static_cast<Complaints*>(self)->expected_;
        if (auto found = expected.find(std::string(rule)); found != expected.end())
            ++found->second;
        else
            ADD_FAILURE() << rule << ": " << text;
    }
    Log log_;
    std::map<std::string, unsigned> expected_;
};

} // namespace vireo::test
