// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/load.h"
#include "unit/support/image.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace vireo::test {

using Kind = load::Failure::Kind;

inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string text_of(MutableBytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// 4 KiB of RAM at 0x1000, of which [0x1800, 0x1900) is somebody's.
struct SmallMachine final : system::Machine {
    static constexpr u64 base = 0x1000;
    SmallMachine() {
        VIREO_MUST(map.add_ram(base, ram.size()));
        VIREO_MUST(map.reserve(0x1800, 0x100, "somebody"));
    }
    std::string_view board() const override { return "small"; }
    std::string_view model() const override { return "small"; }
    u64 default_load_address() const override { return base; }
    Result<> reset() override { return error(ErrorCode::NotSupported, "no"); }
    Result<> power_off() override { return error(ErrorCode::NotSupported, "no"); }
    void print_facts(Writer&) const override {}
    std::byte* memory(u64 address) override { return ram.data() + (address - base); }
    load::FreeMemory from(u64 address) { return {map, *this, address}; }
    std::string text(u64 address, usize bytes) { return text_of({memory(address), bytes}); }

    std::vector<std::byte> ram = std::vector<std::byte>(4096, std::byte{'.'});
    system::MemoryMap map;
};

// Writes down what it hears.
struct Notes final : load::Watcher {
    void moved(u64 bytes, std::optional<u64>) override { most = std::max(most, bytes); }
    void waited() override { ++waits; }
    void found(const block::Findings& findings) override {
        text += " found " + std::to_string(findings.all().size());
    }
    void begins(const Connection* connection) override {
        text += " begins";
        if (connection)
            text += " " + std::string(connection->url.target.view());
    }
    void again(Again why, u64 bytes) override {
        const char* words[] = {"silent", "redirected", "changed", "lost"};
        text += std::string(" ") + words[static_cast<int>(why)] + " " + std::to_string(bytes);
    }
    std::string text;
    u64 most = 0;
    unsigned waits = 0;
};

// Expects a failure, and gives it.
template <typename T> load::Failure failure_of(const load::Outcome<T>& outcome, Kind kind) {
    if (outcome) {
        ADD_FAILURE() << "it went well";
        return {};
    }
    EXPECT_EQ(outcome.error()->kind, kind);
    return *outcome.error();
}

} // namespace vireo::test
