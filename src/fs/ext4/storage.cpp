// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4/storage.h"

#include "fs/ext4/checksum.h"

namespace vireo::fs::ext4 {

namespace {

using block::FindingKind;
constexpr FindingKind wrong_checksum{"ext4: group", FindingKind::Number::Other,
                                     "its descriptor has a wrong checksum; used all the same"};

Error corrupt(const char* what) { return error(ErrorCode::Corrupt, what); }

bool is_power_of(u32 number, u32 base) {
    u64 power = base;
    while (power < number)
        power *= base;
    return power == number;
}

} // namespace

Result<> Storage::read_block(u64 block, MutableBytes memory) {
    if (!layout_.contains(block, 1))
        return corrupt("ext4: block number outside the file system");
    return volume_.read(block * layout_.block_bytes, memory);
}

// "Block Group Descriptors": which groups start with a copy of the superblock.
bool Storage::has_superblock(u32 group) const {
    if (group == 0)
        return true;
    if (layout_.compat & wire::compat_sparse_super2)
        return group == layout_.backup_groups[0] || group == layout_.backup_groups[1];
    if (!(layout_.ro_compat & wire::ro_compat_sparse_super))
        return true;
    return group == 1 || is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7);
}

// Not checked against the end of the volume: reading does that.
u64 Storage::descriptor_offset(u32 group) const {
    u32 per_block = layout_.block_bytes / layout_.descriptor_bytes;
    u32 index = group / per_block;
    // The superblock lies at byte 1024: in block 1 where blocks are that small, whatever the first data block
    // is (with clusters it is 0).
    u64 superblock_block = layout_.block_bytes == wire::superblock_offset ? 1 : 0;
    u64 block = superblock_block + 1 + index;
    if (index >= layout_.first_meta_group) {
        // "Meta Block Groups": the descriptors that fill one block lie at the start of the
        // first group they describe.
        u32 first_group = index * per_block;
        block = layout_.first_data_block + u64{first_group} * layout_.blocks_per_group;
        block += has_superblock(first_group) ? 1 : 0;
        if (first_group == 0 && layout_.first_data_block == 0)
            block += superblock_block;
    }
    return block * layout_.block_bytes + u64{group % per_block} * layout_.descriptor_bytes;
}

// Each group once, however often its descriptor is read. Groups beyond the room of the bits (512 GiB with
// blocks of 4 KiB), or all where there is no memory for them, are counted at each reading: no reason to fail.
void Storage::note_wrong_checksum(u32 group) {
    constexpr u32 most_bits = 4096;
    if (noted_groups_.is_empty())
        if (auto bits = OwnedArray<u64>::create(most_bits / 64))
            noted_groups_ = std::move(*bits);
    if (group / 64 < noted_groups_.size()) {
        u64& word = noted_groups_[group / 64];
        u64 bit = u64{1} << group % 64;
        if (word & bit)
            return;
        word |= bit;
    }
    volume_.findings().add(wrong_checksum, group);
}

Result<u64> Storage::inode_table(u32 group) {
    if (group == recent_group_)
        return recent_table_;
    std::array<std::byte, 1024> memory;
    MutableBytes bytes = MutableBytes(memory).first(layout_.descriptor_bytes);
    VIREO_TRY(volume_.read(descriptor_offset(group), bytes));
    if (!group_checksum_matches(layout_, group, bytes))
        note_wrong_checksum(group);
    wire::GroupDescriptor descriptor{};
    std::memcpy(&descriptor, bytes.data(), std::min(bytes.size(), sizeof(descriptor)));
    u64 table = descriptor.inode_table_lo | u64{descriptor.inode_table_hi} << 32;
    u64 table_blocks =
        (u64{layout_.inodes_per_group} * layout_.inode_bytes + layout_.block_bytes - 1) / layout_.block_bytes;
    if (!layout_.contains(table, table_blocks))
        return corrupt("ext4: group descriptor: place of the inode table");
    recent_group_ = group;
    recent_table_ = table;
    return table;
}

Result<u64> Storage::inode_offset(u32 number) {
    if (number == 0 || number > layout_.inode_count)
        return corrupt("ext4: inode number");
    u32 index = number - 1;
    u64 table = VIREO_TRY(inode_table(index / layout_.inodes_per_group));
    return table * layout_.block_bytes + u64{index % layout_.inodes_per_group} * layout_.inode_bytes;
}

} // namespace vireo::fs::ext4
