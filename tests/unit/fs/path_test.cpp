// SPDX-License-Identifier: Apache-2.0
#include "fs/path.h"

#include <gtest/gtest.h>
#include <map>
#include <string>

namespace vireo::fs {
namespace {

// Node 1 is the root; any other name leads to a directory of its own ("d"), a file, or a link whose target a test gives.
class FakeTree final : public Tree {
  public:
    std::map<std::string, std::string> links; // by name; the name is valid in each directory

    Node root() override { return 1; }
    Result<FileType> type(Node node) override {
        return node >= 1000 ? FileType::SymbolicLink : node == 3 ? FileType::Regular : FileType::Directory;
    }
    Result<Node> lookup(Node, std::string_view name) override {
        if (name == "d" || name == "..")
            return name == "d" ? Node{2} : Node{1};
        if (name == "f")
            return Node{3};
        if (name == std::string(longest_name, 'n'))
            return Node{4};
        u64 number = 1000;
        for (const auto& [link, target] : links) {
            if (name == link)
                return number;
            ++number;
        }
        return error(ErrorCode::NotFound, "no such name");
    }
    Result<usize> read_link(Node link, std::span<char, longest_path> target) override {
        const std::string& text = std::next(links.begin(), static_cast<i64>(link - 1000))->second;
        std::memcpy(target.data(), text.data(), text.size());
        return text.size();
    }
};

class Path : public testing::Test {
  protected:
    // The node, or what is wrong.
    std::string follow(std::string_view path) {
        auto node = walk(tree_, path);
        return node ? std::to_string(*node) : node.error().what;
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

TEST_F(Path, of_nothing_but_slashes_and_dots_is_the_root) {
    for (const char* path : {"", "/", "///", ".", "./.", "..", "/..", "d/..", "d/../.."})
        EXPECT_EQ(follow(path), "1") << path;
    EXPECT_EQ(follow("d//"), "2");
    EXPECT_EQ(follow("f/"), "'/' follows its name");
    EXPECT_EQ(follow("f/.."), "'/' follows its name");
}

} // namespace
} // namespace vireo::fs
