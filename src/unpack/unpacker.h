// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace vireo::unpack {

// How bytes are packed. Which of them a build can unpack is its configuration's matter.
enum class Format : u8 {
    Gzip,      // RFC 1952
    Bzip2,     // its blocks of up to 900 kB
    Xz,        // .xz file format 1.2
    Lzma,      // .lzma, the form before it, without a checksum
    Lz4,       // LZ4 frame format 1.6
    Lz4Legacy, // its form of old, which Linux's build makes: blocks of 8 MiB, without a checksum
    Zstd       // RFC 8878, windows up to 128 MiB
};

class Decoder;
class WorkMemory;

// A packed file, given piece by piece; what is in it goes straight to its place. Nothing is written
// outside of that. Checksums are verified, where the format has them. A file of several members (or
// frames, or streams) one behind the other is all of them; what follows the last one and does not begin as
// one is not looked at.
class Unpacker {
  public:
    // `output` bounds what is written; it may be larger than that. What the format takes to work (xz: up to
    // 64 MiB and more, bzip2: 4 MiB, lz4: 8 MiB) comes from `lent` as far as it lies there, else from the
    // heap, up to WorkMemory::most_from_heap. Both stay the caller's, and there as long as this does.
    // NotSupported: not in this build. NoMemory.
    static Result<Unpacker> create(Format format, MutableBytes output, MutableBytes lent = {});
    Unpacker(Unpacker&&) noexcept;
    ~Unpacker();

    // Unpacks the next piece of the file, of any size; it is used up. Corrupt; TooLarge: the output is full
    // and there is more; NotSupported: the file asks for what the format allows and this does not know;
    // NoMemory. After an error only written() may be asked.
    Result<> feed(Bytes piece);

    // Nothing more comes: how many bytes were written. Corrupt: the file is cut off.
    Result<usize> finish() const;

    // A member has ended, and nothing of another one has come: all that there is, if nobody knows
    // how long the file is.
    bool has_ended() const { return next_ != Next::Member; }

    // So far, from the beginning of the output on.
    usize written() const;

  private:
    Unpacker(Format format, MutableBytes output, std::unique_ptr<WorkMemory> memory,
             std::unique_ptr<Decoder> decoder);
    Result<> decode(Bytes& piece);

    // What comes next is more of a member, perhaps the beginning of another one, or of no interest.
    enum class Next : u8 { Member, Magic, Rest };
    static constexpr usize longest_magic = 6;

    Format format_;
    Next next_ = Next::Member;
    std::unique_ptr<WorkMemory> memory_;
    std::unique_ptr<Decoder> decoder_; // before its memory goes
    MutableBytes output_;
    usize written_ = 0;
    u64 consumed_ = 0;
    std::byte magic_[longest_magic]{}; // of the next member, as far as it was there
    usize magic_bytes_ = 0;
};

// What the file says about how large it is unpacked; nothing if it does not, or `file` is not all of it. Good
// enough to choose a place by, and no more: nothing has been checked.
std::optional<u64> declared_bytes(Format format, Bytes file);

} // namespace vireo::unpack
