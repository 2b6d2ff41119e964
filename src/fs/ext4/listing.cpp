// SPDX-License-Identifier: Apache-2.0
#include "base/sort.h"
#include "fs/ext4/directory.h"

namespace vireo::fs::ext4 {

namespace {

constexpr usize most_items = 4096;
constexpr usize window = 256; // offsets handed to the cache at a time

struct Item {
    std::string_view name;
    FileInfo info;
    u32 inode;
};

// The entries of a directory that are shown together. Names are in the order of the directory,
// inodes anywhere: reading them in the order of their numbers turns one request for each entry into
// one for each few hundred.
class Batch {
  public:
    static Result<Batch> create(usize size) {
        Batch batch;
        batch.items_ = VIREO_TRY(OwnedArray<Item>::create(size));
        batch.order_ = VIREO_TRY(OwnedArray<u16>::create(size));
        batch.offsets_ = VIREO_TRY(OwnedArray<u64>::create(std::min(size, window)));
        return batch;
    }

    // Takes entries of the stretch at hand, as many as there is room for; false if there was none.
    bool gather(Directory& directory);
    // Reads the inodes of all. Damaged ones leave their entry with what the directory says.
    Result<> read_inodes(Storage& storage, std::optional<Error>& damage);
    bool show(DirectoryVisitor& visitor) const {
        for (usize i = 0; i < count_; ++i)
            if (!visitor.entry(items_[i].name, items_[i].info))
                return false;
        return true;
    }

  private:
    OwnedArray<Item> items_;
    OwnedArray<u16> order_;
    OwnedArray<u64> offsets_;
    usize count_ = 0;
};

bool Batch::gather(Directory& directory) {
    count_ = 0;
    while (count_ < items_.size()) {
        std::optional<Directory::Entry> entry = directory.next();
        if (!entry)
            break;
        order_[count_] = static_cast<u16>(count_);
        items_[count_++] = {entry->name, {entry->type, 0, 0}, entry->inode};
    }
    return count_ > 0;
}

// Damage and bad blocks are remembered, and not a reason to stop; anything else is (Ctrl-C, a broken device).
Result<> tolerate(const Error& why, std::optional<Error>& damage) {
    if (why.code != ErrorCode::Corrupt && why.code != ErrorCode::Io)
        return why;
    if (!damage)
        damage = why;
    return {};
}

Result<> Batch::read_inodes(Storage& storage, std::optional<Error>& damage) {
    sort_few(std::span(order_.data(), count_),
             [&](u16 a, u16 b) { return items_[a].inode < items_[b].inode; });
    for (usize done = 0; done < count_;) {
        usize wanted = 0;
        for (; wanted < offsets_.size() && done + wanted < count_; ++wanted) {
            Result<u64> offset = storage.inode_offset(items_[order_[done + wanted]].inode);
            if (!offset)
                VIREO_TRY(tolerate(offset.error(), damage));
            // A place for an inode that has none: reading it fails again below.
            offsets_[wanted] = offset ? *offset : wire::superblock_offset;
        }
        usize here =
            VIREO_TRY(storage.volume().prefetch({offsets_.data(), wanted}, storage.layout().inode_bytes));
        for (usize i = 0; i < here; ++i) {
            Item& item = items_[order_[done + i]];
            Result<Inode> inode = read_inode(storage, item.inode);
            if (inode)
                item.info = inode->info();
            else
                VIREO_TRY(tolerate(inode.error(), damage));
        }
        done += here;
    }
    return {};
}

} // namespace

Result<> list_entries(Storage& storage, const Inode& inode, DirectoryVisitor& visitor) {
    Directory directory = VIREO_TRY(Directory::create(storage, inode));
    // The smallest entry takes 12 bytes; "." and ".." may be none of them.
    usize most = static_cast<usize>(std::min<u64>(inode.bytes / 12 + 2, most_items));
    Batch batch = VIREO_TRY(Batch::create(most));
    std::optional<Error> damage;
    while (VIREO_TRY(directory.fill())) {
        while (batch.gather(directory)) {
            VIREO_TRY(batch.read_inodes(storage, damage));
            if (!batch.show(visitor))
                return {};
        }
    }
    if (directory.damage())
        return *directory.damage();
    return damage ? Result<>(*damage) : Result<>();
}

} // namespace vireo::fs::ext4
