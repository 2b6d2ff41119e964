// SPDX-License-Identifier: Apache-2.0
#include "net/stack/checksum.h"

#include <gtest/gtest.h>
#include <vector>

namespace vireo::test {
namespace {

// RFC 1071, 1, word by word. The result is in the order of the bytes in memory, as checksums are stored.
u16 sum_by_pairs(Bytes bytes) {
    u64 sum = 0;
    for (usize i = 0; i < bytes.size(); ++i)
        sum += std::to_integer<u64>(bytes[i]) << (i % 2 != 0 ? 8 : 0);
    while (sum >> 16 != 0)
        sum = (sum >> 16) + (sum & 0xffff);
    return static_cast<u16>(sum);
}

TEST(Checksum, the_same_at_any_address_and_of_any_length) {
    for (u8 factor : {u8{0}, u8{37}, u8{255}}) {
        std::vector<std::byte> bytes(1600);
        for (usize i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<std::byte>(factor == 255 ? 255 : i * factor + (i >> 8));
        for (usize start = 0; start < 17; ++start)
            for (usize length : {0, 1, 2, 3, 7, 8, 9, 20, 39, 64, 65, 127, 128, 1472, 1500, 1583}) {
                Bytes piece = Bytes(bytes).subspan(start, length);
                ASSERT_EQ(net::internet_sum(piece), sum_by_pairs(piece)) << start << ' ' << length;
            }
    }
}

} // namespace
} // namespace vireo::test
