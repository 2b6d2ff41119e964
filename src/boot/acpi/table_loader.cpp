// SPDX-License-Identifier: Apache-2.0
#include "boot/acpi/table_loader.h"

#include "base/endian.h"
#include "base/fixed_vector.h"
#include "base/log.h"
#include "base/math.h"
#include "base/owned_array.h"
#include "base/parse.h"
#include "boot/acpi/checksum.h"
#include "boot/acpi/table_header.h"

namespace vireo::boot {

namespace {

// The script is an array of these (QEMU, hw/acpi/bios-linker-loader.c). A name ends with a zero byte.
using FileName = char[56];

struct Allocate {
    FileName file;
    Le<u32> alignment;
    u8 zone;
};
struct AddPointer {
    FileName file; // has the pointer
    FileName target;
    Le<u32> offset;
    u8 bytes;
};
struct AddChecksum {
    FileName file;
    Le<u32> offset;
    Le<u32> start;
    Le<u32> bytes;
};
struct WritePointer {
    FileName file; // the host's own, which gets the address
    FileName target;
    Le<u32> offset;
    Le<u32> target_offset;
    u8 bytes;
};

struct Entry {
    Le<u32> command;
    std::byte arguments[124];
};
static_assert(sizeof(Entry) == 128 && sizeof(WritePointer) <= sizeof(Entry::arguments));

namespace command {
constexpr u32 none = 0; // QEMU fills the file up with these
constexpr u32 allocate = 1;
constexpr u32 add_pointer = 2;
constexpr u32 add_checksum = 3;
constexpr u32 write_pointer = 4;
} // namespace command

constexpr u8 zone_high = 1;
constexpr u8 zone_segment = 2;

// Empty, which names no file, if the field has no end.
std::string_view text_of(const FileName& field) {
    std::string_view text(field, sizeof(field));
    usize end = text.find('\0');
    return end == text.npos ? std::string_view() : text.substr(0, end);
}

bool is_pointer_size(u8 bytes) { return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8; }

bool fits(u64 value, u8 bytes) { return bytes == 8 || value >> 8 * bytes == 0; }

u64 read_number(Bytes field) {
    u64 value = 0;
    for (usize i = 0; i < field.size(); ++i)
        value |= u64{std::to_integer<u8>(field[i])} << 8 * i;
    return value;
}

void write_number(MutableBytes field, u64 value) {
    for (std::byte& byte : field) {
        byte = static_cast<std::byte>(value);
        value >>= 8;
    }
}

class TableLoader {
  public:
    explicit TableLoader(TableHost& host) : host_(host) {}

    Result<u64> run(std::span<const Entry> script);

  private:
    // A file in memory. Its name is the script's.
    struct Loaded {
        std::string_view name;
        u64 address = 0;
        MutableBytes bytes;
    };
    // An address that the host wants.
    struct Told {
        TableHost::File file;
        u32 offset;
        u8 bytes;
        u64 address;
    };

    template <typename Arguments> static Arguments arguments_of(const Entry& entry) {
        return *read_struct<Arguments>(entry.arguments);
    }
    Error corrupt(const char* what) const { return error(ErrorCode::Corrupt, what, index_); }
    Result<Loaded*> loaded(const FileName& name);
    Result<TableHost::File> file_of_host(std::string_view name);

    Result<> run(const Entry& entry);
    Result<> allocate(const Entry& entry);
    Result<> add_pointer(const AddPointer& wanted);
    Result<> add_checksum(const AddChecksum& wanted);
    Result<Told> pointer_to_write(const WritePointer& wanted);
    void tell(const Told& pointer);
    Result<u64> find_root() const;

