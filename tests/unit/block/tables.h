// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/crc32.h"
#include "block/partition_table.h"
#include "block/partition_wire.h"
#include "unit/block/noted.h"
#include "unit/support/image.h"
#include "unit/support/test_disk.h"

// Partition tables made by tools and by hand, and what is read of them.
namespace vireo::block {

using test::TestDisk;

constexpr u64 mib = 1024 * 1024;

// "1:2048+100 5:..." of what was found; what was noted about it.
inline std::string found(device::BlockDevice& device, TableType wanted, std::string* noted = nullptr) {
    PartitionTable table;
    auto done = read_partition_table(device, table);
    if (!done)
        return std::string("error: ") + done.error().what;
    EXPECT_EQ(table.type, wanted);
    if (noted)
        *noted = test::noted(table.findings);
    std::string text;
    for (const Partition& partition : table.partitions)
        text += (text.empty() ? "" : " ") + std::to_string(partition.number) + ":" +
                std::to_string(partition.first_block) + "+" + std::to_string(partition.block_count);
    return text;
}

// A table made by a tool over an empty image.
inline std::string make_image(const test::TemporaryFolder& folder, u64 bytes, const std::string& command) {
    std::string path = folder / "image";
    test::write_file(path, "");
    std::filesystem::resize_file(path, bytes);
    test::run(command + " " + path);
    return path;
}
// Writes a boot record by hand: signature and up to four entries.
struct Entry {
    u8 type;
    u32 first;
    u32 count;
    u8 flag = 0;
};
inline void put_record(TestDisk& disk, u64 block, std::initializer_list<Entry> entries,
                       u32 disk_signature = 0) {
    std::byte bytes[512] = {};
    auto put32 = [&](usize at, u32 value) {
        for (usize i = 0; i < 4; ++i)
            bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
    };
    put32(440, disk_signature);
    usize at = 446;
    for (const Entry& entry : entries) {
        bytes[at] = static_cast<std::byte>(entry.flag);
        bytes[at + 4] = static_cast<std::byte>(entry.type);
        put32(at + 8, entry.first);
        put32(at + 12, entry.count);
        at += 16;
    }
    bytes[510] = std::byte{0x55};
    bytes[511] = std::byte{0xaa};
    disk.put(block * disk.facts().block_bytes, bytes);
}

} // namespace vireo::block
