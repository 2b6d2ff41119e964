// SPDX-License-Identifier: Apache-2.0
#include "unpack/unpacker.h"

#include "base/owned_array.h"
#include "unpack/decoder.h"

// Set by the linker around section vireo_unpackers. Weak: a build may have no format at all.
extern "C" {
[[gnu::weak]] extern const vireo::unpack::FormatType __start_vireo_unpackers[];
[[gnu::weak]] extern const vireo::unpack::FormatType __stop_vireo_unpackers[];
}

namespace vireo::unpack {

namespace {

using namespace std::string_view_literals;

// What another member begins with. Empty: there is only one, or the decoder goes on by itself.
std::string_view magic_of(Format format) {
    switch (format) {
    case Format::Gzip:
        return "\x1f\x8b\x08"sv;
    case Format::Bzip2:
        return "BZh"sv;
    case Format::Xz:
        return "\xfd\x37zXZ\0"sv;
    case Format::Lz4:
        return "\x04\x22\x4d\x18"sv;
    case Format::Zstd:
        return "\x28\xb5\x2f\xfd"sv;
    case Format::Lzma:
    case Format::Lz4Legacy:
        break;
    }
    return {};
}

// Frames that hold no data, in both formats (RFC 8878, 3.1.2).
constexpr std::string_view skippable = "\x50\x2a\x4d\x18"sv;
bool has_skippable(Format format) { return format == Format::Lz4 || format == Format::Zstd; }

bool begins(Bytes bytes, std::string_view magic, u8 mask_of_first) {
    if (bytes.size() > magic.size())
        return false;
    for (usize i = 0; i < bytes.size(); ++i) {
        u8 mask = i == 0 ? mask_of_first : 0xff;
        if (((static_cast<u8>(bytes[i]) ^ static_cast<u8>(magic[i])) & mask) != 0)
            return false;
    }
    return true;
}

bool may_begin_a_member(Format format, Bytes bytes) {
    return begins(bytes, magic_of(format), 0xff) || (has_skippable(format) && begins(bytes, skippable, 0xf0));
}

constexpr u32 kib(u64 bytes) { return static_cast<u32>(std::min<u64>(bytes >> 10, Error::largest_number)); }

} // namespace

Result<Unpacker> Unpacker::create(Format format, MutableBytes output, MutableBytes lent) {
    auto memory = VIREO_TRY(make_owned<WorkMemory>(lent));
    std::span types(__start_vireo_unpackers, __stop_vireo_unpackers);
    const auto* type =
        std::ranges::find(types.data(), types.data() + types.size(), format, &FormatType::format);
    if (type == types.data() + types.size())
        return error(ErrorCode::NotSupported, "this build does not unpack such files");
    auto decoder = type->create(*memory);
    if (!decoder)
        return error(ErrorCode::NoMemory, "unpacking");
    return Unpacker(format, output, std::move(memory), std::move(decoder));
}

Unpacker::Unpacker(Format format, MutableBytes output, std::unique_ptr<WorkMemory> memory,
                   std::unique_ptr<Decoder> decoder)
    : format_(format), memory_(std::move(memory)), decoder_(std::move(decoder)), output_(output) {}
Unpacker::Unpacker(Unpacker&&) noexcept = default;
Unpacker::~Unpacker() = default;

usize Unpacker::written() const { return written_; }

Result<> Unpacker::decode(Bytes& piece) {
    Output output{.all = output_, .written = written_};
    usize before = piece.size();
    Outcome outcome = decoder_->decode(piece, output);
    written_ = output.written;
    consumed_ += before - piece.size();
    switch (outcome) {
    case Outcome::MoreInput:
        return {};
    case Outcome::End:
        next_ = magic_of(format_).empty() ? Next::Rest : Next::Magic;
        return {};
    case Outcome::Full:
        return error(ErrorCode::TooLarge, "unpacked it has more than {} KiB", kib(output_.size()));
    case Outcome::Corrupt:
        return error(ErrorCode::Corrupt, "packed data, {} KiB into the file", kib(consumed_));
    case Outcome::Checksum:
        return error(ErrorCode::Corrupt, "the checksum of what was packed");
    case Outcome::Unsupported:
        return error(ErrorCode::NotSupported, "a rare feature of its packed form");
    case Outcome::NoMemory:
        break;
    }
    return error(ErrorCode::NoMemory, "unpacking");
}

Result<> Unpacker::feed(Bytes piece) {
    while (!piece.empty() && next_ != Next::Rest) {
        if (next_ == Next::Member) {
            VIREO_TRY(decode(piece));
            continue;
        }
        std::byte byte = piece.front();
        piece = piece.subspan(1);
        // xz pads its streams with zeros.
        if (format_ == Format::Xz && magic_bytes_ == 0 && byte == std::byte{0})
            continue;
        magic_[magic_bytes_++] = byte;
        Bytes magic(magic_, magic_bytes_);
        if (!may_begin_a_member(format_, magic)) {
            next_ = Next::Rest;
        } else if (magic_bytes_ == magic_of(format_).size()) {
            if (decoder_->restart() != Outcome::End)
                return error(ErrorCode::NoMemory, "unpacking");
            next_ = Next::Member;
            magic_bytes_ = 0;
            VIREO_TRY(decode(magic));
        }
    }
    return {};
}

Result<usize> Unpacker::finish() const {
    if (next_ == Next::Member && !decoder_->may_end())
        return error(ErrorCode::Corrupt, "it ends after {} KiB, in the middle of packed data",
                     kib(consumed_));
    return written_;
}

} // namespace vireo::unpack