    TableHost& host_;
    FixedVector<Loaded, most_table_files> files_;
    u32 index_ = 0; // of the entry that is carried out
    u32 unknown_ = 0;
};

Result<TableLoader::Loaded*> TableLoader::loaded(const FileName& name) {
    for (Loaded& file : files_)
        if (file.name == text_of(name))
            return &file;
    return corrupt("table loader, entry {}: a file that was not allocated");
}

// A script that names what is not there is wrong; that there is no script means no ACPI.
Result<TableHost::File> TableLoader::file_of_host(std::string_view name) {
    auto file = host_.find(name);
    if (!file && file.error().code == ErrorCode::NotFound)
        return corrupt("table loader, entry {}: a file that the host does not have");
    return file;
}

Result<u64> TableLoader::run(std::span<const Entry> script) {
    for (index_ = 0; index_ < script.size(); ++index_)
        VIREO_TRY(run(script[index_]));
    u64 root = VIREO_TRY(find_root());
    // What the host was told cannot be taken back, so it is told when nothing can fail any more.
    for (index_ = 0; index_ < script.size(); ++index_)
        if (script[index_].command == command::write_pointer)
            tell(VIREO_TRY(pointer_to_write(arguments_of<WritePointer>(script[index_]))));
    if (unknown_ != 0)
        warn("etc/table-loader: {} commands of an unknown kind were left out", unknown_);
    return root;
}

Result<> TableLoader::run(const Entry& entry) {
    switch (entry.command) {
    case command::allocate:
        return allocate(entry);
    case command::add_pointer:
        return add_pointer(arguments_of<AddPointer>(entry));
    case command::add_checksum:
        return add_checksum(arguments_of<AddChecksum>(entry));
    case command::write_pointer:
        VIREO_TRY(pointer_to_write(arguments_of<WritePointer>(entry)));
        return {};
    case command::none:
        return {};
    default:
        ++unknown_;
        return {};
    }
}

Result<> TableLoader::allocate(const Entry& entry) {
    auto wanted = arguments_of<Allocate>(entry);
    // The name stays, so it is that of the script.
    std::string_view field = as_text(Bytes(entry.arguments).first(sizeof(FileName)));
    std::string_view name = field.substr(0, field.find('\0'));
    if (name.empty() || name.size() == field.size())
        return corrupt("table loader, entry {}: name of the file");
    if (!std::has_single_bit(wanted.alignment.get()))
        return corrupt("table loader, entry {}: alignment");
    if (wanted.zone != zone_high && wanted.zone != zone_segment)
        return corrupt("table loader, entry {}: zone");
    if (loaded(wanted.file))
        return corrupt("table loader, entry {}: a file that was allocated already");
    if (files_.is_full())
        return error(ErrorCode::TooLarge, "table loader, entry {}: too many files", index_);
    auto file = VIREO_TRY(file_of_host(name));
    if (file.bytes == 0)
        return corrupt("table loader, entry {}: an empty file");
    auto zone = wanted.zone == zone_segment ? TableHost::Zone::Segment : TableHost::Zone::High;
    u64 address = VIREO_TRY(host_.allocate(file.bytes, wanted.alignment, zone));
    MutableBytes bytes(host_.memory(address), file.bytes);
    VIREO_TRY(host_.read(file, bytes));
    VIREO_ASSERT(files_.try_push_back({name, address, bytes}));
    return {};
}

// The pointer holds an offset into its target.
Result<> TableLoader::add_pointer(const AddPointer& wanted) {
    Loaded* file = VIREO_TRY(loaded(wanted.file));
    Loaded* target = VIREO_TRY(loaded(wanted.target));
    if (!is_pointer_size(wanted.bytes) || !range_fits(wanted.offset, wanted.bytes, file->bytes.size()))
        return corrupt("table loader, entry {}: place of a pointer");
    MutableBytes field = file->bytes.subspan(wanted.offset, wanted.bytes);
    u64 offset = read_number(field);
    if (offset >= target->bytes.size())
        return corrupt("table loader, entry {}: a pointer beyond its file");
    if (!fits(target->address + offset, wanted.bytes))
        return corrupt("table loader, entry {}: a pointer too small for its address");
    write_number(field, target->address + offset);
    return {};
}

Result<> TableLoader::add_checksum(const AddChecksum& wanted) {
    Loaded* file = VIREO_TRY(loaded(wanted.file));
    if (wanted.offset >= file->bytes.size() || !range_fits(wanted.start, wanted.bytes, file->bytes.size()))
        return corrupt("table loader, entry {}: range of a checksum");
    u8 sum = sum_of(file->bytes.subspan(wanted.start, wanted.bytes));
    std::byte& checksum = file->bytes[wanted.offset];
    checksum = static_cast<std::byte>(std::to_integer<unsigned>(checksum) - sum);
    return {};
}

Result<TableLoader::Told> TableLoader::pointer_to_write(const WritePointer& wanted) {
    Loaded* target = VIREO_TRY(loaded(wanted.target));
    auto file = VIREO_TRY(file_of_host(text_of(wanted.file)));
    if (!is_pointer_size(wanted.bytes) || !range_fits(wanted.offset, wanted.bytes, file.bytes))
        return corrupt("table loader, entry {}: place of a pointer");
    if (wanted.target_offset >= target->bytes.size())
        return corrupt("table loader, entry {}: a pointer beyond its file");
    u64 address = target->address + wanted.target_offset;
    if (!fits(address, wanted.bytes))
        return corrupt("table loader, entry {}: a pointer too small for its address");
    return Told{file, wanted.offset, wanted.bytes, address};
}

// Without it only what the host wanted the address for is missing (a new identity after a snapshot).
void TableLoader::tell(const Told& pointer) {
    std::array<std::byte, 8> field;
    auto used = std::span(field).first(pointer.bytes);
    write_number(used, pointer.address);
    if (auto written = host_.write(pointer.file, pointer.offset, used); !written)
        warn("etc/table-loader, entry {}: {}", index_, written.error());
}

Result<u64> TableLoader::find_root() const {
    for (const Loaded& file : files_)
        if (file.bytes.size() >= acpi_first_root_bytes &&
            as_text(file.bytes).starts_with(acpi_root_signature) &&
            sum_of(file.bytes.first(acpi_first_root_bytes)) == 0)
            return file.address;
    return error(ErrorCode::Corrupt, "no file of the table loader is a root pointer");
}

} // namespace

Result<u64> load_tables(TableHost& host) {
    auto file = VIREO_TRY(host.find("etc/table-loader"));
    if (file.bytes % sizeof(Entry) != 0)
        return error(ErrorCode::Corrupt, "size of etc/table-loader");
    usize count = file.bytes / sizeof(Entry);
    if (count > most_table_commands)
        return error(ErrorCode::TooLarge, "etc/table-loader");
    auto script = VIREO_TRY(OwnedArray<Entry>::create(count));
    VIREO_TRY(host.read(file, std::as_writable_bytes(std::span<Entry>(script))));
    return TableLoader(host).run(script);
}

} // namespace vireo::boot
