// SPDX-License-Identifier: Apache-2.0
#include "unpack/decoder.h"

#include <lzma.h>

namespace vireo::unpack {
namespace {

class Xz final : public Decoder {
  public:
    Xz(WorkMemory& memory, Format format)
        : allocator_{.alloc = [](void* hook, size_t items,
                                 size_t bytes) { return WorkMemory::allocate_for(hook, items * bytes); },
                     .free = WorkMemory::release_for,
                     .opaque = &memory},
          format_(format) {
        stream_.allocator = &allocator_;
    }
    ~Xz() override { lzma_end(&stream_); }
    Xz(const Xz&) = delete;
    Xz& operator=(const Xz&) = delete;

    // WorkMemory bounds what is taken.
    Outcome restart() override {
        constexpr u64 any = ~u64{0};
        lzma_ret result = format_ == Format::Xz
                              ? lzma_stream_decoder(&stream_, any, LZMA_TELL_UNSUPPORTED_CHECK)
                              : lzma_alone_decoder(&stream_, any);
        return result == LZMA_OK ? Outcome::End : Outcome::NoMemory;
    }

    Outcome decode(Bytes& input, Output& output) override {
        for (;;) {
            stream_.next_in = octets(input);
            stream_.avail_in = input.size();
            // It looks for the end mark of .lzma only where there is room for a byte.
            std::byte more{};
            bool is_full = output.room() == 0;
            stream_.next_out = octets(is_full ? &more : output.all.data() + output.written);
            usize room = is_full ? 1 : output.room();
            stream_.avail_out = room;
            lzma_ret result = lzma_code(&stream_, LZMA_RUN);
            input = input.subspan(input.size() - stream_.avail_in);
            if (is_full && stream_.avail_out == 0)
                return Outcome::Full;
            output.written += room - stream_.avail_out;
            switch (result) {
            case LZMA_STREAM_END:
                return Outcome::End;
            case LZMA_OK:
            case LZMA_BUF_ERROR: // no progress, twice
                if (input.empty())
                    return Outcome::MoreInput;
                if (result == LZMA_BUF_ERROR)
                    return Outcome::Corrupt; // with input and room it goes on
                break;
            case LZMA_MEM_ERROR:
            case LZMA_MEMLIMIT_ERROR:
                return Outcome::NoMemory;
            case LZMA_UNSUPPORTED_CHECK:
            case LZMA_OPTIONS_ERROR:
                return Outcome::Unsupported;
            default:
                return Outcome::Corrupt;
            }
        }
    }

  private:
    lzma_allocator allocator_;
    Format format_;
    lzma_stream stream_ = LZMA_STREAM_INIT;
};

template <Format format> std::unique_ptr<Decoder> create(WorkMemory& memory) {
    std::unique_ptr<Xz> xz(new (std::nothrow) Xz(memory, format));
    if (!xz || xz->restart() != Outcome::End)
        return nullptr;
    return xz;
}

VIREO_UNPACKER(xz){Format::Xz, create<Format::Xz>};
VIREO_UNPACKER(lzma){Format::Lzma, create<Format::Lzma>};

} // namespace
} // namespace vireo::unpack
