// SPDX-License-Identifier: Apache-2.0
// A packed file in pieces. Input: format (1 byte; the last one: a uImage), size of the pieces and of the room
// (2 bytes each; 16 KiB and more are reached by their upper bits), the file.
#include "boot/image/efi_zboot.h"
#include "boot/image/uimage.h"
#include "fuzz/support.h"
#include "unpack/unpacker.h"

namespace vireo::fuzz {
namespace {

using unpack::Format;
using unpack::Unpacker;
constexpr u8 formats = static_cast<u8>(Format::Zstd) + 1;

struct Result {
    std::vector<std::byte> bytes;
    bool is_whole = false;
};

Result unpack_all(Format format, Bytes file, usize room, usize piece) {
    constexpr usize guard = 32;
    constexpr std::byte untouched{0xa5};
    std::vector<std::byte> output(room + guard, untouched);
    static std::vector<std::byte> lent(1 << 20); // clearing it takes longer than unpacking
    auto unpacker = VIREO_MUST(Unpacker::create(format, MutableBytes(output).first(room), lent));
    bool fits = true;
    while (!file.empty() && fits) {
        Bytes next = file.first(std::min(piece, file.size()));
        file = file.subspan(next.size());
        fits = unpacker.feed(next).has_value();
    }
    auto finished = fits ? unpacker.finish() : error(ErrorCode::Corrupt, "");
    require(unpacker.written() <= room, "no more is written than there is room for");
    require(!finished || *finished == unpacker.written(), "what is whole is all that was written");
    require(std::ranges::all_of(output.begin() + static_cast<std::ptrdiff_t>(room), output.end(),
                                [&](std::byte byte) { return byte == untouched; }),
            "nothing is written beyond the room");
    output.resize(unpacker.written());
    return {std::move(output), finished.has_value()};
}

void take_apart(Bytes file) {
    (void)boot::packed_in_zboot(file);
    auto image = boot::UImage::read(file);
    if (!image)
        return;
    (void)image->verify(file);
    auto parts = boot::UImageParts::read(*image, file);
    for (usize i = 0; parts && i < parts->count; ++i)
        require(range_fits(parts->ranges[i].base, parts->ranges[i].bytes, file.size()),
                "a part lies in the file");
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    using namespace vireo::fuzz;
    FuzzedData input(data, size);
    u8 kind = input.byte() % (formats + 1);
    usize piece = 1 + input.number<u16>();
    usize room = input.number<u16>() * usize{16};
    Bytes file = input.rest();
    if (kind == formats) {
        take_apart(file);
        return 0;
    }
    auto format = static_cast<Format>(kind);
    (void)unpack::declared_bytes(format, file);
    auto whole = unpack_all(format, file, room, std::max<usize>(file.size(), 1));
    auto pieces = unpack_all(format, file, room, piece);
    // liblzma takes a file that has its size and an end mark for broken if it is cut within that mark.
    if (format != Format::Lzma)
        require(whole.is_whole == pieces.is_whole && (!whole.is_whole || whole.bytes == pieces.bytes),
                "how a file is cut does not matter");
    return 0;
}
