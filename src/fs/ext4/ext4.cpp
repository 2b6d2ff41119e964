// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4/directory.h"
#include "fs/file_system.h"

namespace vireo::fs::ext4 {

namespace {

// A mounted ext2, ext3 or ext4: nodes are inode numbers. What was read last is in the volume's cache,
// nothing is kept here.
class Ext4 final : public Tree {
  public:
    Ext4(block::Volume volume, const Layout& layout) : storage_(std::move(volume), layout) {}

    std::string_view type_name() const override { return "ext4"; }
    const block::Findings& findings() const override { return storage_.volume().findings(); }
    Node root() const override { return wire::root_inode; }
    Result<FileInfo> info(Node node) override { return VIREO_TRY(inode(node)).info(); }
    Result<Node> lookup(Node directory, std::string_view name) override {
        return VIREO_TRY(look_up(storage_, VIREO_TRY(inode(directory)), name));
    }
    Result<> list(Node directory, DirectoryVisitor& visitor) override {
        return list_entries(storage_, VIREO_TRY(inode(directory)), visitor);
    }
    Result<> read(Node file, u64 offset, MutableBytes memory) override;
    Result<usize> read_link(Node link, std::span<char, max_path_bytes> target) override;

  private:
    Result<Inode> inode(Node node) { return read_inode(storage_, static_cast<u32>(node)); }

    Storage storage_;
};

Result<> Ext4::read(Node file, u64 offset, MutableBytes memory) {
    Inode inode = VIREO_TRY(this->inode(file));
    Content content = VIREO_TRY(Content::create(storage_, inode));
    return content.read(offset, memory);
}

Result<usize> Ext4::read_link(Node link, std::span<char, max_path_bytes> target) {
    Inode inode = VIREO_TRY(this->inode(link));
    const bool is_short = inode.is_short_link;
    if (inode.bytes == 0 || inode.bytes > (is_short ? wire::longest_short_link : target.size()))
        return error(ErrorCode::Corrupt, "ext4: symbolic link: length");
    usize length = static_cast<usize>(inode.bytes);
    if (is_short) {
        std::memcpy(target.data(), inode.block, length);
    } else {
        Content content = VIREO_TRY(Content::create(storage_, inode));
        VIREO_TRY(content.read(0, std::as_writable_bytes(std::span<char>(target)).first(length)));
        if (std::memchr(target.data(), 0, length))
            return error(ErrorCode::Corrupt, "ext4: symbolic link: target");
    }
    return length;
}

using block::FindingKind;
constexpr FindingKind journal_not_replayed{"ext4", FindingKind::Number::None,
                                           "not cleanly unmounted; the journal was not replayed"};
constexpr FindingKind features_of_revision_0{
    "ext4", FindingKind::Number::None,
    "feature flags are set though its revision 0 has none; they count all the same"};
constexpr FindingKind newer_revision{"ext4: revision", FindingKind::Number::Other,
                                     "newer than is known; read as revision 1"};
constexpr FindingKind two_kinds_of_checksums{
    "ext4", FindingKind::Number::None, "metadata_csum and uninit_bg are both set; metadata_csum counts"};

// What Linux mounts as well, with a warning.
void note_oddities(const Layout& layout, block::Findings& findings) {
    if (layout.incompat & wire::incompat_recover)
        findings.add(journal_not_replayed);
    if (layout.revision == 0 && (layout.compat | layout.incompat | layout.ro_compat) != 0)
        findings.add(features_of_revision_0);
    if (layout.revision > wire::newest_revision)
        findings.add(newer_revision, layout.revision);
    if (layout.has_metadata_checksums() && (layout.ro_compat & wire::ro_compat_gdt_csum))
        findings.add(two_kinds_of_checksums);
}

Result<std::unique_ptr<Tree>> mount(block::Volume& volume) {
    Layout layout = VIREO_TRY(read_layout(volume));
    note_oddities(layout, volume.findings());
    std::unique_ptr<Ext4> mounted(new (std::nothrow) Ext4(std::move(volume), layout));
    if (!mounted)
        return error(ErrorCode::NoMemory, "heap exhausted");
    return std::unique_ptr<Tree>(std::move(mounted));
}

VIREO_FILE_SYSTEM(ext4){"ext4", mount};

} // namespace

} // namespace vireo::fs::ext4
