// SPDX-License-Identifier: Apache-2.0
// A volume that is what the input says is mounted, listed and read, as `ls` and `load` do it.
// Input: size in units of 64 KiB (1 byte, at most 16), records (support.h). The seeds are whole file systems.
#include "fs/file_system.h"
#include "fuzz/support.h"

namespace vireo::fuzz {
namespace {

constexpr usize most_visited = 40;      // files and directories
constexpr usize most_listed = 100'000;  // entries of one directory: a volume of 1 MiB has far fewer
constexpr usize most_requests = 20'000; // of everything together

struct Names final : fs::DirectoryVisitor {
    std::vector<std::string> names;
    usize count = 0;
    bool entry(std::string_view name, const fs::FileInfo&) override {
        require(++count < most_listed, "a directory ends");
        require(!name.empty() && name.size() <= 255, "a name has 1 to 255 bytes");
        require(name.find('/') == name.npos && name.find('\0') == name.npos, "a name is no path");
        if (names.size() < most_visited && name != "." && name != "..")
            names.emplace_back(name);
        return true;
    }
};

// A read ends where the memory does, and two reads find the same.
void read_file(fs::File& file) {
    constexpr usize room = 20'000;
    constexpr usize guard = 64;
    Memory memory(room + guard, 0xa5);
    auto count = file.read(0, memory.bytes().first(room));
    for (std::byte byte : memory.bytes().last(guard))
        require(byte == std::byte{0xa5}, "no byte behind the memory is written");
    if (!count)
        return;
    require(*count == std::min<u64>(room, file.info().bytes), "as much is read as there is");
    u64 offset = *count / 3;
    usize bytes = static_cast<usize>(*count - offset);
    Memory again(bytes);
    auto rest = bytes > 0 ? file.read(offset, again.bytes()) : Result<u64>(0);
    require(rest.has_value() && *rest == bytes, "a part can be read as well");
    require(std::memcmp(memory.bytes().data() + offset, again.bytes().data(), bytes) == 0, "two reads agree");
}

void visit_all(fs::FileSystem& system) {
    std::vector<std::string> paths{"/"};
    for (usize i = 0; i < paths.size() && i < most_visited; ++i) {
        auto file = system.open(paths[i]);
        if (!file)
            continue;
        if (file->info().type == fs::FileType::Regular)
            read_file(*file);
        if (file->info().type != fs::FileType::Directory)
            continue;
        Names found;
        (void)file->list(found).has_value();
        for (const std::string& name : found.names)
            if (paths.size() < most_visited)
                paths.push_back(paths[i] == "/" ? "/" + name : paths[i] + "/" + name);
    }
    (void)system.open("/link/../dir/./file").has_value();
    (void)system.open("/no such file").has_value();
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    fuzz::FuzzedData input(data, size);
    fuzz::Surroundings surroundings;
    event::EventLoop loop;
    fuzz::MemoryDisk disk(loop, (1 + input.byte() % 16) * u64{65536});
    disk.lay_out(input);
    auto volume = block::Volume::whole(disk);
    fuzz::require(volume.has_value(), "a whole disk is a volume");
    auto system = fs::mount(std::move(*volume));
    if (system)
        fuzz::visit_all(*system);
    fuzz::require(disk.requests_issued() < fuzz::most_requests, "a bounded number of requests");
    return 0;
}
