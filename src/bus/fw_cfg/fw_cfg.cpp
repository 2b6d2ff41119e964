// SPDX-License-Identifier: Apache-2.0
#include "bus/fw_cfg/fw_cfg.h"

#include "base/endian.h"
#include "base/math.h"

namespace vireo::bus {
namespace {

// Items with fixed numbers.
constexpr u16 signature_item = 0x00;
constexpr u16 features_item = 0x01;
constexpr u16 processors_item = 0x05;
constexpr u16 directory_item = 0x19;
constexpr u16 first_file_item = 0x20;

// An item has the size of a part, another its bytes.
struct PartItems {
    u16 size;
    u16 data;
};
constexpr PartItems items_of(FwCfg::Part part) {
    switch (part) {
    case FwCfg::Part::Setup:
        return {0x17, 0x18};
    case FwCfg::Part::Kernel:
        return {0x08, 0x11};
    case FwCfg::Part::Initrd:
        return {0x0b, 0x12};
    case FwCfg::Part::CommandLine:
        return {0x14, 0x15};
    }
    return {};
}

constexpr std::string_view signature = "QEMU";
constexpr u32 dma_feature = 0x2;

// "FWCfgFile" of the specification.
struct DirectoryEntry {
    Be<u32> size;
    Be<u16> select;
    Be<u16> reserved;
    char name[56];
};
static_assert(sizeof(DirectoryEntry) == 64);

// "FWCfgDmaAccess".
struct DmaAccess {
    Be<u32> control;
    Be<u32> length;
    Be<u64> address;
};
static_assert(sizeof(DmaAccess) == 16);
constexpr u32 dma_error = 0x01;
constexpr u32 dma_read = 0x02;
constexpr u32 dma_skip = 0x04;
constexpr u32 dma_select = 0x08;
constexpr u32 dma_write = 0x10;

u32 swapped(u32 value) { return std::byteswap(value); }

// The name up to its zero byte; empty if there is none.
std::string_view name_of(const DirectoryEntry& entry) {
    std::string_view field(entry.name, sizeof(entry.name));
    usize end = field.find('\0');
    return end == field.npos ? std::string_view() : field.substr(0, end);
}

template <typename T> MutableBytes bytes_of(T& object) {
    return std::as_writable_bytes(std::span(&object, 1));
}

} // namespace

Result<FwCfg> FwCfg::create(const io::Window& registers, const Layout& layout) {
    FwCfg device(registers, layout);
    std::array<char, signature.size()> found;
    VIREO_TRY(device.transfer(signature_item, std::as_writable_bytes(std::span(found))));
    if (std::string_view(found.data(), found.size()) != signature)
        return error(ErrorCode::NotFound, "fw_cfg");
    Le<u32> features;
    VIREO_TRY(device.transfer(features_item, bytes_of(features)));
    device.has_dma_ = (features & dma_feature) != 0 && registers.contains(layout.dma, 8);
    return device;
}

Result<> FwCfg::for_each(Visitor& visitor) const {
    Be<u32> count;
    VIREO_TRY(transfer(directory_item, bytes_of(count)));
    if (count > most_files)
        return error(ErrorCode::Corrupt, "fw_cfg directory");
    // In pieces: the whole directory may be larger than the stack has room for.
    std::array<DirectoryEntry, 16> entries;
    for (u32 left = count; left > 0;) {
        auto part = std::span(entries).first(std::min<usize>(left, entries.size()));
        VIREO_TRY(transfer(std::nullopt, std::as_writable_bytes(part)));
        for (const DirectoryEntry& entry : part)
            if (!visitor.visit(name_of(entry), {entry.select, entry.size}))
                return {};
        left -= static_cast<u32>(part.size());
    }
    return {};
}

Result<FwCfg::File> FwCfg::find(std::string_view name) const {
    struct Search final : Visitor {
        explicit Search(std::string_view its_name) : name(its_name) {}
        bool visit(std::string_view other, const File& file) override {
            if (other == name)
                found = file;
            return !found;
        }
        std::string_view name;
        std::optional<File> found;
    };
    Search search(name);
    VIREO_TRY(for_each(search));
    if (!search.found)
        return error(ErrorCode::NotFound, "fw_cfg file");
    if (search.found->selector < first_file_item || search.found->bytes > most_bytes)
        return error(ErrorCode::Corrupt, "fw_cfg directory entry");
    return *search.found;
}

Result<FwCfg::File> FwCfg::part(Part part) const {
    PartItems items = items_of(part);
    Le<u32> bytes;
    VIREO_TRY(transfer(items.size, bytes_of(bytes)));
    if (bytes > most_bytes)
        return error(ErrorCode::Corrupt, "fw_cfg size of a kernel, initrd or command line");
    return File{items.data, bytes};
}

Result<u16> FwCfg::processors() const {
    Le<u16> count;
    VIREO_TRY(transfer(processors_item, bytes_of(count)));
    return count;
}

Result<> FwCfg::read(const File& file, MutableBytes into) const {
    if (into.size() > file.bytes)
        return error(ErrorCode::OutOfRange, "fw_cfg file is too short");
    return transfer(file.selector, into);
}

Result<> FwCfg::write(const File& file, u32 offset, Bytes from) const {
    if (!range_fits(offset, from.size(), file.bytes))
        return error(ErrorCode::OutOfRange, "fw_cfg file is too short");
    if (!has_dma_)
        return error(ErrorCode::NotSupported, "fw_cfg without DMA is read-only");
    VIREO_TRY(access_by_dma(dma_select | dma_skip | u32{file.selector} << 16, offset, 0));
    return access_by_dma(dma_write, static_cast<u32>(from.size()), std::bit_cast<uptr>(from.data()));
}

void FwCfg::select(u16 item) const {
    registers_.write16(layout_.selector, layout_.big_endian_selector ? std::byteswap(item) : item);
}

Result<> FwCfg::transfer(std::optional<u16> item, MutableBytes into) const {
    if (has_dma_)
        return access_by_dma(dma_read | (item ? dma_select | u32{*item} << 16 : 0),
                             static_cast<u32>(into.size()), std::bit_cast<uptr>(into.data()));
    if (item)
        select(*item);
    for (std::byte& byte : into)
        byte = std::byte{registers_.read8(layout_.data)};
    return {};
}

Result<> FwCfg::access_by_dma(u32 command, u32 bytes, uptr where) const {
    DmaAccess access;
    access.control = command;
    access.length = bytes;
    access.address = where;
    u64 address = std::bit_cast<uptr>(&access);
    // The device is done, or has failed, when the second write returns. The writes are opaque to the compiler
    // and the structure's address has left us, so what follows is read from memory.
    registers_.write32(layout_.dma, swapped(static_cast<u32>(address >> 32)));
    registers_.write32(layout_.dma + 4, swapped(static_cast<u32>(address)));
    u32 control = access.control;
    if (control == 0)
        return {};
    return (control & dma_error) != 0 ? error(ErrorCode::Io, "fw_cfg transfer")
                                      : error(ErrorCode::Timeout, "fw_cfg transfer");
}

} // namespace vireo::bus
