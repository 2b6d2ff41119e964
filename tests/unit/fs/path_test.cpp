// SPDX-License-Identifier: Apache-2.0
#include "fs/path.h"
#include "unit/support/error_text.h"

#include <gtest/gtest.h>
#include <map>
#include <string>

namespace vireo::fs {
namespace {

// Node 1 is the root; any other name leads to a directory of its own ("d"), a file, or a link
// whose target a test gives.
class FakeTree final : public Tree {
  public:
    std::map<std::string, std::string> links; // by name; the name is valid in each directory

    usize longest = 255;

    std::string_view type_name() const override { return "fake"; }
    const block::Findings& findings() const override { return findings_; }
    usize longest_name() const override { return longest; }
    Node root() const override { return 1; }
    Result<FileInfo> info(Node node) override {
        FileType type = node >= 1000 ? FileType::SymbolicLink
                        : node == 3  ? FileType::Regular
                                     : FileType::Directory;
        return FileInfo{type, node, 0};
    }
    Result<> list(Node, DirectoryVisitor&) override { return {}; }
    Result<> read(Node, u64, MutableBytes) override { return {}; }
    Result<Node> lookup(Node, std::string_view name) override {
        if (name == "d" || name == "..")
            return name == "d" ? Node{2} : Node{1};
        if (name == "f")
            return Node{3};
        if (name == std::string(longest, 'n'))
            return Node{4};
        u64 number = 1000;
        for (const auto& [link, target] : links) {
            if (name == link)
                return number;
            ++number;
        }
        return error(ErrorCode::NotFound, "no such name");
    }
    Result<usize> read_link(Node link, std::span<char, max_path_bytes> target) override {
        const std::string& text = std::next(links.begin(), static_cast<i64>(link - 1000))->second;
        std::memcpy(target.data(), text.data(), text.size());
        return text.size();
    }

  private:
    block::Findings findings_;
};

class Path : public testing::Test {
  protected:
    // The node, or what is wrong.
    std::string follow(std::string_view path) {
        auto file = walk(tree_, path);
        return file ? std::to_string(file->info().bytes) : test::text_of(file.error());
    }
    FakeTree tree_;
    static constexpr const char* too_long = "path over 4,096 bytes";
};

TEST_F(Path, follows_40_links_and_no_more) {
    for (int i = 0; i < 60; ++i)
        tree_.links["l" + std::to_string(i)] = i == 0 ? "f" : "l" + std::to_string(i - 1);
    EXPECT_EQ(follow("/l39"), "3");
    EXPECT_EQ(follow("/l40"), "symbolic links form a loop");
    tree_.links["self"] = "self";
    EXPECT_EQ(follow("/self"), "symbolic links form a loop");
}

TEST_F(Path, has_at_most_4096_bytes) {
    EXPECT_EQ(follow(std::string(4095, '/') + "f"), "3");
    EXPECT_EQ(follow(std::string(4096, '/') + "f"), too_long);
    EXPECT_EQ(follow(std::string(100'000, '/')), too_long);
}

// Also what is left of it once the target of a link was put in.
TEST_F(Path, has_at_most_4096_bytes_with_the_target_of_a_link) {
    tree_.links["l"] = std::string(4000, '/');
    auto rest = [](usize bytes) { return "l" + std::string(bytes - 1, '/') + "f"; };
    EXPECT_EQ(follow(rest(96)), "3");
    EXPECT_EQ(follow(rest(97)), too_long);
    EXPECT_EQ(follow(rest(4000)), too_long);
    tree_.links["l"] = std::string(4096, '/');
    EXPECT_EQ(follow("l"), "1");
    EXPECT_EQ(follow("l/"), too_long);
    tree_.links["again"] = "./again"; // grows with each turn
    EXPECT_EQ(follow("again" + std::string(4000, '/')), "symbolic links form a loop");
}

TEST_F(Path, names_have_at_most_255_bytes) {
    EXPECT_EQ(follow(std::string(255, 'n')), "4");
    EXPECT_EQ(follow(std::string(256, 'n')), "file name over 255 bytes");
    EXPECT_EQ(follow(std::string(255, 'n') + "/" + std::string(256, 'n')), "file name over 255 bytes");
}

// A name in UTF-16 can be three times as long in UTF-8.
TEST_F(Path, the_longest_name_is_the_trees) {
    tree_.longest = max_name_bytes;
    EXPECT_EQ(follow(std::string(765, 'n')), "4");
    EXPECT_EQ(follow(std::string(766, 'n')), "file name over 765 bytes");
    tree_.longest = 12;
    EXPECT_EQ(follow(std::string(12, 'n')), "4");
    EXPECT_EQ(follow(std::string(13, 'n')), "file name over 12 bytes");
}

TEST_F(Path, what_a_tree_that_is_only_read_cannot_do) {
    EXPECT_EQ(tree_.create(1, "n", FileType::Regular).error().code, ErrorCode::ReadOnly);
    EXPECT_EQ(tree_.write(3, 0, {}).error().code, ErrorCode::ReadOnly);
    EXPECT_EQ(tree_.truncate(3, 0).error().code, ErrorCode::ReadOnly);
    EXPECT_EQ(tree_.rename(1, "f", 1, "n").error().code, ErrorCode::ReadOnly);
    EXPECT_EQ(tree_.remove(1, "f").error().code, ErrorCode::ReadOnly);
    EXPECT_EQ(tree_.sync().error().code, ErrorCode::ReadOnly);
}

TEST_F(Path, of_nothing_but_slashes_and_dots_is_the_root) {
    for (const char* path : {"", "/", "///", ".", "./.", "..", "/..", "d/..", "d/../.."})
        EXPECT_EQ(follow(path), "1") << path;
    EXPECT_EQ(follow("d//"), "2");
    EXPECT_EQ(follow("f/"), "'/' follows its name");
    EXPECT_EQ(follow("f/.."), "'/' follows its name");
}

} // namespace
} // namespace vireo::fs
