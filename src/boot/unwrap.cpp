// SPDX-License-Identifier: Apache-2.0
#include "boot/unwrap.h"

#include "boot/image/efi_zboot.h"
#include "boot/image/uimage.h"
#include "boot/kernel_formats.h"
#include "boot/plan/free_ram.h"
#include "boot/ram_bytes.h"
#include "unpack/unpacker.h"

namespace vireo::boot {

namespace {

using unpack::Format;

constexpr usize KiB = 1 << 10;
constexpr u64 MiB = 1 << 20;

// Between two looks at Ctrl-C. Even xz is unpacked faster than 100 ms for it.
constexpr usize piece_bytes = 128 * KiB;
// Enough of a kernel to know what it asks for, and of a packed file at once to get that far
// and not much further.
constexpr usize head_bytes = 4 * KiB;
// What a library takes at most that is worth having (xz's dictionary: 128 MiB in Linux's own files).
constexpr u64 most_lent = 160 * MiB;
// A file may be so much longer than the kernel takes: what is signed has its signature behind it.
constexpr u64 behind_a_kernel = 1 * MiB;

std::optional<Format> packed_as(ImageKind kind) {
    switch (kind) {
    case ImageKind::Gzip:
        return Format::Gzip;
    case ImageKind::Bzip2:
        return Format::Bzip2;
    case ImageKind::Xz:
        return Format::Xz;
    case ImageKind::Lzma:
        return Format::Lzma;
    case ImageKind::Lz4:
        return Format::Lz4;
    case ImageKind::Lz4Legacy:
        return Format::Lz4Legacy;
    case ImageKind::Zstd:
        return Format::Zstd;
    default:
        return std::nullopt;
    }
}

// The machine that a uImage is for, by U-Boot's number. x86_64 takes kernels of both widths.
bool is_for(system::Isa isa, u8 architecture) {
    switch (isa) {
    case system::Isa::Arm:
        return architecture == 2;
    case system::Isa::Arm64:
        return architecture == 22;
    case system::Isa::Riscv32:
    case system::Isa::Riscv64:
        return architecture == 26;
    case system::Isa::X86:
        return architecture == 3;
    case system::Isa::X86_64:
        return architecture == 24 || architecture == 3;
    }
    return false;
}

class Unwrapping {
  public:
    Unwrapping(const Services& services, const Request& request) : services_(services), request_(request) {}

    std::expected<Unwrapped, Failure> all() {
        Unwrapped result{.kernel = request_.kernel};
        for (unsigned wrappers = 0;; ++wrappers) {
            address_ = result.kernel.base;
            auto file = free_bytes(services_, result.kernel);
            if (!file)
                return std::unexpected(file.error());
            auto kind = recognise(file->first(std::min(file->size(), recognised_by_bytes)));
            if (!kind)
                return result;
            kind_ = *kind;
            auto format = packed_as(kind_);
            if (!is_wrapper(kind_))
                return result;
            if (wrappers == most_wrappers)
                return failed(
                    error(ErrorCode::TooLarge, "more than {} wrappers around each other", most_wrappers));
            std::expected<Range, Failure> inner = format ? unpacked(*format, *file, result.kernel)
                                                  : kind_ == ImageKind::UImage ? in_uimage(*file, result)
                                                                               : in_zboot(*file);
            if (!inner)
                return std::unexpected(inner.error());
            result.kernel = *inner;
            if (!result.wrapper)
                result.wrapper = kind_;
        }
    }

    std::expected<Range, Failure> initrd(const Range& initrd) {
        address_ = initrd.base;
        auto file = free_bytes(services_, initrd);
        if (!file || recognise(*file) != ImageKind::UImage)
            return initrd;
        kind_ = ImageKind::UImage;
        auto image = UImage::read(*file);
        if (!image)
            return failed(image.error());
        if (image->type != UImage::Type::Ramdisk)
            return failed(error(ErrorCode::NotSupported, "it holds no initrd"));
        if (auto verified = image->verify(*file); !verified)
            return failed(verified.error());
        return Range{address_ + UImage::header_bytes, image->data_bytes};
    }

