// SPDX-License-Identifier: Apache-2.0
#include "boot/image/uimage.h"

#include "base/crc32.h"
#include "base/endian.h"
#include "base/parse.h"

namespace vireo::boot {

namespace {

struct Header {
    Be<u32> magic;
    Be<u32> header_checksum; // with this field 0
    Be<u32> time;
    Be<u32> data_bytes;
    Be<u32> load;
    Be<u32> entry;
    Be<u32> data_checksum;
    u8 os;
    u8 architecture;
    u8 type;
    u8 compression;
    char name[32];
};
static_assert(sizeof(Header) == UImage::header_bytes);

using Name = std::pair<u8, std::string_view>;

constexpr Name architectures[] = {
    {1, "Alpha"},         {2, "ARM"},     {3, "Intel x86"},   {4, "IA64"},     {5, "MIPS"},
    {6, "MIPS 64 Bit"},   {7, "PowerPC"}, {8, "IBM S390"},    {9, "SuperH"},   {10, "SPARC"},
    {11, "SPARC 64 Bit"}, {12, "M68K"},   {14, "MicroBlaze"}, {15, "Nios-II"}, {21, "OpenRISC 1000"},
    {22, "AArch64"},      {23, "ARC"},    {24, "AMD x86_64"}, {25, "Xtensa"},  {26, "RISC-V"}};
constexpr Name systems[] = {{0, "Invalid OS"},
                            {2, "NetBSD"},
                            {5, "Linux"},
                            {14, "VxWorks"},
                            {16, "QNX"},
                            {17, "U-Boot"},
                            {18, "RTEMS"},
                            {24, "Plan 9"},
                            {26, "ARM Trusted Firmware"},
                            {27, "Trusted Execution Environment"},
                            {28, "RISC-V OpenSBI"},
                            {29, "EFI Firmware"},
                            {30, "ELF"}};
constexpr Name types[] = {
    {1, "Standalone Program"}, {2, "Kernel Image"},     {3, "RAMDisk Image"},
    {4, "Multi-File Image"},   {5, "Firmware"},         {6, "Script"},
    {7, "Filesystem Image"},   {8, "Flat Device Tree"}, {14, "Kernel Image (no loading done)"}};
constexpr Name compressions[] = {{0, "uncompressed"},    {1, "gzip compressed"}, {2, "bzip2 compressed"},
                                 {3, "lzma compressed"}, {4, "lzo compressed"},  {5, "lz4 compressed"},
                                 {6, "zstd compressed"}};

std::string_view find(std::span<const Name> names, u8 number, std::string_view otherwise) {
    const auto* found = std::ranges::find(names.data(), names.data() + names.size(), number, &Name::first);
    return found == names.data() + names.size() ? otherwise : found->second;
}

} // namespace

std::string_view UImage::name() const {
    return {name_bytes.data(), static_cast<usize>(std::ranges::find(name_bytes, '\0') - name_bytes.begin())};
}
std::string_view UImage::architecture_name() const {
    return find(architectures, architecture, "Unknown Architecture");
}
std::string_view UImage::os_name() const { return find(systems, os, "Unknown OS"); }
std::string_view UImage::type_name() const { return find(types, static_cast<u8>(type), "Unknown Image"); }
std::string_view UImage::compression_name() const {
    return find(compressions, compression, "unknown compression");
}

Result<UImage> UImage::read(Bytes head) {
    auto header = read_struct<Header>(head);
    if (!header)
        return error(ErrorCode::Corrupt, "its header is cut off");
    Header summed = *header;
    summed.header_checksum = 0;
    if (crc32(std::as_bytes(std::span(&summed, 1))) != header->header_checksum)
        return error(ErrorCode::Corrupt, "the checksum of its header");
    UImage image{.type = static_cast<Type>(header->type),
                 .os = header->os,
                 .architecture = header->architecture,
                 .compression = header->compression,
                 .data_bytes = header->data_bytes,
                 .load = header->load,
                 .entry = header->entry,
                 .data_checksum = header->data_checksum};
    std::ranges::copy(header->name, image.name_bytes.begin());
    return image;
}

Result<> UImage::verify(Bytes file) const {
    if (file.size() < header_bytes || file.size() - header_bytes < data_bytes)
        return error(ErrorCode::Corrupt, "it is cut off");
    if (crc32(file.subspan(header_bytes, data_bytes)) != data_checksum)
        return error(ErrorCode::Corrupt, "the checksum of its data");
    return {};
}

Result<UImageParts> UImageParts::read(const UImage& image, Bytes file) {
    u64 end = UImage::header_bytes + u64{image.data_bytes};
    UImageParts parts;
    u64 table = UImage::header_bytes;
    for (;; table += sizeof(u32)) {
        auto bytes =
            table + sizeof(u32) <= end ? read_struct<Be<u32>>(file, static_cast<usize>(table)) : std::nullopt;
        if (!bytes)
            return error(ErrorCode::Corrupt, "the table of its parts does not end");
        if (*bytes == 0)
            break;
        if (parts.count == most)
            return error(ErrorCode::TooLarge, "more than {} parts", most);
        parts.ranges[parts.count++].bytes = *bytes;
    }
    u64 at = table + sizeof(u32);
    for (usize i = 0; i < parts.count; ++i) {
        Range& part = parts.ranges[i];
        part.base = at;
        if (part.base > end || part.bytes > end - part.base || part.end() > file.size())
            return error(ErrorCode::Corrupt, "part {} reaches beyond its end", static_cast<u32>(i));
        at = align_up<u64>(part.end(), 4);
    }
    if (parts.count == 0)
        return error(ErrorCode::Corrupt, "it has no parts");
    return parts;
}

} // namespace vireo::boot
