// SPDX-License-Identifier: Apache-2.0
#include "boot/acpi/smbios.h"

#include "base/endian.h"
#include "base/math.h"
#include "boot/acpi/checksum.h"

namespace vireo::boot {

namespace {

// SMBIOS 3.6, 5.2.1.
struct EntryPoint32 {
    char anchor[4]; // "_SM_"
    u8 checksum;
    u8 length;
    u8 version[2];
    Le<u16> largest_structure;
    u8 revision;
    u8 formatted[5];
    char second_anchor[5]; // "_DMI_", the start of a structure with a checksum of its own
    u8 second_checksum;
    Le<u16> bytes;
    Le<u32> address;
    Le<u16> count;
    u8 bcd_revision;
};
static_assert(sizeof(EntryPoint32) == 31);

// 5.2.2.
struct EntryPoint64 {
    char anchor[5]; // "_SM3_"
    u8 checksum;
    u8 length;
    u8 version[3];
    u8 revision;
    u8 reserved;
    Le<u32> bytes; // at most
    Le<u64> address;
};
static_assert(sizeof(EntryPoint64) == 24);

struct StructureHeader {
    u8 type;
    u8 length;
    Le<u16> handle;
};
static_assert(sizeof(StructureHeader) == 4);
constexpr u8 type_firmware = 0;
constexpr u8 type_end = 127;

// 7.1, with the strings that it numbers from 1 on behind it.
struct FirmwareInformation {
    StructureHeader header;
    u8 vendor;
    u8 version;
    Le<u16> segment;
    u8 date; // 0: none is said, and builds have none
    u8 rom_size;
    Le<u64> characteristics;
    u8 more_characteristics[2];
    u8 release[2]; // 255: not said
    u8 controller_release[2];
};
static_assert(sizeof(FirmwareInformation) == 24);
constexpr u64 characteristics_not_said = 1 << 3;
constexpr u8 is_virtual_machine = 1 << 4;
constexpr std::string_view vendor = "Vireo";

// Room for the structure of ours; a version that is longer is cut.
constexpr usize most_own_bytes = 96;

template <typename T> MutableBytes bytes_of(T& object) {
    return std::as_writable_bytes(std::span(&object, 1));
}

// The structures at the front of `table`, as far as they make sense; the last one may be cut.
class StructureWalk {
  public:
    explicit StructureWalk(Bytes table) : rest_(table) {}
    std::optional<StructureHeader> next() {
        auto header = read_struct<StructureHeader>(rest_);
        if (!header || header->length < sizeof(StructureHeader) || header->length > rest_.size())
            return std::nullopt;
        // Strings follow, and an empty one ends them; without any there are two zeros.
        usize at = header->length;
        while (at + 1 < rest_.size() && (rest_[at] != std::byte{} || rest_[at + 1] != std::byte{}))
            ++at;
        rest_ = rest_.subspan(std::min(at + 2, rest_.size()));
        return header;
    }

