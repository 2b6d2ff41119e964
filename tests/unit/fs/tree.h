// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fs/file_system.h"
#include "unit/support/error_text.h"
#include "unit/support/image.h"
#include "unit/support/test_disk.h"

#include <map>

namespace vireo::test {

// Collects what a listing shows.
struct Listing final : fs::DirectoryVisitor {
    std::vector<std::pair<std::string, fs::FileInfo>> entries;
    usize most = ~usize{0};

    bool entry(std::string_view name, const fs::FileInfo& info) override {
        entries.emplace_back(std::string(name), info);
        return entries.size() < most;
    }
    std::map<std::string, fs::FileInfo> by_name() const { return {entries.begin(), entries.end()}; }
};

// A mounted file system, asked by path.
class Files {
  public:
    explicit Files(fs::FileSystem system) : system_(std::move(system)) {}
    Result<fs::FileInfo> stat(std::string_view path) { return VIREO_TRY(system_.open(path)).info(); }
    Result<> list(std::string_view path, fs::DirectoryVisitor& visitor) {
        return VIREO_TRY(system_.open(path)).list(visitor);
    }
    Result<u64> read(std::string_view path, u64 offset, MutableBytes memory) {
        return VIREO_TRY(system_.open(path)).read(offset, memory);
    }
    std::string_view type_name() const { return system_.type_name(); }
    const block::Findings& findings() const { return system_.findings(); }

  private:
    fs::FileSystem system_;
};

inline std::unique_ptr<Files> mount(TestDisk& disk) {
    auto volume = block::Volume::whole(disk);
    if (!volume) {
        ADD_FAILURE() << volume.error().what;
        return nullptr;
    }
    auto mounted = fs::mount(std::move(*volume));
    if (!mounted) {
        ADD_FAILURE() << mounted.error().what;
        return nullptr;
    }
    return std::make_unique<Files>(std::move(*mounted));
}

inline std::string read_all(Files& system, const std::string& path, u64 offset = 0) {
    auto info = system.stat(path);
    if (!info || offset > info->bytes)
        return "cannot stat " + path + ": " + (info ? "" : info.error().what);
    std::string content(info->bytes - offset, '\x55');
    auto count = system.read(path, offset, std::as_writable_bytes(std::span(content)));
    if (!count)
        return "cannot read " + path + ": " + count.error().what;
    EXPECT_EQ(*count, content.size()) << path;
    return content;
}

// Lets a failed comparison of long contents say where, not what.
inline void expect_same(const std::string& got, const std::string& want, const std::string& what) {
    EXPECT_EQ(got.size(), want.size()) << what << ": " << got.substr(0, 200);
    if (got.size() == want.size() && got != want) {
        auto at = std::mismatch(got.begin(), got.end(), want.begin()).first - got.begin();
        ADD_FAILURE() << what << " differs at byte " << at;
    }
}

// Which directories hold "." and ".." on the disk.
enum class Dots { Everywhere, BelowTheRoot, Nowhere };

// Everything below `path` is as in the host's folder: names, types, sizes, times and contents.
inline void expect_same_tree(Files& system, const std::string& folder, const std::string& path = "",
                             Dots dots = Dots::Everywhere) {
    namespace stdfs = std::filesystem;
    Listing listing;
    auto listed = system.list(path.empty() ? "/" : path, listing);
    ASSERT_TRUE(listed) << path << ": " << listed.error().what;
    auto found = listing.by_name();
    EXPECT_EQ(found.size(), listing.entries.size()) << "a name twice in " << path;
    const bool has_dots = dots == Dots::Everywhere || (dots == Dots::BelowTheRoot && !path.empty());
    EXPECT_TRUE(found.contains(".") == has_dots && found.contains("..") == has_dots) << path;
    found.erase(".");
    found.erase("..");
    found.erase("lost+found");
    for (const auto& entry : stdfs::directory_iterator(folder)) {
        std::string name = entry.path().filename().string();
        std::string full = path + "/" + name;
        ASSERT_TRUE(found.contains(name)) << full;
        fs::FileInfo info = found[name];
        found.erase(name);
        if (entry.is_symlink()) {
            EXPECT_EQ(info.type, fs::FileType::SymbolicLink) << full;
            EXPECT_EQ(info.bytes, stdfs::read_symlink(entry.path()).string().size()) << full;
        } else if (entry.is_directory()) {
            EXPECT_EQ(info.type, fs::FileType::Directory) << full;
            expect_same_tree(system, entry.path().string(), full, dots);
        } else if (entry.is_regular_file()) {
            EXPECT_EQ(info.type, fs::FileType::Regular) << full;
            EXPECT_EQ(info.bytes, entry.file_size()) << full;
            struct stat status{};
            EXPECT_EQ(stat(entry.path().c_str(), &status), 0);
            EXPECT_EQ(info.modified, static_cast<u64>(status.st_mtime)) << full;
            expect_same(read_all(system, full), read_file(entry.path().string()), full);
        } else {
            EXPECT_EQ(info.type, fs::FileType::Other) << full;
        }
    }
    for (const auto& [name, info] : found)
        ADD_FAILURE() << path << "/" << name << " is not on the host";
}

} // namespace vireo::test
