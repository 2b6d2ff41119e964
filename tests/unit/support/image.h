// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

// Disk images for tests, made while the test runs by the tools of e2fsprogs, gdisk and util-linux.
namespace vireo::test {

// A folder that goes away with the object.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "vireo-test-XXXXXX").string();
        if (!mkdtemp(name.data()))
            ADD_FAILURE() << "cannot make " << name;
        path_ = name;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

// Runs a shell command; its output shows when it fails.
inline std::string run(const std::string& command, int allowed_status = 0) {
    FILE* pipe = popen(("PATH=$PATH:/usr/sbin:/sbin; { " + command + "; } 2>&1").c_str(), "re");
    std::string output;
    char buffer[4096];
    while (pipe) {
        usize count = fread(buffer, 1, sizeof(buffer), pipe);
        if (count == 0)
            break;
        output.append(buffer, count);
    }
    int status = pipe ? pclose(pipe) : -1;
    if (status != 0 && WEXITSTATUS(status) != allowed_status)
        ADD_FAILURE() << command << " ended with " << status << ":\n" << output;
    return output;
}

// Bytes that look random and are the same in every run.
inline std::string pattern(usize bytes, u32 seed) {
    std::string text(bytes, '\0');
    u64 state = seed * 0x9e3779b97f4a7c15u + 1;
    for (char& c : text) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        c = static_cast<char>(state >> 56);
    }
    return text;
}

inline void write_file(const std::string& path, std::string_view content) {
    std::ofstream(path, std::ios::binary) << content;
}

inline std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A file with data at the given places only.
inline void write_sparse_file(const std::string& path, u64 bytes,
                              const std::vector<std::pair<u64, std::string>>& data) {
    write_file(path, "");
    std::filesystem::resize_file(path, bytes);
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    for (const auto& [offset, text] : data) {
        file.seekp(static_cast<std::streamoff>(offset));
        file << text;
    }
}

// An ext file system that holds a copy of `source`. `options` and `size` as mke2fs takes them.
inline std::string make_ext(const TemporaryFolder& folder, const std::string& name,
                            const std::string& options, const std::string& size, const std::string& source) {
    std::string path = folder / name;
    std::string copy = source.empty() ? "" : " -d " + source;
    run("mke2fs -q -F -E lazy_itable_init=0,root_owner=0:0 " + options + copy + " " + path + " " + size);
    return path;
}

// Commands of debugfs that change the image.
inline void change_ext(const TemporaryFolder& folder, const std::string& image, const std::string& commands) {
    write_file(folder / "commands", commands);
    run("debugfs -w -f " + (folder / "commands") + " " + image);
}

} // namespace vireo::test
