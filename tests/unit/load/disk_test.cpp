// SPDX-License-Identifier: Apache-2.0
#include "load/disk.h"
#include "unit/block/tables.h"
#include "unit/load/fixture.h"

namespace vireo::test {
namespace {

// "file" with some content, "dir", and "bad", which cannot be read.
class OneFile final : public fs::Tree {
  public:
    explicit OneFile(std::string_view content) : content_(content) {}
    std::string_view type_name() const override { return "one"; }
    const block::Findings& findings() const override { return findings_; }
    Node root() const override { return 1; }
    Result<fs::FileInfo> info(Node node) override {
        return fs::FileInfo{node == 1 ? fs::FileType::Directory : fs::FileType::Regular, content_.size(), 0};
    }
    Result<Node> lookup(Node, std::string_view name) override {
        if (name == "dir")
            return Node{1};
        if (name == "file" || name == "bad")
            return name == "file" ? Node{2} : Node{3};
        return error(ErrorCode::NotFound, "no such name");
    }
    Result<> list(Node, fs::DirectoryVisitor&) override { return {}; }
    Result<> read(Node node, u64 offset, MutableBytes memory) override {
        if (node == 3)
            return error(ErrorCode::Io, "scripted");
        EXPECT_LE(offset + memory.size(), content_.size());
        std::copy_n(std::as_bytes(std::span(content_)).data() + offset, memory.size(), memory.data());
        return {};
    }
    Result<usize> read_link(Node, std::span<char, fs::max_path_bytes>) override { return usize{0}; }

  private:
    std::string content_;
    block::Findings findings_;
};

struct LoadDisk : testing::Test {
    auto load(std::string_view path, u64 address, load::Part part = {}) {
        return load::load(load::DiskFile{files, path}, machine.from(address), part, notes);
    }
    auto pieces(std::span<const FilePiece> list, std::string_view path = "file") {
        return load::load(load::Place(load::DiskFile{files, path}), list, notes);
    }
    static constexpr std::string_view content = "0123456789abcdef";
    fs::FileSystem files{std::make_unique<OneFile>(content)};
    SmallMachine machine;
    Notes notes;
};

TEST_F(LoadDisk, a_file_and_parts_of_it) {
    auto whole = load("file", 0x1000);
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->bytes, 16u);
    EXPECT_EQ(whole->file_bytes, 16u);
    EXPECT_EQ(machine.text(0x1000, 17), std::string(content) + ".");
    EXPECT_EQ(notes.most, 16u);
    EXPECT_EQ(load("file", 0x1100, {.offset = 10, .limit = 4})->bytes, 4u);
    EXPECT_EQ(machine.text(0x1100, 5), "abcd.");
    EXPECT_EQ(load("file", 0x1200, {.offset = 10, .limit = 7})->bytes, 6u) << "it ends where the file does";
    EXPECT_EQ(load("file", 0x1300, {.limit = 16})->bytes, 16u);
}

TEST_F(LoadDisk, an_offset_at_the_end_and_one_beyond) {
    auto end = load("file", 0x1000, {.offset = 16});
    ASSERT_TRUE(end);
    EXPECT_EQ(end->bytes, 0u);
    EXPECT_EQ(failure_of(load("file", 0x1000, {.offset = 17}), Kind::File).why.code, ErrorCode::OutOfRange);
    EXPECT_EQ(failure_of(load("file", 0x1000, {.offset = ~u64{0}}), Kind::File).why.code,
              ErrorCode::OutOfRange);
    EXPECT_EQ(machine.text(0x1000, 1), ".");
}

TEST_F(LoadDisk, memory_exactly_large_enough_and_a_byte_less) {
    EXPECT_TRUE(load("file", 0x1800 - 16));
    auto failure = failure_of(load("file", 0x1800 - 15), Kind::Memory);
    EXPECT_EQ(failure.memory.base, 0x1800u - 15);
    EXPECT_EQ(failure.memory.bytes, 16u);
    EXPECT_STREQ(failure.memory.owner->owner, "somebody");
    EXPECT_TRUE(load("file", 0x2000 - 16));
    EXPECT_FALSE(failure_of(load("file", 0x2000 - 15), Kind::Memory).memory.owner);
    EXPECT_TRUE(load("file", 0x1800 - 15, {.limit = 15})) << "only what is wanted has to fit";
}

TEST_F(LoadDisk, failures_are_data) {
    EXPECT_EQ(failure_of(load("none", 0x1000), Kind::File).why.code, ErrorCode::NotFound);
    EXPECT_EQ(failure_of(load("dir", 0x1000), Kind::File).why.code, ErrorCode::IsADirectory);
    EXPECT_EQ(failure_of(load("bad", 0x1000), Kind::File).why.code, ErrorCode::Io);
    const FilePiece one[] = {{0, {machine.memory(0x1000), 1}}};
    EXPECT_EQ(failure_of(pieces(one, "dir"), Kind::File).why.code, ErrorCode::IsADirectory);
    EXPECT_EQ(failure_of(pieces(one, "bad"), Kind::File).why.code, ErrorCode::Io);
}

TEST_F(LoadDisk, pieces_go_to_their_places) {
    // In any order, overlapping in the file, one empty at its end.
    const FilePiece list[] = {{10, {machine.memory(0x1010), 6}},
                              {0, {machine.memory(0x1000), 4}},
                              {2, {machine.memory(0x1020), 4}},
                              {16, {machine.memory(0x1030), 0}}};
    auto loaded = pieces(list);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->bytes, 14u);
    EXPECT_EQ(loaded->file_bytes, 16u);
    EXPECT_EQ(machine.text(0x1000, 5), "0123.");
    EXPECT_EQ(machine.text(0x1010, 7), "abcdef.");
    EXPECT_EQ(machine.text(0x1020, 5), "2345.");
}

