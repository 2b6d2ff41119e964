// SPDX-License-Identifier: Apache-2.0
#include "boot/x86/multiboot_info.h"

namespace vireo::boot {

namespace {

constexpr std::string_view loader_name = "Vireo";

struct Info {
    Le<u32> flags{};
    Le<u32> lower_kib{};
    Le<u32> upper_kib{};
    Le<u32> boot_device{};
    Le<u32> command_line{};
    Le<u32> modules{};
    Le<u32> module_list{};
    Le<u32> symbols[4]{};
    Le<u32> map_bytes{};
    Le<u32> address_map{};
    Le<u32> drives_bytes{};
    Le<u32> drives{};
    Le<u32> config_table{};
    Le<u32> loader_name{};
    Le<u32> no_more[13]{}; // APM, VBE, framebuffer

    static constexpr u32 has_memory = 1 << 0;
    static constexpr u32 has_command_line = 1 << 2;
    static constexpr u32 has_modules = 1 << 3;
    static constexpr u32 has_address_map = 1 << 6;
    static constexpr u32 has_loader_name = 1 << 9;
};
static_assert(sizeof(Info) == 120 && offsetof(Info, loader_name) == 64);

struct Module {
    Le<u32> address{};
    Le<u32> end{};
    Le<u32> text{};
    Le<u32> reserved{};
};

struct MapEntry {
    Le<u32> bytes_behind; // this number
    AddressRange range;   // types are ACPI's
};
static_assert(sizeof(MapEntry) == 24);

struct Tag {
    Le<u32> type;
    Le<u32> bytes;
    enum Type : u32 {
        End = 0,
        CommandLine = 1,
        LoaderName = 2,
        Module = 3,
        Memory = 4,
        AddressMap = 6,
        AcpiRoot = 14,
        AcpiRoot2 = 15,
        LoadBase = 21
    };
};

struct MapEntry2 {
    AddressRange range;
    Le<u32> reserved;
};
static_assert(sizeof(MapEntry2) == 24);

u32 low(u64 value) { return static_cast<u32>(value); }

constexpr u64 KiB = 1 << 10;
constexpr u64 MiB = 1 << 20;

// How much RAM begins at 0, below 1 MiB, and at 1 MiB, without a gap.
struct Memory {
    Le<u32> lower_kib;
    Le<u32> upper_kib;
};
Memory memory_of(std::span<const AddressRange> map) {
    Memory memory{};
    for (const AddressRange& range : map) {
        u64 end = range.base + range.bytes;
        if (range.type != AddressRange::memory)
            continue;
        if (range.base == 0)
            memory.lower_kib = low(std::min(end, 640 * KiB) / KiB);
        if (range.base <= MiB && end > MiB)
            memory.upper_kib = low(std::min((end - MiB) / KiB, u64{~u32{0}}));
    }
    return memory;
}

template <typename T> Bytes bytes_of(const T& value) { return std::as_bytes(std::span(&value, 1)); }

// A tag whose content is in two pieces.
void add_tag(InfoWriter& writer, Tag::Type type, Bytes content, Bytes more = {}) {
    std::array<std::byte, 128> small{};
    Tag tag{type, low(sizeof(Tag) + content.size() + more.size())};
    std::memcpy(small.data(), &tag, sizeof(tag));
    std::ranges::copy(content, small.begin() + sizeof(Tag));
    std::ranges::copy(more, small.begin() + sizeof(Tag) + static_cast<std::ptrdiff_t>(content.size()));
    writer.add(Bytes(small).first(tag.bytes));
}

} // namespace

Result<usize> write_multiboot_info(const BootFacts& facts, u64 address, MutableBytes into) {
    InfoWriter writer(address, into);
    Memory memory = memory_of(facts.address_map);
    Info info{.flags =
                  Info::has_memory | Info::has_command_line | Info::has_address_map | Info::has_loader_name,
              .lower_kib = memory.lower_kib,
              .upper_kib = memory.upper_kib};
    writer.add_struct(info);
    if (facts.initrd) {
        info.flags = info.flags | Info::has_modules;
        info.modules = 1;
        // Without a text of its own: an empty one.
        u64 text = writer.add_text("");
        info.module_list = low(writer.add_struct(
            Module{.address = low(facts.initrd->base), .end = low(facts.initrd->end()), .text = low(text)}));
    }
    u64 map = 0;
    for (const AddressRange& range : facts.address_map) {
        u64 at = writer.add_struct(MapEntry{.bytes_behind = sizeof(AddressRange), .range = range});
        map = map == 0 ? at : map;
    }
    info.address_map = low(map);
    info.map_bytes = low(facts.address_map.size() * sizeof(MapEntry));
    info.loader_name = low(writer.add_text(loader_name));
    info.command_line = low(writer.add_text(facts.command_line));
    writer.set_first(info);
    return writer.finish();
}

Result<usize> write_multiboot2_info(const BootFacts& facts, u64 address, MutableBytes into) {
    struct Beginning {
        Le<u32> bytes;
        Le<u32> reserved;
    } beginning{};
    InfoWriter writer(address, into);
    writer.add_struct(beginning);
    constexpr std::byte no_text[1]{};
    add_tag(writer, Tag::LoaderName, std::as_bytes(std::span(loader_name)), no_text);
    add_tag(writer, Tag::Memory, bytes_of(memory_of(facts.address_map)));
    // Meant for kernels that could lie elsewhere, as Xen, which takes it; to the others it is one tag more.
    add_tag(writer, Tag::LoadBase, bytes_of(Le<u32>(low(facts.kernel))));
    if (facts.initrd) {
        Le<u32> place[] = {low(facts.initrd->base), low(facts.initrd->end())};
        add_tag(writer, Tag::Module, std::as_bytes(std::span(place)), no_text);
    }
    // The long ones are written piece by piece: their heads are multiples of 8.
    struct MapHead {
        Tag tag;
        Le<u32> entry_bytes = sizeof(MapEntry2);
        Le<u32> version = 0;
    };
    writer.add_struct(MapHead{
        .tag = {Tag::AddressMap, low(sizeof(MapHead) + facts.address_map.size() * sizeof(MapEntry2))}});
    for (const AddressRange& range : facts.address_map)
        writer.add_struct(MapEntry2{.range = range, .reserved = 0});
    writer.add_struct(Tag{Tag::CommandLine, low(sizeof(Tag) + facts.command_line.size() + 1)});
    writer.add_text(facts.command_line);
    constexpr usize root_bytes_of_1_0 = 20;
    if (!facts.root_bytes.empty())
        add_tag(writer, facts.root_bytes.size() > root_bytes_of_1_0 ? Tag::AcpiRoot2 : Tag::AcpiRoot,
                facts.root_bytes);
    add_tag(writer, Tag::End, {});
    auto used = writer.finish();
    if (used) {
        beginning.bytes = low(*used);
        writer.set_first(beginning);
    }
    return used;
}

} // namespace vireo::boot
