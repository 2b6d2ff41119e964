// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/disk.h"
#include "shell/context.h"

namespace vireo::shell {

// A disk as the user names it. Every message gives numbers back in the base that they were typed in: what
// follows `virtio` as a command counts in decimal, all other commands in hexadecimal.
struct NamedDisk {
    device::BlockDevice* device = nullptr; // nullptr: there is none, and that was said
    u64 number = 0;
    unsigned base = 16;
    unsigned partition_base = 16; // `part` counts partitions in decimal, as its list does

    explicit operator bool() const { return device != nullptr; }
    // "c"
    StringBuffer<24> text() const;
};

// "Device 0: " has been printed: the disk's name, "Type:" and "Capacity:" lines.
void print_disk(Writer& out, const device::BlockDevice& disk);

// Prints a table for `part list`, after what is wrong with it: each kind in one line, whether it was said
// before or not, as what is left out here would be missing in silence. "## Unknown partition table type 0"
// and status_failed if there is none.
int print_partitions(Context& context, const NamedDisk& disk, const block::PartitionTable& table);

// For the interfaces of U-Boot's disks that no machine of ours has ("usb", "mmc", ...): one line, and true.
bool refuse_absent_storage(Context& context, std::string_view interface);

// The disk that an interface (a word that the registry knows) and the part of `spec` before ':' or '#' name,
// in hexadecimal; `spec` keeps what follows. None, and one line that says why, if there is no such disk.
NamedDisk find_disk(Context& context, std::string_view interface, std::string_view& spec);

// The table of a disk; nullptr, and one line, if it cannot be read. What is wrong with it is said by
// tell_findings() or print_partitions(), which one of them is for the caller to call.
std::unique_ptr<block::PartitionTable> read_table(Context& context, const NamedDisk& disk);

// Says what was found out about data in a part of a disk, each kind once (ToldFindings) in one line with a
// count. `spec`: "0:2". Nothing is said, or counts as said, while the console is quiet.
void tell_findings(Context& context, const NamedDisk& disk, std::string_view spec, u64 first_block,
                   const block::Findings& findings);

// A file system that a command works with. What reading it brings to light is told when this goes away: only
// then is the number of such findings known.
class OpenFiles {
  public:
    OpenFiles() = default;
    // `spec` is used until this goes away. What mounting has found is told at once.
    OpenFiles(Context& context, const NamedDisk& disk, std::string_view spec, u64 first_block,
              fs::FileSystem files);
    OpenFiles(OpenFiles&& other) noexcept;
    OpenFiles& operator=(OpenFiles&&) = delete;
    ~OpenFiles() { tell(); }

    explicit operator bool() const { return files_.has_value(); }
    fs::FileSystem* operator->() { return &*files_; }
    fs::FileSystem& operator*() { return *files_; }
    // The file system alone; nothing more is told about it.
    std::optional<fs::FileSystem> release() { return std::exchange(files_, std::nullopt); }

  private:
    void tell();

    Context* context_ = nullptr;
    NamedDisk disk_;
    std::string_view spec_;
    u64 first_block_ = 0;
    std::optional<fs::FileSystem> files_;
};

// The file system on the volume that `<interface> <dev>[:<part>|#<name>]` names: "0:2" that partition,
// "0#name" by name, ":0" the whole disk; no part, or ":auto": the first bootable partition, else partition 1
// (else the first one), or the whole disk if it has no table. None, and the reason in U-Boot's words, if
// there is none. `spec` is used as long as the result.
OpenFiles open_file_system(Context& context, std::string_view interface, std::string_view spec);

// "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": the first three groups are little endian on disk.
void print_guid(Writer& out, std::span<const u8, 16> guid);

} // namespace vireo::shell
