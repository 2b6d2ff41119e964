// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "unpack/unpacker.h"
#include "unpack/work_memory.h"

namespace vireo::unpack {

enum class Outcome : u8 {
    MoreInput, // all of it was used
    End,       // of a member; what follows was not used
    Full,      // the output is, and there is more
    Corrupt,
    Checksum, // all of the member is there, and is not what was packed
    Unsupported,
    NoMemory
};

// Where the bytes go. All of it is one piece of memory throughout, since what was written is what later
// bytes refer to.
struct Output {
    MutableBytes all;
    usize written = 0;
    usize room() const { return all.size() - written; }
};

// One format: what sits around its library. `input` loses from its front what was used.
class Decoder {
  public:
    virtual ~Decoder() = default;
    virtual Outcome decode(Bytes& input, Output& output) = 0;
    // After End: gets ready for another member. NoMemory, or End for success.
    virtual Outcome restart() = 0;
    // A format without an end mark may end here.
    virtual bool may_end() const { return false; }
};

// A format of this build. In linker section `vireo_unpackers`.
struct FormatType {
    Format format;
    // Nothing: no memory.
    std::unique_ptr<Decoder> (*create)(WorkMemory& memory);
};

// As VIREO_FILE_SYSTEM (fs/file_system.h).
#define VIREO_UNPACKER(type)                                                                                 \
    [[gnu::used, gnu::retain, gnu::section("vireo_unpackers"), clang::no_sanitize("address")]]               \
    constinit const ::vireo::unpack::FormatType type

// The libraries' bytes are unsigned char.
inline const unsigned char* octets(Bytes bytes) {
    return static_cast<const unsigned char*>(static_cast<const void*>(bytes.data()));
}
inline unsigned char* octets(std::byte* bytes) {
    return static_cast<unsigned char*>(static_cast<void*>(bytes));
}

// A library that counts in 32 bits gets so much at once.
inline constexpr usize most_at_once = usize{1} << 30;

} // namespace vireo::unpack
