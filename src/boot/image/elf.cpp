// SPDX-License-Identifier: Apache-2.0
#include "boot/image/elf.h"

#include "base/parse.h"

namespace vireo::boot {

namespace {

struct Identification {
    char magic[4];
    u8 width; // 1: 32 bits, 2: 64
    u8 byte_order;
    u8 rest[10];
};
constexpr u8 width_32 = 1;
constexpr u8 width_64 = 2;
constexpr u8 little_endian = 1;

template <typename Address> struct Header {
    Identification identification;
    Le<u16> type;
    Le<u16> machine;
    Le<u32> version;
    Le<Address> entry;
    Le<Address> programs;
    Le<Address> sections;
    Le<u32> flags;
    Le<u16> header_bytes;
    Le<u16> program_bytes;
    Le<u16> program_count;
    Le<u16> section_bytes;
    Le<u16> section_count;
    Le<u16> names;
};
static_assert(sizeof(Header<u32>) == 52 && sizeof(Header<u64>) == 64);

struct ProgramHeader32 {
    Le<u32> type;
    Le<u32> offset;
    Le<u32> virtual_address;
    Le<u32> address;
    Le<u32> file_bytes;
    Le<u32> memory_bytes;
    Le<u32> flags;
    Le<u32> alignment;
};
struct ProgramHeader64 {
    Le<u32> type;
    Le<u32> flags;
    Le<u64> offset;
    Le<u64> virtual_address;
    Le<u64> address;
    Le<u64> file_bytes;
    Le<u64> memory_bytes;
    Le<u64> alignment;
};
static_assert(sizeof(ProgramHeader32) == 32 && sizeof(ProgramHeader64) == 56);
constexpr u32 type_load = 1;
constexpr u32 type_note = 4;

template <typename Address> struct SectionHeader {
    Le<u32> name;
    Le<u32> type;
    Le<Address> flags;
    Le<Address> address;
    Le<Address> offset;
    Le<Address> bytes;
    Le<u32> link;
    Le<u32> info;
    Le<Address> alignment;
    Le<Address> entry_bytes;
};
static_assert(sizeof(SectionHeader<u32>) == 40 && sizeof(SectionHeader<u64>) == 64);
constexpr u32 section_without_bytes = 8;
constexpr u64 section_in_memory = 2;

struct NoteHeader {
    Le<u32> owner_bytes; // with the 0 at its end
    Le<u32> bytes;
    Le<u32> kind;
};

constexpr const char* cut_off = "the file is cut off";

template <typename Entry> Segment segment_of(const Entry& entry) {
    return {entry.offset, entry.file_bytes, entry.address, entry.memory_bytes};
}

} // namespace

Result<Elf> Elf::read(Bytes file) {
    auto identification = read_struct<Identification>(file);
    if (!identification)
        return error(ErrorCode::Corrupt, cut_off);
    if (identification->byte_order != little_endian)
        return error(ErrorCode::NotSupported, "it is for a big-endian machine");
    if (identification->width != width_32 && identification->width != width_64)
        return error(ErrorCode::Corrupt, "its header says a width of {}", identification->width);
    Elf elf;
    elf.file_ = file;
    elf.is_64_bit_ = identification->width == width_64;
    auto take = [&](auto header) -> Result<> {
        if (!header)
            return error(ErrorCode::Corrupt, cut_off);
        elf.machine_ = header->machine;
        elf.entry_ = header->entry;
        elf.programs_ = {header->programs, header->program_count, header->program_bytes};
        elf.sections_ = {header->sections, header->section_count, header->section_bytes};
        return {};
    };
    VIREO_TRY(elf.is_64_bit_ ? take(read_struct<Header<u64>>(file)) : take(read_struct<Header<u32>>(file)));
    VIREO_TRY(elf.check(elf.programs_, elf.is_64_bit_ ? sizeof(ProgramHeader64) : sizeof(ProgramHeader32)));
    return elf;
}

std::string_view Elf::machine_name() const {
    switch (machine_) {
    case i386:
        return "x86";
    case x86_64:
        return "x86_64";
    case arm:
        return "arm";
    case arm64:
        return "arm64";
    case riscv:
        return is_64_bit_ ? "riscv64" : "riscv32";
    default:
        return "";
    }
}

Result<> Elf::check(const Table& table, usize least_bytes) const {
    if (table.entries != 0 && table.entry_bytes < least_bytes)
        return error(ErrorCode::Corrupt, "its table's entries have {} bytes", table.entry_bytes);
    if (!range_fits(table.offset, u64{table.entries} * table.entry_bytes, file_.size()))
        return error(ErrorCode::Corrupt, cut_off);
    return {};
}

// read() has checked the table.
Elf::ProgramHeader Elf::program_header(u16 index) const {
    usize at = static_cast<usize>(programs_.offset) + usize{index} * programs_.entry_bytes;
    auto of = [](const auto& entry) -> ProgramHeader {
        return {entry->type, entry->virtual_address, segment_of(*entry)};
    };
    return is_64_bit_ ? of(read_struct<ProgramHeader64>(file_, at))
                      : of(read_struct<ProgramHeader32>(file_, at));
}

Result<Segments> Elf::segments() const {
    Segments segments;
    for (u16 i = 0; i < programs_.entries; ++i)
        if (ProgramHeader header = program_header(i); header.type == type_load)
            VIREO_TRY(segments.add(header.segment));
    if (segments.is_empty())
        return error(ErrorCode::Corrupt, "it has nothing to load");
    return segments;
}

Result<Segments> Elf::sections() const {
    VIREO_TRY(check(sections_, is_64_bit_ ? sizeof(SectionHeader<u64>) : sizeof(SectionHeader<u32>)));
    Segments segments;
    auto take = [&](const auto& section) -> Result<> {
        if ((section->flags & section_in_memory) == 0)
            return {};
        bool has_bytes = section->type != section_without_bytes;
        return segments.add({.offset = has_bytes ? u64{section->offset} : 0,
                             .file_bytes = has_bytes ? u64{section->bytes} : 0,
                             .address = section->address,
                             .memory_bytes = section->bytes});
    };
    for (u16 i = 0; i < sections_.entries; ++i) {
        usize at = static_cast<usize>(sections_.offset) + usize{i} * sections_.entry_bytes;
        VIREO_TRY(is_64_bit_ ? take(read_struct<SectionHeader<u64>>(file_, at))
                             : take(read_struct<SectionHeader<u32>>(file_, at)));
    }
    if (segments.is_empty())
        return error(ErrorCode::Corrupt, "it has nothing to load");
    return segments;
}

u64 Elf::entry() const {
    for (u16 i = 0; i < programs_.entries; ++i) {
        ProgramHeader header = program_header(i);
        u64 offset = entry_ - header.virtual_address;
        if (header.type == type_load && entry_ >= header.virtual_address &&
            offset < header.segment.memory_bytes)
            return header.segment.address + offset;
    }
    return entry_;
}

Result<std::optional<u64>> Elf::note(std::string_view owner, u32 kind) const {
    constexpr usize alignment = 4; // in files of 64 bits, too
    for (u16 i = 0; i < programs_.entries; ++i) {
        ProgramHeader program = program_header(i);
        if (program.type != type_note)
            continue;
        if (!range_fits(program.segment.offset, program.segment.file_bytes, file_.size()))
            return error(ErrorCode::Corrupt, cut_off);
        Bytes notes = file_.subspan(static_cast<usize>(program.segment.offset),
                                    static_cast<usize>(program.segment.file_bytes));
        while (auto header = read_struct<NoteHeader>(notes)) {
            u64 text = sizeof(NoteHeader);
            u64 content = text + align_up<u64>(header->owner_bytes, alignment);
            u64 next = content + align_up<u64>(header->bytes, alignment);
            if (next > notes.size())
                return error(ErrorCode::Corrupt, "a note is cut off");
            std::string_view whose =
                as_text(notes.subspan(static_cast<usize>(text), static_cast<usize>(header->owner_bytes)));
            if (header->kind == kind && split_first(whose, '\0') == owner) {
                auto wide = read_struct<Le<u64>>(notes, static_cast<usize>(content));
                auto narrow = read_struct<Le<u32>>(notes, static_cast<usize>(content));
                if (header->bytes == sizeof(u64))
                    return std::optional<u64>(*wide);
                if (header->bytes == sizeof(u32))
                    return std::optional<u64>(*narrow);
                return error(ErrorCode::Corrupt, "a note has {} bytes", header->bytes);
            }
            notes = notes.subspan(static_cast<usize>(next));
        }
    }
    return std::optional<u64>();
}

Result<Needs> Elf::needs_of(ImageKind kind, const Segments& segments, u64 entry) {
    if (!segments.has(entry))
        return error(ErrorCode::Corrupt, "its entry point is in none of its segments");
    Range span = segments.span();
    return Needs{.kind = kind,
                 .file_bytes = segments.file_bytes(),
                 .image_bytes = span.bytes,
                 .entry_offset = entry - span.base,
                 .kernel = {.alignment = u64{1} << 63, .skew = span.base},
                 .segments = segments};
}

} // namespace vireo::boot
