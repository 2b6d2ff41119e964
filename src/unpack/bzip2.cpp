// SPDX-License-Identifier: Apache-2.0
#include "unpack/decoder.h"

#include <bzlib.h>

namespace vireo::unpack {
namespace {

class Bzip2 final : public Decoder {
  public:
    explicit Bzip2(WorkMemory& memory) : memory_(memory) {}
    ~Bzip2() override { BZ2_bzDecompressEnd(&stream_); }
    Bzip2(const Bzip2&) = delete;
    Bzip2& operator=(const Bzip2&) = delete;

    bool start() {
        stream_ = {};
        stream_.bzalloc = [](void* hook, int items, int bytes) {
            return WorkMemory::allocate_for(hook, static_cast<usize>(items) * static_cast<usize>(bytes));
        };
        stream_.bzfree = WorkMemory::release_for;
        stream_.opaque = &memory_;
        return BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
    }

    Outcome restart() override {
        BZ2_bzDecompressEnd(&stream_);
        return start() ? Outcome::End : Outcome::NoMemory;
    }

    Outcome decode(Bytes& input, Output& output) override {
        for (;;) {
            auto in = static_cast<unsigned>(std::min(input.size(), most_at_once));
            auto out = static_cast<unsigned>(std::min(output.room(), most_at_once));
            // It does not write there.
            stream_.next_in = static_cast<char*>(const_cast<void*>(static_cast<const void*>(input.data())));
            stream_.avail_in = in;
            stream_.next_out = static_cast<char*>(static_cast<void*>(output.all.data() + output.written));
            stream_.avail_out = out;
            int result = BZ2_bzDecompress(&stream_);
            input = input.subspan(in - stream_.avail_in);
            output.written += out - stream_.avail_out;
            switch (result) {
            case BZ_STREAM_END:
                return Outcome::End;
            case BZ_OK:
                if (input.empty())
                    return Outcome::MoreInput;
                if (out == 0 && stream_.avail_in == in)
                    return Outcome::Full;
                break;
            case BZ_MEM_ERROR:
                return Outcome::NoMemory;
            default:
                return Outcome::Corrupt;
            }
        }
    }

  private:
    WorkMemory& memory_;
    bz_stream stream_{};
};

std::unique_ptr<Decoder> create(WorkMemory& memory) {
    std::unique_ptr<Bzip2> bzip2(new (std::nothrow) Bzip2(memory));
    if (!bzip2 || !bzip2->start())
        return nullptr;
    return bzip2;
}

VIREO_UNPACKER(bzip2){Format::Bzip2, create};

} // namespace
} // namespace vireo::unpack

// The library found a defect of its own.
extern "C" void bz_internal_error(int);
extern "C" void bz_internal_error(int) { vireo::panic("bzip2: an assertion of the library failed"); }
