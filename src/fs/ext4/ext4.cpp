// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4/directory.h"
#include "fs/path.h"

namespace vireo::fs::ext4 {

namespace {

// A mounted ext2, ext3 or ext4: nodes are inode numbers. What was read last is in the volume's cache, nothing is kept here.
class Ext4 final : public FileSystem, private Tree {
  public:
    Ext4(block::Volume volume, const Layout& layout) : storage_(std::move(volume), layout) {}

    std::string_view type_name() const override { return "ext4"; }
    const block::Findings& findings() const override { return storage_.volume().findings(); }
    Result<FileInfo> stat(std::string_view path) override { return VIREO_TRY(inode_at(path)).info(); }
    Result<> list(std::string_view path, DirectoryVisitor& visitor) override;
    Result<u64> read(std::string_view path, u64 offset, MutableBytes memory) override;

  private:
    Node root() override { return wire::root_inode; }
    Result<FileType> type(Node node) override { return VIREO_TRY(inode(node)).type(); }
    Result<Node> lookup(Node directory, std::string_view name) override {
        return VIREO_TRY(look_up(storage_, VIREO_TRY(inode(directory)), name));
    }
    Result<usize> read_link(Node link, std::span<char, longest_path> target) override;

    Result<Inode> inode(Node node) { return read_inode(storage_, static_cast<u32>(node)); }
    Result<Inode> inode_at(std::string_view path) { return inode(VIREO_TRY(walk(*this, path))); }

    Storage storage_;
};

Result<> Ext4::list(std::string_view path, DirectoryVisitor& visitor) {
    Inode directory = VIREO_TRY(inode_at(path));
    if (directory.type() != FileType::Directory)
        return error(ErrorCode::NotADirectory, "a directory is wanted");
    return list_entries(storage_, directory, visitor);
}

Result<u64> Ext4::read(std::string_view path, u64 offset, MutableBytes memory) {
    Inode file = VIREO_TRY(inode_at(path));
    if (file.type() == FileType::Directory)
        return error(ErrorCode::IsADirectory, "a file is wanted");
    if (file.type() != FileType::Regular)
        return error(ErrorCode::NotSupported, "not a regular file");
    if (offset > file.bytes)
        return error(ErrorCode::OutOfRange, "beyond the end of the file");
    Content content = VIREO_TRY(Content::create(storage_, file));
    u64 bytes = std::min<u64>(memory.size(), file.bytes - offset);
    VIREO_TRY(content.read(offset, memory.first(static_cast<usize>(bytes))));
    return bytes;
}

Result<usize> Ext4::read_link(Node link, std::span<char, longest_path> target) {
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

Result<std::unique_ptr<FileSystem>> mount(block::Volume& volume) {
    Layout layout = VIREO_TRY(read_layout(volume));
    note_oddities(layout, volume.findings());
    std::unique_ptr<Ext4> mounted(new (std::nothrow) Ext4(std::move(volume), layout));
    if (!mounted)
        return error(ErrorCode::NoMemory, "heap exhausted");
    return std::unique_ptr<FileSystem>(std::move(mounted));
}

// no_sanitize: the address sanitizer would put red zones between the entries of the section.
[[gnu::used, gnu::retain, gnu::section("vireo_filesystems"), clang::no_sanitize("address")]]
constinit const FileSystemType registration{"ext4", mount};

} // namespace

} // namespace vireo::fs::ext4
