// SPDX-License-Identifier: Apache-2.0
#include "fs/path.h"

namespace vireo::fs {

namespace {

constexpr u32 most_links = 40;

// The part of the path that is still to be walked. It lies at the end of its memory, so that the target of a
// link can be put before it.
class Remainder {
  public:
    static Result<Remainder> create(std::string_view path) {
        Remainder remainder;
        remainder.memory_ = VIREO_TRY(OwnedArray<char>::create(max_path_bytes));
        remainder.start_ = remainder.memory_.size();
        VIREO_TRY(remainder.put_before(path));
        return remainder;
    }

    // Takes the next name off; empty at the end. `must_be_directory` if a slash follows it.
    std::string_view next(bool& must_be_directory) {
        std::string_view rest = text();
        rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
        std::string_view name = rest.substr(0, rest.find('/'));
        must_be_directory = name.size() < rest.size();
        start_ = memory_.size() - (rest.size() - name.size());
        return name;
    }

    // The target of a link comes first, then what followed the link (which starts with a
    // slash, if anything does).
    Result<> put_before(std::string_view target) {
        if (target.size() + text().size() > max_path_bytes)
            return error(ErrorCode::TooLarge, "path over 4,096 bytes");
        start_ -= target.size();
        std::memcpy(memory_.data() + start_, target.data(), target.size());
        return {};
    }

  private:
    std::string_view text() const { return {memory_.data() + start_, memory_.size() - start_}; }

    OwnedArray<char> memory_;
    usize start_ = 0;
};

} // namespace

Result<File> walk(Tree& tree, std::string_view path) {
    Remainder remainder = VIREO_TRY(Remainder::create(path));
    OwnedArray<char> target; // made when the first link is met
    u32 links = 0;
    Tree::Node node = tree.root();
    std::optional<FileInfo> info; // of `node`, where it is not the root
    bool must_be_directory = false;
    // Each turn takes a name off; only links put names back, and their number is bounded.
    for (;;) {
        std::string_view name = remainder.next(must_be_directory);
        if (name.empty())
            return File(tree, node, info ? *info : VIREO_TRY(tree.info(node)));
        if (info && info->type != FileType::Directory)
            return error(ErrorCode::NotADirectory, "'/' follows its name");
        if (name.size() > tree.longest_name())
            return error(ErrorCode::TooLarge, "file name over {} bytes", tree.longest_name());
        if (name == "." || (name == ".." && node == tree.root()))
            continue;
        Tree::Node child = VIREO_TRY(tree.lookup(node, name));
        FileInfo child_info = VIREO_TRY(tree.info(child));
        if (child_info.type == FileType::SymbolicLink) {
            if (++links > most_links)
                return error(ErrorCode::TooManyLinks, "symbolic links form a loop");
            if (target.is_empty())
                target = VIREO_TRY(OwnedArray<char>::create(max_path_bytes));
            std::span<char, max_path_bytes> memory(target.data(), max_path_bytes);
            usize length = VIREO_TRY(tree.read_link(child, memory));
            VIREO_TRY(remainder.put_before({target.data(), length}));
            if (target[0] == '/') {
                node = tree.root();
                info.reset();
            }
            continue; // a relative target starts from the directory of the link, where we are
        }
        if (must_be_directory && child_info.type != FileType::Directory)
            return error(ErrorCode::NotADirectory, "'/' follows its name");
        node = child;
        info = child_info;
    }
}

} // namespace vireo::fs