TEST_F(LoadDisk, a_piece_beyond_the_file_moves_nothing) {
    for (FilePiece beyond :
         {FilePiece{11, {machine.memory(0x1010), 6}}, FilePiece{17, {machine.memory(0x1010), 0}},
          FilePiece{~u64{0}, {machine.memory(0x1010), 2}}}) {
        const FilePiece list[] = {{0, {machine.memory(0x1000), 4}}, beyond};
        auto failure = failure_of(pieces(list), Kind::BeyondFile);
        EXPECT_EQ(failure.piece, 1u);
        EXPECT_EQ(failure.bytes, 16u);
        EXPECT_EQ(machine.text(0x1000, 1), ".");
    }
}

TEST_F(LoadDisk, pieces_that_make_no_sense) {
    const FilePiece touching[] = {{0, {machine.memory(0x1000), 4}}, {8, {machine.memory(0x1004), 4}}};
    EXPECT_TRUE(pieces(touching));
    const FilePiece sharing[] = {{0, {machine.memory(0x1000), 4}}, {8, {machine.memory(0x1003), 4}}};
    EXPECT_EQ(failure_of(pieces(sharing), Kind::BadPieces).why.code, ErrorCode::InvalidArgument);
    failure_of(pieces({}), Kind::BadPieces);
    std::vector<FilePiece> many;
    for (usize i = 0; i < load::max_pieces; ++i)
        many.push_back({0, {machine.memory(0x1000 + i), 1}});
    EXPECT_TRUE(pieces(many));
    many.push_back({0, {machine.memory(0x1700), 1}});
    failure_of(pieces(many), Kind::BadPieces);
}

struct LoadVolume : testing::Test {
    LoadVolume() {
        block::put_record(
            disk, 0,
            {{.type = 0x83, .first = 8, .count = 16}, {.type = 0x83, .first = 24, .count = 8, .flag = 0x80}});
    }
    // Where the volume begins.
    u64 first_block(std::string_view partition) {
        auto volume = load::open_volume(disk, partition, notes);
        return volume ? volume->first_block() : ~u64{0};
    }
    load::Failure failure(std::string_view partition, Kind kind) {
        return failure_of(load::open_volume(disk, partition, notes), kind);
    }
    TestDisk disk{64 * 512};
    Notes notes;
};

TEST_F(LoadVolume, parts_of_a_disk) {
    for (std::string_view text : {"", ":", ":auto", ":2"})
        EXPECT_EQ(first_block(text), 24u) << text;
    EXPECT_EQ(first_block(":1"), 8u);
    EXPECT_EQ(first_block(":0"), 0u);
    EXPECT_NE(notes.text.find(" found "), std::string::npos);
}

TEST_F(LoadVolume, failures_are_data) {
    failure(":x", Kind::BadPartition);
    failure(":3", Kind::NoPartition);
    failure(":100000001", Kind::NoPartition);
    failure("#name", Kind::NoPartition);
    disk.put(510, std::as_bytes(std::span("\0", 2)));
    failure(":1", Kind::NoTable);
    EXPECT_EQ(first_block(""), 0u) << "the whole disk";
    auto volume = load::open_volume(disk, "", notes);
    failure_of(load::mount(std::move(*volume), notes.failure), Kind::UnknownFileSystem);
    disk.bad = {{0, 512}};
    EXPECT_EQ(failure("", Kind::Table).why.code, ErrorCode::Io);
}

} // namespace
} // namespace vireo::test