  private:
    std::unexpected<Failure> failed(const Error& why) const {
        return std::unexpected(
            Failure{.kind = Failure::Kind::Wrapper, .address = address_, .image = kind_, .why = why});
    }

    std::expected<Range, Failure> in_uimage(Bytes file, Unwrapped& result) {
        auto image = UImage::read(file);
        if (!image)
            return failed(image.error());
        auto isa = services_.machine.isa();
        if (!isa || !is_for(*isa, image->architecture))
            return std::unexpected(Failure{.kind = Failure::Kind::Foreign,
                                           .address = address_,
                                           .image = kind_,
                                           .machine = image->architecture_name()});
        if (image->type != UImage::Type::Kernel && image->type != UImage::Type::KernelNoLoad &&
            image->type != UImage::Type::Multi)
            return failed(error(ErrorCode::NotSupported, "it holds no kernel"));
        if (auto verified = image->verify(file); !verified)
            return failed(verified.error());
        if (image->type != UImage::Type::Multi)
            return Range{address_ + UImage::header_bytes, image->data_bytes};
        auto parts = UImageParts::read(*image, file);
        if (!parts)
            return failed(parts.error());
        auto part = [&](usize index) -> std::optional<Range> {
            if (index >= parts->count)
                return std::nullopt;
            return Range{address_ + parts->ranges[index].base, parts->ranges[index].bytes};
        };
        result.initrd = part(1);
        result.tree = part(2);
        return *part(0);
    }

    std::expected<Range, Failure> in_zboot(Bytes file) const {
        auto packed = packed_in_zboot(file);
        if (!packed)
            return failed(packed.error());
        if (!range_fits(packed->base, packed->bytes, file.size()))
            return failed(error(ErrorCode::Corrupt, "it is cut off"));
        return Range{address_ + packed->base, packed->bytes};
    }

    // Free RAM without what must stay: `file`, and what else was loaded.
    void keep(FreeRam& free, const Range& file) const {
        free.take(file);
        free.take(request_.kernel);
        if (request_.initrd)
            free.take(*request_.initrd);
        for (const Range& range : request_.keep)
            free.take(range);
    }

    MutableBytes memory(const Range& range) const {
        return {services_.machine.memory(range.base), static_cast<usize>(range.bytes)};
    }

    // Where the packed file's contents go, and what its library may work with.
    struct Room {
        Range output;
        Range lent;
    };

    // Nothing is known about what comes out: as much as there is, less a quarter to work with.
    std::optional<Room> any_room(const Range& file) const {
        FreeRam free(services_.memory);
        keep(free, file);
        Range all = free.largest();
        if (all.bytes == 0)
            return std::nullopt;
        u64 lent = std::min(all.bytes / 4, most_lent);
        return Room{.output = {all.base, all.bytes - lent}, .lent = {all.end() - lent, lent}};
    }

    // Where a kernel that asks for this runs, if that is free now.
    std::optional<Room> kernel_room(const Needs& needs, const Range& file, u64 declared) const {
        u64 ram = services_.memory.total_ram(); // these numbers may be any
        if (std::max({needs.skipped_bytes, needs.image_bytes, needs.file_bytes, declared}) > ram)
            return std::nullopt;
        u64 bytes =
            std::max({needs.skipped_bytes + needs.image_bytes, needs.file_bytes, declared}) + behind_a_kernel;
        FreeRam free(services_.memory);
        keep(free, file);
        free.take(needs.unpacks);
        auto base =
            free.lowest({.bytes = bytes,
                         .alignment = needs.kernel.alignment,
                         .skew = (needs.kernel.skew - needs.skipped_bytes) & (needs.kernel.alignment - 1),
                         .from = needs.kernel.lowest - std::min(needs.kernel.lowest, needs.skipped_bytes),
                         .end = needs.kernel.end});
        if (!base)
            return std::nullopt;
        Range output{*base, bytes};
        free.take(output);
        Range lent = free.largest();
        lent.bytes = std::min(lent.bytes, most_lent);
        return Room{output, lent};
    }