  private:
    Bytes rest_;
};

bool names_firmware(Bytes table) {
    StructureWalk walk(table);
    while (auto header = walk.next()) {
        if (header->type == type_firmware)
            return true;
        if (header->type == type_end)
            return false;
    }
    return false;
}

// Returns how long it is.
usize write_firmware_information(std::span<std::byte, most_own_bytes> into, std::string_view version) {
    FirmwareInformation own{};
    own.header = {type_firmware, sizeof(FirmwareInformation), 0};
    own.vendor = 1;
    own.version = 2;
    own.characteristics = characteristics_not_said;
    own.more_characteristics[1] = is_virtual_machine;
    std::ranges::fill(own.release, u8{0xff});
    std::ranges::fill(own.controller_release, u8{0xff});
    version = version.substr(0, most_own_bytes - sizeof(own) - vendor.size() - 3);
    std::ranges::fill(into, std::byte{});
    std::memcpy(into.data(), &own, sizeof(own));
    std::memcpy(into.data() + sizeof(own), vendor.data(), vendor.size());
    std::memcpy(into.data() + sizeof(own) + vendor.size() + 1, version.data(), version.size());
    return sizeof(own) + vendor.size() + 1 + version.size() + 2;
}

// What both kinds of entry point say.
struct Structures {
    u32 bytes = 0;      // that the host's structures take, by its entry point
    u32 most_bytes = 0; // that this kind can name
};

struct Placed {
    u64 address;
    u32 bytes;
    u32 own_bytes; // of them, the structure of ours
};

Result<Placed> place_structures(TableHost& host, const Structures& wanted, std::string_view version) {
    auto file = VIREO_TRY(host.find("etc/smbios/smbios-tables"));
    if (wanted.bytes == 0 || wanted.bytes > file.bytes)
        return error(ErrorCode::Corrupt, "size of the SMBIOS structures");
    std::array<std::byte, most_own_bytes> own;
    usize own_bytes = write_firmware_information(own, version);
    u64 address = VIREO_TRY(host.allocate(u64{wanted.bytes} + own_bytes, 16, TableHost::Zone::Segment));
    MutableBytes table(host.memory(address), wanted.bytes + own_bytes);
    MutableBytes hosts = table.first(wanted.bytes);
    VIREO_TRY(host.read(file, hosts));
    if (wanted.bytes + own_bytes > wanted.most_bytes || names_firmware(hosts))
        return Placed{address, wanted.bytes, 0};
    std::memmove(table.data() + own_bytes, table.data(), hosts.size());
    std::memcpy(table.data(), own.data(), own_bytes);
    return Placed{address, static_cast<u32>(table.size()), static_cast<u32>(own_bytes)};
}

// Makes the sum over `bytes` 0.
void set_checksum(u8& checksum, Bytes bytes) { checksum = static_cast<u8>(checksum - sum_of(bytes)); }

Result<> complete(EntryPoint32& entry, TableHost& host, std::string_view version) {
    Structures wanted{entry.bytes, 0xffff};
    auto placed = VIREO_TRY(place_structures(host, wanted, version));
    entry.bytes = static_cast<u16>(placed.bytes);
    entry.address = static_cast<u32>(placed.address);
    if (placed.own_bytes != 0) {
        entry.count = static_cast<u16>(entry.count + 1);
        entry.largest_structure = std::max(entry.largest_structure.get(), static_cast<u16>(placed.own_bytes));
    }
    MutableBytes whole = bytes_of(entry);
    set_checksum(entry.second_checksum, whole.subspan(offsetof(EntryPoint32, second_anchor)));
    set_checksum(entry.checksum, whole);
    return {};
}

Result<> complete(EntryPoint64& entry, TableHost& host, std::string_view version) {
    Structures wanted{entry.bytes, ~u32{0}};
    auto placed = VIREO_TRY(place_structures(host, wanted, version));
    entry.bytes = placed.bytes;
    entry.address = placed.address;
    set_checksum(entry.checksum, bytes_of(entry));
    return {};
}

template <typename EntryPoint>
Result<u64> load(TableHost& host, const TableHost::File& file, std::string_view anchor,
                 std::string_view version) {
    EntryPoint entry;
    VIREO_TRY(host.read(file, bytes_of(entry)));
    if (std::string_view(entry.anchor, sizeof(entry.anchor)) != anchor || entry.length != sizeof(entry))
        return error(ErrorCode::Corrupt, "SMBIOS entry point");
    VIREO_TRY(complete(entry, host, version));
    u64 address = VIREO_TRY(host.allocate(sizeof(entry), 16, TableHost::Zone::Segment));
    std::memcpy(host.memory(address), &entry, sizeof(entry));
    return address;
}

} // namespace

Result<u64> load_smbios(TableHost& host, std::string_view version) {
    auto file = VIREO_TRY(host.find("etc/smbios/smbios-anchor"));
    if (file.bytes == sizeof(EntryPoint64))
        return load<EntryPoint64>(host, file, "_SM3_", version);
    if (file.bytes == sizeof(EntryPoint32))
        return load<EntryPoint32>(host, file, "_SM_", version);
    return error(ErrorCode::Corrupt, "size of the SMBIOS entry point");
}

} // namespace vireo::boot
