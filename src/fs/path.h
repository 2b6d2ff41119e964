// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"
#include "fs/file_system.h"

namespace vireo::fs {

// What walking a path asks of a file system. A node is whatever names a file on it for good (an inode number).
class Tree {
  public:
    using Node = u64;
    static constexpr usize longest_name = 255;
    static constexpr usize longest_path = 4096; // also of what is left to walk after a link was put in

    virtual Node root() = 0;
    virtual Result<FileType> type(Node node) = 0;
    // The node that `directory` has under `name`, which may be "..". NotFound.
    virtual Result<Node> lookup(Node directory, std::string_view name) = 0;
    // The target of a symbolic link, 1 to longest_path bytes, into `target`: the count.
    virtual Result<usize> read_link(Node link, std::span<char, longest_path> target) = 0;

  protected:
    ~Tree() = default;
};

// The node that `path` names, by the rules of FileSystem. NotFound, NotADirectory, TooManyLinks (more than 40 links
// followed), TooLarge (a name over 255 bytes, a path over 4,096), and what the tree reports.
Result<Tree::Node> walk(Tree& tree, std::string_view path);

} // namespace vireo::fs
