// SPDX-License-Identifier: Apache-2.0
#include "base/endian.h"
#include "unpack/decoder.h"

#include <lz4.h>
#define LZ4F_STATIC_LINKING_ONLY
#include <lz4frame.h>

namespace vireo::unpack {
namespace {

class Lz4 final : public Decoder {
  public:
    explicit Lz4(WorkMemory& memory)
        : context_(LZ4F_createDecompressionContext_advanced({.customAlloc = WorkMemory::allocate_for,
                                                             .customCalloc = nullptr,
                                                             .customFree = WorkMemory::release_for,
                                                             .opaqueState = &memory},
                                                            LZ4F_VERSION)) {}
    ~Lz4() override { LZ4F_freeDecompressionContext(context_); }
    Lz4(const Lz4&) = delete;
    Lz4& operator=(const Lz4&) = delete;
    bool started() const { return context_ != nullptr; }

    Outcome restart() override { return Outcome::End; } // of itself

    Outcome decode(Bytes& input, Output& output) override {
        for (;;) {
            // The output stays where it is: blocks refer to what is there, and no copy of it is kept.
            constexpr LZ4F_decompressOptions_t options{
                .stableDst = 1, .skipChecksums = 0, .reserved1 = 0, .reserved0 = 0};
            usize in = input.size();
            usize out = output.room();
            usize result = LZ4F_decompress(context_, output.all.data() + output.written, &out, input.data(),
                                           &in, &options);
            if (LZ4F_isError(result))
                return outcome_of(LZ4F_getErrorCode(result));
            input = input.subspan(in);
            output.written += out;
            if (result == 0)
                return Outcome::End;
            if (input.empty())
                return Outcome::MoreInput;
            if (in == 0 && out == 0)
                return Outcome::Full;
        }
    }

  private:
    static Outcome outcome_of(LZ4F_errorCodes code) {
        switch (code) {
        case LZ4F_ERROR_contentChecksum_invalid:
        case LZ4F_ERROR_blockChecksum_invalid:
            return Outcome::Checksum;
        case LZ4F_ERROR_headerVersion_wrong:
            return Outcome::Unsupported;
        case LZ4F_ERROR_allocation_failed:
            return Outcome::NoMemory;
        default:
            return Outcome::Corrupt;
        }
    }

    LZ4F_dctx* context_;
};

// Magic, then blocks until the file ends, each behind its size; all but the last one have 8 MiB unpacked.
// What is no size ends it too: Linux's build adds how large the whole is.
class Lz4Legacy final : public Decoder {
  public:
    explicit Lz4Legacy(WorkMemory& memory) : memory_(memory) {}
    ~Lz4Legacy() override { memory_.release(gathered_); }
    Lz4Legacy(const Lz4Legacy&) = delete;
    Lz4Legacy& operator=(const Lz4Legacy&) = delete;

    Outcome restart() override { return Outcome::End; }
    // Also behind what looks like the size of a block: it may be that of the whole.
    bool may_end() const override {
        return blocks_ != 0 && !gathered_ && (word_bytes_ == 0 || word_bytes_ == sizeof(word_));
    }

    Outcome decode(Bytes& input, Output& output) override {
        while (!input.empty()) {
            if (word_bytes_ < sizeof(word_)) {
                word_[word_bytes_++] = input.front();
                input = input.subspan(1);
                if (word_bytes_ < sizeof(word_))
                    continue;
                block_ = *read_struct<Le<u32>>(Bytes(word_));
                if (block_ == magic) {
                    word_bytes_ = 0;
                    has_begun_ = true;
                } else if (!has_begun_) {
                    return Outcome::Corrupt;
                } else if (block_ == 0 || block_ > largest_block) {
                    return Outcome::End;
                }
                continue;
            }
            Outcome outcome = block(input, output);
            if (outcome != Outcome::MoreInput)
                return outcome;
        }
        return Outcome::MoreInput;
    }

  private:
    static constexpr u32 magic = 0x184c2102;
    static constexpr usize unpacked_block = 8 << 20;
    static constexpr u32 largest_block = LZ4_COMPRESSBOUND(unpacked_block);

    // Unpacks the block whose size is known, from where it lies if all of it is there.
    Outcome block(Bytes& input, Output& output) {
        if (!gathered_ && input.size() >= block_) {
            Bytes packed = input.first(block_);
            input = input.subspan(block_);
            return unpack(packed, output);
        }
        if (!gathered_) {
            gathered_ = static_cast<std::byte*>(memory_.allocate(block_));
            if (!gathered_)
                return Outcome::NoMemory;
        }
        usize bytes = std::min<usize>(input.size(), block_ - have_);
        std::memcpy(gathered_ + have_, input.data(), bytes);
        have_ += bytes;
        input = input.subspan(bytes);
        if (have_ < block_)
            return Outcome::MoreInput;
        Outcome outcome = unpack({gathered_, block_}, output);
        memory_.release(std::exchange(gathered_, nullptr));
        have_ = 0;
        return outcome;
    }

    Outcome unpack(Bytes packed, Output& output) {
        const auto* from = static_cast<const char*>(static_cast<const void*>(packed.data()));
        auto* to = static_cast<char*>(static_cast<void*>(output.all.data() + output.written));
        int room = static_cast<int>(std::min(output.room(), unpacked_block));
        int bytes = LZ4_decompress_safe(from, to, static_cast<int>(packed.size()), room);
        if (bytes < 0 && output.room() < unpacked_block) {
            // No room for all of it, or corrupt: what there is tells.
            bytes = LZ4_decompress_safe_partial(from, to, static_cast<int>(packed.size()), room, room);
            if (bytes == room) {
                output.written += static_cast<usize>(bytes);
                return Outcome::Full;
            }
            return Outcome::Corrupt;
        }
        if (bytes < 0)
            return Outcome::Corrupt;
        output.written += static_cast<usize>(bytes);
        word_bytes_ = 0;
        ++blocks_;
        return Outcome::MoreInput;
    }

    WorkMemory& memory_;
    std::byte word_[4]{}; // the magic, or a block's size
    usize word_bytes_ = 0;
    bool has_begun_ = false;
    u32 block_ = 0;
    u64 blocks_ = 0;
    std::byte* gathered_ = nullptr; // of a block that came in pieces
    usize have_ = 0;
};

std::unique_ptr<Decoder> create_frame(WorkMemory& memory) {
    std::unique_ptr<Lz4> lz4(new (std::nothrow) Lz4(memory));
    if (!lz4 || !lz4->started())
        return nullptr;
    return lz4;
}

std::unique_ptr<Decoder> create_legacy(WorkMemory& memory) {
    return std::unique_ptr<Decoder>(new (std::nothrow) Lz4Legacy(memory));
}

VIREO_UNPACKER(lz4){Format::Lz4, create_frame};
VIREO_UNPACKER(lz4_legacy){Format::Lz4Legacy, create_legacy};

} // namespace
} // namespace vireo::unpack
