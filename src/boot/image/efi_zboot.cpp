// SPDX-License-Identifier: Apache-2.0
#include "boot/image/efi_zboot.h"

#include "base/endian.h"

namespace vireo::boot {

namespace {

struct Header {
    u8 dos_magic[4];
    u8 magic[4];
    Le<u32> payload_offset;
    Le<u32> payload_bytes;
    Le<u32> reserved[2];
    char compression[32]; // a word for people: what is there says it itself
};
static_assert(sizeof(Header) == 56);

} // namespace

Result<Range> packed_in_zboot(Bytes head) {
    auto header = read_struct<Header>(head);
    if (!header)
        return error(ErrorCode::Corrupt, "its header is cut off");
    Range payload{header->payload_offset, header->payload_bytes};
    if (payload.base < sizeof(Header) || payload.bytes == 0)
        return error(ErrorCode::Corrupt, "its header says that nothing is packed in it");
    return payload;
}

} // namespace vireo::boot
