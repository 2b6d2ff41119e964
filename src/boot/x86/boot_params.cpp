// SPDX-License-Identifier: Apache-2.0
#include "boot/x86/boot_params.h"

namespace vireo::boot {

namespace {

constexpr usize page_bytes = sizeof(BootParamsPage);
constexpr usize most_in_page = sizeof(BootParamsPage::address_map) / sizeof(AddressRange);

// Of the list behind setup_data: what follows is `bytes` long. Kinds that a kernel does not
// know it leaves out.
struct SetupData {
    Le<u64> next;
    Le<u32> kind;
    Le<u32> bytes;
};
static_assert(sizeof(SetupData) == 16);
constexpr u32 more_address_ranges = 1;
constexpr u32 random_seed = 9;

constexpr usize node_bytes(usize bytes) {
    return bytes == 0 ? 0 : sizeof(SetupData) + align_up<usize>(bytes, 8);
}

u32 low(u64 value) { return static_cast<u32>(value); }
u32 high(u64 value) { return static_cast<u32>(value >> 32); }

std::span<const AddressRange> beyond_page(std::span<const AddressRange> map) {
    return map.subspan(std::min(map.size(), most_in_page));
}

// Writes nodes one behind the other; each goes before those that are there.
class SetupDataList {
  public:
    SetupDataList(u64 address, MutableBytes room, u64 first)
        : address_(address), room_(room), first_(first) {}
    void add(u32 kind, Bytes data) {
        if (data.empty())
            return;
        SetupData node{first_, kind, static_cast<u32>(data.size())};
        std::memcpy(room_.data(), &node, sizeof(node));
        std::memcpy(room_.data() + sizeof(node), data.data(), data.size());
        first_ = address_;
        address_ += node_bytes(data.size());
        room_ = room_.subspan(node_bytes(data.size()));
    }
    u64 first() const { return first_; }

  private:
    u64 address_; // of room_
    MutableBytes room_;
    u64 first_;
};

} // namespace

usize BootParams::bytes() const {
    return page_bytes + align_up<usize>(command_line.size() + 1, 8) +
           node_bytes(beyond_page(address_map).size_bytes()) + node_bytes(seed.size());
}

Result<> BootParams::write(u64 address, MutableBytes into) const {
    auto header = VIREO_TRY(LinuxX86Header::read(file));
    if (command_line.size() > header.command_line_most)
        return error(ErrorCode::TooLarge, "the command line: this kernel takes {} characters",
                     header.command_line_most);
    if (command_line.contains('\0'))
        return error(ErrorCode::InvalidArgument, "the command line has a 0 in it");
    std::ranges::fill(into, std::byte{0});

    BootParamsPage page{};
    // Also what later protocols have in their headers: the kernel reads it here.
    usize end = std::min({header.end(), offsetof(BootParamsPage, unused4), file.size()});
    MutableBytes raw = std::as_writable_bytes(std::span(&page, 1));
    std::memcpy(&raw[header.offset], &file[header.offset], end - header.offset);
    LinuxX86Header& told = page.header;
    constexpr u8 nobody_s_number = 0xff;
    told.loader_type = nobody_s_number;
    told.code32_start = low(kernel);

    u64 text = address + page_bytes;
    told.command_line_address = low(text);
    page.command_line_address_high = high(text);
    std::ranges::copy(std::as_bytes(std::span(command_line)), into.data() + page_bytes);
    // A file has none, but a host that has started to fill the header in.
    Range disk = initrd.value_or(Range{});
    told.ramdisk_address = low(disk.base);
    told.ramdisk_bytes = low(disk.bytes);
    page.ramdisk_address_high = high(disk.base);
    page.ramdisk_bytes_high = high(disk.bytes);

    page.acpi_root = acpi_root;
    auto in_page = address_map.first(std::min(address_map.size(), most_in_page));
    std::ranges::copy(in_page, page.address_map);
    page.address_ranges = static_cast<u8>(in_page.size());

    usize list_offset = page_bytes + align_up<usize>(command_line.size() + 1, 8);
    SetupDataList list(address + list_offset, into.subspan(list_offset), told.setup_data);
    list.add(random_seed, seed);
    list.add(more_address_ranges, std::as_bytes(beyond_page(address_map)));
    told.setup_data = list.first();
    std::memcpy(into.data(), &page, sizeof(page));
    return {};
}

} // namespace vireo::boot