    // Until the file ends, or enough came out. `is_endless`: nobody knows where the file does.
    Result<> feed(unpack::Unpacker& unpacker, Bytes file, usize piece, usize enough, bool is_endless) const {
        while (!file.empty() && unpacker.written() < enough && !(is_endless && unpacker.has_ended())) {
            VIREO_TRY(services_.loop.yield());
            Bytes next = file.first(std::min(piece, file.size()));
            VIREO_TRY(unpacker.feed(next));
            file = file.subspan(next.size());
        }
        return {};
    }

    // What a kernel that begins so asks for; nothing if it is none of this machine's.
    std::optional<Needs> needs_of(Bytes head) const {
        auto kind = recognise(head.first(std::min(head.size(), recognised_by_bytes)));
        for (const KernelFormat& format : kernel_formats())
            if (kind == format.kind && services_.machine.isa() == format.isa)
                if (auto needs = format.read(head, services_.memory.ram().front().base))
                    return *needs;
        return std::nullopt;
    }

    // What the kernel asks for whose beginning comes out; nothing if it is none. What is lent is free again
    // afterwards.
    std::expected<std::optional<Needs>, Failure> peek(Format format, Bytes file, const Room& room,
                                                      bool is_whole) const {
        // Blocks of this one are only unpacked whole.
        usize at_once = format == Format::Lz4Legacy ? file.size() : head_bytes;
        auto unpacker = unpack::Unpacker::create(format, memory(room.output), memory(room.lent));
        if (!unpacker)
            return failed(unpacker.error());
        auto begun = feed(*unpacker, file, at_once, head_bytes, !is_whole);
        // What did not fit says enough, too.
        if (!begun &&
            (begun.error().code != ErrorCode::TooLarge || unpacker->written() < recognised_by_bytes))
            return failed(begun.error());
        return needs_of(memory(room.output).first(unpacker->written()));
    }

    std::expected<Range, Failure> unpacked(Format format, Bytes file, const Range& where) const {
        bool is_whole = where.bytes != 0;
        Range taken{where.base, file.size()};
        auto room = any_room(taken);
        if (!room)
            return failed(error(ErrorCode::NoMemory, "no free RAM to unpack it to"));
        auto needs = peek(format, file, *room, is_whole);
        if (!needs)
            return std::unexpected(needs.error());
        if (*needs) {
            // A header that says how long the kernel is bounds it; older ones do not.
            u64 declared = 0;
            if (is_whole && (*needs)->file_bytes == 0)
                declared = unpack::declared_bytes(format, file).value_or(0);
            auto better = kernel_room(**needs, taken, declared);
            if (!better && declared != 0)
                better = kernel_room(**needs, taken, 0);
            if (better)
                room = better;
        }

        auto unpacker = unpack::Unpacker::create(format, memory(room->output), memory(room->lent));
        if (!unpacker)
            return failed(unpacker.error());
        usize piece = format == Format::Lz4Legacy ? file.size() : piece_bytes;
        auto fed = feed(*unpacker, file, piece, std::numeric_limits<usize>::max(), !is_whole);
        if (!fed)
            return failed(fed.error());
        auto bytes = unpacker->finish();
        if (!bytes)
            return failed(bytes.error());
        if (*bytes == 0)
            return failed(error(ErrorCode::Corrupt, "nothing is packed in it"));
        return Range{room->output.base, *bytes};
    }

    const Services& services_;
    const Request& request_;
    u64 address_ = 0; // of what is looked at
    ImageKind kind_{};
};

} // namespace

bool is_wrapper(ImageKind kind) {
    return packed_as(kind) || kind == ImageKind::UImage || kind == ImageKind::EfiZboot;
}

std::expected<Unwrapped, Failure> unwrap(const Services& services, const Request& request) {
    return Unwrapping(services, request).all();
}

std::expected<Range, Failure> unwrap_initrd(const Services& services, const Request& request,
                                            const Range& initrd) {
    return Unwrapping(services, request).initrd(initrd);
}

} // namespace vireo::boot
