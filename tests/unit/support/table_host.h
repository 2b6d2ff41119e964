// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/acpi/table_host.h"

#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace vireo::test {

// A host with files, and memory at addresses that exist only here, each file's for itself, so that a byte
// beyond one is noticed.
class ScriptedTableHost final : public boot::TableHost {
  public:
    Result<File> find(std::string_view name) override {
        for (usize i = 0; i < files.size(); ++i)
            if (files[i].first == name)
                return File{static_cast<u16>(i), static_cast<u32>(files[i].second.size())};
        return error(ErrorCode::NotFound, "fw_cfg file");
    }
    Result<> read(const File& file, MutableBytes into) override {
        const std::string& contents = files[file.selector].second;
        if (into.size() > contents.size())
            return error(ErrorCode::OutOfRange, "fw_cfg file is too short");
        std::memcpy(into.data(), contents.data(), into.size());
        return {};
    }
    Result<> write(const File& file, u32 offset, Bytes from) override {
        if (!write_result)
            return write_result;
        std::string& contents = files[file.selector].second;
        EXPECT_LE(offset + from.size(), contents.size());
        std::memcpy(contents.data() + offset, from.data(), from.size());
        writes += files[file.selector].first + "@" + std::to_string(offset) + " ";
        return {};
    }
    Result<u64> allocate(u64 bytes, u64 alignment, Zone zone) override {
        EXPECT_NE(bytes, 0u);
        EXPECT_TRUE(std::has_single_bit(alignment));
        if (room < bytes)
            return error(ErrorCode::NoMemory, "no free RAM of that size");
        room -= bytes;
        u64 address = zone == Zone::Segment ? next_segment : next_high;
        (zone == Zone::Segment ? next_segment : next_high) += 0x1000;
        allocated[address] = std::vector<std::byte>(bytes, std::byte{0xee});
        return address;
    }
    std::byte* memory(u64 address) override { return allocated.at(address).data(); }

    void add(std::string name, std::string contents) {
        files.emplace_back(std::move(name), std::move(contents));
    }
    std::string contents(u64 address) const {
        const auto& bytes = allocated.at(address);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    std::vector<std::pair<std::string, std::string>> files;
    std::map<u64, std::vector<std::byte>> allocated;
    u64 next_high = 0x7ff00000;
    u64 next_segment = 0xf0000;
    u64 room = u64{1} << 30;
    Result<> write_result{};
    std::string writes;
};

// Little-endian numbers in texts of bytes.
inline void put(std::string& text, usize offset, u64 value, usize bytes) {
    for (usize i = 0; i < bytes; ++i)
        text[offset + i] = static_cast<char>(value >> 8 * i);
}
inline u64 get(const std::string& text, usize offset, usize bytes) {
    u64 value = 0;
    for (usize i = 0; i < bytes; ++i)
        value |= u64{static_cast<u8>(text[offset + i])} << 8 * i;
    return value;
}
inline u8 sum(const std::string& text) {
    u8 result = 0;
    for (char byte : text)
        result = static_cast<u8>(result + static_cast<u8>(byte));
    return result;
}

// Entries of QEMU's table loader (hw/acpi/bios-linker-loader.c).
namespace entry {

inline std::string of(u32 command, std::initializer_list<std::string> names) {
    std::string entry(128, '\0');
    put(entry, 0, command, 4);
    usize at = 4;
    for (const std::string& name : names) {
        entry.replace(at, name.size(), name);
        at += 56;
    }
    return entry;
}
inline std::string allocate(const std::string& file, u32 alignment = 64, u8 zone = 1) {
    std::string entry = of(1, {file});
    put(entry, 60, alignment, 4);
    put(entry, 64, zone, 1);
    return entry;
}
inline std::string add_pointer(const std::string& file, const std::string& target, u32 offset, u8 bytes) {
    std::string entry = of(2, {file, target});
    put(entry, 116, offset, 4);
    put(entry, 120, bytes, 1);
    return entry;
}
inline std::string add_checksum(const std::string& file, u32 offset, u32 start, u32 bytes) {
    std::string entry = of(3, {file});
    put(entry, 60, offset, 4);
    put(entry, 64, start, 4);
    put(entry, 68, bytes, 4);
    return entry;
}
inline std::string write_pointer(const std::string& file, const std::string& target, u32 offset,
                                 u32 target_offset, u8 bytes) {
    std::string entry = of(4, {file, target});
    put(entry, 116, offset, 4);
    put(entry, 120, target_offset, 4);
    put(entry, 124, bytes, 1);
    return entry;
}

} // namespace entry

} // namespace vireo::test
