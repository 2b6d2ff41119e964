// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "unit/shell/fixture.h"
#include "unit/support/image.h"

// A shell with disks, with partitions, with files.
namespace vireo::test {

constexpr u64 mib = 1 << 20;

class Disks : public ShellTest {
  protected:
    TestDisk& plug_image(const std::string& path) {
        disks.push_back(std::make_unique<TestDisk>(path));
        VIREO_MUST(registry.block.add(*disks.back()));
        return *disks.back();
    }
    TestDisk& patterned(u64 bytes, TestDisk::Geometry geometry = {}) {
        TestDisk& disk = plug(bytes, geometry);
        std::string text = pattern(bytes, 1);
        std::memcpy(disk.bytes().data(), text.data(), text.size());
        return disk;
    }
    bool ram_equals(u64 address, Bytes bytes) {
        return std::memcmp(machine.memory(address), bytes.data(), bytes.size()) == 0;
    }
};

class PartitionCommands : public Disks {
  protected:
    TestDisk& plug_table(const std::string& script, u64 megabytes = 64) {
        std::string path = folder / ("disk" + std::to_string(disks.size()));
        write_sparse_file(path, megabytes * mib, {});
        write_file(folder / "script", script);
        vireo::test::run("sfdisk -q " + path + " < " + (folder / "script"));
        return plug_image(path);
    }
    using ShellTest::run;
    TemporaryFolder folder;
    static constexpr const char* gpt =
        "label: gpt\nlabel-id: 11111111-2222-3333-4444-555555555555\n"
        "start=2048, size=65536, name=first, uuid=01234567-89ab-cdef-0123-456789abcdef\n"
        "start=67584, size=2048, name=\"second one\", attrs=LegacyBIOSBootable\n";
    static std::string many_partitions() {
        std::string script;
        for (int i = 0; i < 128; ++i)
            script += "start=" + std::to_string(2048 + i * 8) + ", size=8\n";
        return script;
    }
    static constexpr const char* mbr =
        "label: dos\nlabel-id: 0xcafe1234\nstart=2048, size=2048, type=c\n"
        "start=4096, size=60000, type=5\nstart=67584, size=4096, type=83, bootable\n"
        "start=6144, size=2048, type=83\n";
};

class FileCommands : public PartitionCommands {
  protected:
    // As in the documented example.
    std::string make_tree() {
        std::filesystem::create_directories(folder / "tree/dev");
        std::filesystem::create_directories(folder / "tree/root");
        std::filesystem::create_symlink("usr/bin", folder / "tree/bin");
        write_file(folder / "tree/.autorelabel", "");
        write_file(folder / "tree/data.bin", data);
        write_file(folder / "tree/with space", "x");
        return folder / "tree";
    }
    std::string make_image() { return make_ext(folder, "ext.img", "-b 4096", "16M", make_tree()); }
    Bytes data_bytes() const { return std::as_bytes(std::span(data)); }
    std::string data = pattern(100'000, 5);
};

} // namespace vireo::test
