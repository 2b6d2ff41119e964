// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/acpi/address_map.h"

namespace vireo::boot {

// What a kernel is told by PVH's and Multiboot's protocols alike.
struct BootFacts {
    u64 kernel = 0;                // where it lies, below 4 GiB
    std::optional<Range> initrd{}; // its one module, below 4 GiB
    std::string_view command_line{};
    std::span<const AddressRange> address_map{};
    u64 acpi_root = 0;  // where ACPI's root pointer lies; 0: there is none
    Bytes root_bytes{}; // that pointer itself, as far as it goes

    // Room that each protocol's information fits besides the command line, whatever the address map.
    static constexpr usize most_bytes = 4096;
};

// Pieces of information, one behind the other, at addresses that are multiples of 8.
class InfoWriter {
  public:
    // `room` is cleared, and will lie at `address`.
    InfoWriter(u64 address, MutableBytes room) : address_(address), room_(room) {
        std::ranges::fill(room, std::byte{0});
    }

    // Where the piece lies then.
    u64 add(Bytes piece) {
        u64 at = address_ + used_;
        if (!range_fits(used_, piece.size(), room_.size())) {
            has_overflowed_ = true;
            return at;
        }
        std::ranges::copy(piece, room_.begin() + static_cast<std::ptrdiff_t>(used_));
        used_ = std::min(align_up<usize>(used_ + piece.size(), 8), room_.size());
        return at;
    }
    template <typename T> u64 add_struct(const T& value) { return add(std::as_bytes(std::span(&value, 1))); }
    // With a 0 behind it.
    u64 add_text(std::string_view text) {
        u64 at = add(std::as_bytes(std::span(text)));
        if (text.size() % 8 == 0)
            (void)add_struct(u64{0});
        return at;
    }
    // Writes what add_struct() has left room for first.
    template <typename T> void set_first(const T& value) { std::memcpy(room_.data(), &value, sizeof(value)); }

    // How many bytes have been written.
    Result<usize> finish() const {
        if (has_overflowed_)
            return error(ErrorCode::TooLarge, "what the kernel is told");
        return used_;
    }

  private:
    u64 address_;
    MutableBytes room_;
    usize used_ = 0;
    bool has_overflowed_ = false;
};

} // namespace vireo::boot
