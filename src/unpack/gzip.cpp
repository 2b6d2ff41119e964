// SPDX-License-Identifier: Apache-2.0
#include "base/crc32.h"
#include "unpack/decoder.h"

#include <zlib.h>

namespace vireo::unpack {
namespace {

class Gzip final : public Decoder {
  public:
    explicit Gzip(WorkMemory& memory) {
        stream_.zalloc = [](voidpf hook, uInt items, uInt bytes) {
            return WorkMemory::allocate_for(hook, usize{items} * bytes);
        };
        stream_.zfree = WorkMemory::release_for;
        stream_.opaque = &memory;
    }
    ~Gzip() override { inflateEnd(&stream_); }
    Gzip(const Gzip&) = delete;
    Gzip& operator=(const Gzip&) = delete;

    // 15 bits of window, all that there is; 16: with gzip's header and trailer.
    bool start() { return inflateInit2(&stream_, 15 + 16) == Z_OK; }

    Outcome restart() override { return inflateReset(&stream_) == Z_OK ? Outcome::End : Outcome::NoMemory; }

    Outcome decode(Bytes& input, Output& output) override {
        for (;;) {
            auto in = static_cast<uInt>(std::min(input.size(), most_at_once));
            auto out = static_cast<uInt>(std::min(output.room(), most_at_once));
            stream_.next_in = octets(input);
            stream_.avail_in = in;
            stream_.next_out = octets(output.all.data() + output.written);
            stream_.avail_out = out;
            int result = inflate(&stream_, Z_NO_FLUSH);
            input = input.subspan(in - stream_.avail_in);
            output.written += out - stream_.avail_out;
            switch (result) {
            case Z_STREAM_END:
                return Outcome::End;
            case Z_OK:
            case Z_BUF_ERROR:
                if (input.empty())
                    return Outcome::MoreInput;
                if (output.room() == 0)
                    return Outcome::Full;
                break;
            case Z_DATA_ERROR:
                return is_in_trailer() ? Outcome::Checksum : Outcome::Corrupt;
            case Z_MEM_ERROR:
                return Outcome::NoMemory;
            default:
                return Outcome::Corrupt;
            }
        }
    }

  private:
    // The library tells its errors apart by their words alone.
    bool is_in_trailer() const {
        std::string_view what = stream_.msg ? stream_.msg : "";
        return what == "incorrect data check" || what == "incorrect length check";
    }

    z_stream stream_{};
};

std::unique_ptr<Decoder> create(WorkMemory& memory) {
    std::unique_ptr<Gzip> gzip(new (std::nothrow) Gzip(memory));
    if (!gzip || !gzip->start())
        return nullptr;
    return gzip;
}

VIREO_UNPACKER(gzip){Format::Gzip, create};

} // namespace
} // namespace vireo::unpack

// zlib's own has 9 KiB of tables.
extern "C" uLong ZEXPORT crc32(uLong crc, const Bytef* bytes, uInt count) {
    if (!bytes)
        return 0;
    return vireo::crc32(std::as_bytes(std::span(bytes, count)), static_cast<vireo::u32>(crc));
}
