// SPDX-License-Identifier: Apache-2.0
#include "boot/image/multiboot.h"

#include "boot/image/elf.h"
#include "boot/image/x86_entry.h"

namespace vireo::boot {

namespace {

struct Header {
    Le<u32> magic;
    Le<u32> flags;
    Le<u32> checksum; // all three have no sum
    static constexpr u32 its_magic = 0x1bad'b002;
    static constexpr usize searched_bytes = 8192;
    static constexpr usize alignment = 4;

    static constexpr u32 aligned_modules = 1 << 0;
    static constexpr u32 memory = 1 << 1;
    static constexpr u32 required = 0xffff; // what of it is unknown, the kernel cannot do without
    static constexpr u32 has_addresses = 1 << 16;

    bool is_one() const { return magic == its_magic && magic + flags + checksum == 0; }
};

struct Header2 {
    Le<u32> magic;
    Le<u32> architecture; // 0: 32-bit protected mode of i386
    Le<u32> bytes;        // with the tags that follow
    Le<u32> checksum;
    static constexpr u32 its_magic = 0xe852'50d6;
    static constexpr usize searched_bytes = 32768;
    static constexpr usize alignment = 8;

    bool is_one() const { return magic == its_magic && magic + architecture + bytes + checksum == 0; }
};

struct Tag {
    Le<u16> type;
    Le<u16> flags;
    Le<u32> bytes;
    static constexpr u16 optional = 1;
    static constexpr usize alignment = 8;
    enum Type : u16 {
        End = 0,
        Information = 1,
        Addresses = 2,
        Entry = 3,
        Console = 4,
        Framebuffer = 5,
        AlignedModules = 6,
        EfiServices = 7,
        EfiEntry32 = 8,
        EfiEntry64 = 9,
        Relocatable = 10
    };
};

// The "a.out kludge": where the file belongs, for those that are no ELF files.
struct Addresses {
    Le<u32> header;
    Le<u32> load;
    Le<u32> load_end; // 0: the file's end
    Le<u32> bss_end;  // 0: there is none
};

template <typename H> std::optional<usize> find(Bytes file) {
    Bytes searched = file.first(std::min(file.size(), H::searched_bytes));
    for (usize at = 0; at < searched.size(); at += H::alignment) {
        auto header = read_struct<H>(searched, at);
        if (!header)
            break;
        if (header->is_one())
            return at;
    }
    return std::nullopt;
}

Result<Segments> segments_of(const Addresses& addresses, usize header_at, Bytes file) {
    u32 before_header = addresses.header - addresses.load;
    if (addresses.load > addresses.header || before_header > header_at)
        return error(ErrorCode::Corrupt, "its header would lie before its beginning");
    Segment segment{.offset = header_at - before_header, .address = addresses.load};
    if (addresses.load_end == 0)
        segment.file_bytes = file.size() - segment.offset;
    else if (addresses.load_end > addresses.load)
        segment.file_bytes = addresses.load_end - addresses.load;
    else
        return error(ErrorCode::Corrupt, "it would end before its beginning");
    segment.memory_bytes = segment.file_bytes;
    if (addresses.bss_end != 0) {
        u64 end = segment.address + segment.file_bytes;
        if (addresses.bss_end < end)
            return error(ErrorCode::Corrupt, "its zeroed data would end before they begin");
        segment.memory_bytes = addresses.bss_end - segment.address;
    }
    Segments segments;
    VIREO_TRY(segments.add(segment));
    return segments;
}

// What a header has said about where the kernel lies.
struct Said {
    std::optional<Addresses> addresses{};
    std::optional<u32> entry{};
    bool has_aligned_modules = false;
};

Result<Needs> needs_of(ImageKind kind, const Said& said, usize header_at, Bytes file) {
    bool is_elf = recognise(file) == ImageKind::Elf;
    if (!is_elf && !(said.addresses && said.entry))
        return error(ErrorCode::Corrupt, "it neither is an ELF file nor says where it belongs");
    Segments segments;
    u64 entry = said.entry.value_or(0);
    bool is_64_bit = false;
    if (is_elf) {
        Elf elf = VIREO_TRY(Elf::read(file));
        if (!elf.is_x86())
            return error(ErrorCode::NotSupported, "it is an ELF file for another machine");
        is_64_bit = elf.is_64_bit();
        if (!said.addresses)
            segments = VIREO_TRY(elf.segments());
        if (!said.entry)
            entry = elf.entry();
    }
    if (said.addresses)
        segments = VIREO_TRY(segments_of(*said.addresses, header_at, file));
    Needs needs = VIREO_TRY(Elf::needs_of(kind, segments, entry));
    enter_in_32_bit_mode(needs, is_64_bit);
    needs.is_initrd_aligned = said.has_aligned_modules;
    return needs;
}

// Of the information that a kernel may ask for, what it is given (section 3.6 of version 2.0).
constexpr u32 most_information = 15;
constexpr u32 given_information = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 14 | 1 << 15;

Result<> check_information(Bytes kinds) {
    for (; auto kind = read_struct<Le<u32>>(kinds); kinds = kinds.subspan(sizeof(*kind)))
        if (*kind > most_information || (given_information >> *kind & 1) == 0)
            return error(ErrorCode::NotSupported, "it asks for information {}, which there is not", *kind);
    return {};
}

Result<> take(Said& said, const Tag& tag, Bytes content) {
    constexpr const char* cut_off = "its header's tag {} is cut off";
    switch (tag.type) {
    case Tag::Information:
        return (tag.flags & Tag::optional) != 0 ? Result<>() : check_information(content);
    case Tag::Addresses:
        if (!(said.addresses = read_struct<Addresses>(content)))
            return error(ErrorCode::Corrupt, cut_off, tag.type);
        return {};
    case Tag::Entry: {
        auto entry = read_struct<Le<u32>>(content);
        if (!entry)
            return error(ErrorCode::Corrupt, cut_off, tag.type);
        said.entry = *entry;
        return {};
    }
    case Tag::AlignedModules:
        said.has_aligned_modules = true;
        return {};
    // Where it says that it lies, it may; and firmware services are what there are none of.
    case Tag::Console:
    case Tag::EfiServices:
    case Tag::EfiEntry32:
    case Tag::EfiEntry64:
    case Tag::Relocatable:
        return {};
    case Tag::Framebuffer:
    default:
        if ((tag.flags & Tag::optional) != 0)
            return {};
        return error(ErrorCode::NotSupported, "its header's tag {} asks for what there is not", tag.type);
    }
}

} // namespace

bool is_multiboot(Bytes file) { return find<Header>(file).has_value(); }
bool is_multiboot2(Bytes file) { return find<Header2>(file).has_value(); }

Result<Needs> read_multiboot(Bytes file, u64) {
    auto at = find<Header>(file);
    if (!at)
        return error(ErrorCode::NotSupported, "it has no Multiboot header");
    u32 flags = read_struct<Header>(file, *at)->flags;
    if (u32 unknown = flags & Header::required & ~(Header::aligned_modules | Header::memory); unknown != 0)
        return error(ErrorCode::NotSupported, "its header's flags 0x{:x} ask for what there is not", unknown);
    Said said{.has_aligned_modules = (flags & Header::aligned_modules) != 0};
    if ((flags & Header::has_addresses) != 0) {
        usize behind = *at + sizeof(Header);
        said.addresses = read_struct<Addresses>(file, behind);
        auto entry = read_struct<Le<u32>>(file, behind + sizeof(Addresses));
        if (!entry)
            return error(ErrorCode::Corrupt, "its header is cut off");
        said.entry = *entry;
    }
    return needs_of(ImageKind::Multiboot, said, *at, file);
}

Result<Needs> read_multiboot2(Bytes file, u64) {
    auto at = find<Header2>(file);
    if (!at)
        return error(ErrorCode::NotSupported, "it has no Multiboot2 header");
    auto header = *read_struct<Header2>(file, *at);
    if (header.architecture != 0)
        return error(ErrorCode::NotSupported, "its header is for architecture {}", header.architecture);
    Bytes searched = file.first(std::min(file.size(), Header2::searched_bytes));
    if (header.bytes < sizeof(Header2) || !range_fits(*at, header.bytes, searched.size()))
        return error(ErrorCode::Corrupt, "its header is cut off");
    Bytes tags = searched.subspan(*at + sizeof(Header2), header.bytes - sizeof(Header2));
    Said said;
    while (auto tag = read_struct<Tag>(tags)) {
        if (tag->type == Tag::End)
            return needs_of(ImageKind::Multiboot2, said, *at, file);
        if (tag->bytes < sizeof(Tag) || tag->bytes > tags.size())
            return error(ErrorCode::Corrupt, "its header's tag {} is cut off", tag->type);
        VIREO_TRY(take(said, *tag, tags.subspan(sizeof(Tag), tag->bytes - sizeof(Tag))));
        tags = tags.subspan(std::min(align_up<usize>(tag->bytes, Tag::alignment), tags.size()));
    }
    return error(ErrorCode::Corrupt, "its header has no end");
}

} // namespace vireo::boot
