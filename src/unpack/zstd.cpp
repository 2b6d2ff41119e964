// SPDX-License-Identifier: Apache-2.0
#include "unpack/decoder.h"

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

namespace vireo::unpack {
namespace {

class Zstd final : public Decoder {
  public:
    explicit Zstd(WorkMemory& memory)
        : context_(ZSTD_createDCtx_advanced({.customAlloc = WorkMemory::allocate_for,
                                             .customFree = WorkMemory::release_for,
                                             .opaque = &memory})) {}
    ~Zstd() override { ZSTD_freeDCtx(context_); }
    Zstd(const Zstd&) = delete;
    Zstd& operator=(const Zstd&) = delete;

    // The output stays where it is and is its own window: no second one is kept, nothing is copied.
    bool start() {
        return context_ && !ZSTD_isError(ZSTD_DCtx_setParameter(context_, ZSTD_d_stableOutBuffer, 1)) &&
               !ZSTD_isError(ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, largest_window_log));
    }

    Outcome restart() override { return Outcome::End; } // of itself

    Outcome decode(Bytes& input, Output& output) override {
        ZSTD_inBuffer in{.src = input.data(), .size = input.size(), .pos = 0};
        ZSTD_outBuffer out{.dst = output.all.data(), .size = output.all.size(), .pos = output.written};
        for (;;) {
            usize in_before = in.pos;
            usize out_before = out.pos;
            usize result = ZSTD_decompressStream(context_, &out, &in);
            output.written = out.pos;
            if (ZSTD_isError(result))
                return outcome_of(ZSTD_getErrorCode(result));
            bool is_stuck = in.pos == in_before && out.pos == out_before;
            if (result == 0 || in.pos == in.size || is_stuck) {
                input = input.subspan(in.pos);
                return result == 0 ? Outcome::End : in.pos == in.size ? Outcome::MoreInput : Outcome::Full;
            }
        }
    }

  private:
    // 128 MiB: what the format's own tool takes without being told to.
    static constexpr int largest_window_log = 27;

    static Outcome outcome_of(ZSTD_ErrorCode code) {
        switch (code) {
        case ZSTD_error_dstSize_tooSmall:
        case ZSTD_error_noForwardProgress_destFull:
            return Outcome::Full;
        case ZSTD_error_checksum_wrong:
            return Outcome::Checksum;
        case ZSTD_error_frameParameter_unsupported:
        case ZSTD_error_frameParameter_windowTooLarge:
        case ZSTD_error_dictionary_wrong:
        case ZSTD_error_version_unsupported:
            return Outcome::Unsupported;
        case ZSTD_error_memory_allocation:
            return Outcome::NoMemory;
        default:
            return Outcome::Corrupt;
        }
    }

    ZSTD_DCtx* context_;
};

std::unique_ptr<Decoder> create(WorkMemory& memory) {
    std::unique_ptr<Zstd> zstd(new (std::nothrow) Zstd(memory));
    if (!zstd || !zstd->start())
        return nullptr;
    return zstd;
}

VIREO_UNPACKER(zstd){Format::Zstd, create};

} // namespace
} // namespace vireo::unpack
