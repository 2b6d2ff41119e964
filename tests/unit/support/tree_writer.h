// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

#include <gtest/gtest.h>
#include <libfdt.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace vireo::test {

// Writes a tree with libfdt's sequential writer. Nodes close themselves.
class TreeWriter {
  public:
    explicit TreeWriter(usize room = 128 << 10) : blob_(room / sizeof(u64)) {
        check(fdt_create(blob_.data(), static_cast<int>(bytes())));
        check(fdt_add_reservemap_entry(blob_.data(), 0x1000, 0x2000));
        check(fdt_finish_reservemap(blob_.data()));
    }

    template <typename Body> void node(const char* name, Body&& body) {
        check(fdt_begin_node(blob_.data(), name));
        body();
        check(fdt_end_node(blob_.data()));
    }
    void cells(const char* name, std::initializer_list<u32> values) {
        std::vector<fdt32_t> raw;
        for (u32 value : values)
            raw.push_back(cpu_to_fdt32(value));
        check(fdt_property(blob_.data(), name, raw.data(), static_cast<int>(raw.size() * 4)));
    }
    void text(const char* name, std::string_view value) {
        std::string ended(value);
        check(fdt_property(blob_.data(), name, ended.c_str(), static_cast<int>(ended.size() + 1)));
    }
    void raw(const char* name, std::string_view value) {
        check(fdt_property(blob_.data(), name, value.data(), static_cast<int>(value.size())));
    }

    MutableBytes finish() {
        check(fdt_finish(blob_.data()));
        return all().first(fdt_totalsize(blob_.data()));
    }
    MutableBytes all() { return {reinterpret_cast<std::byte*>(blob_.data()), bytes()}; }

  private:
    static void check(int code) { ASSERT_EQ(code, 0) << fdt_strerror(code); }
    usize bytes() const { return blob_.size() * sizeof(u64); }
    std::vector<u64> blob_;
};

} // namespace vireo::test
