// SPDX-License-Identifier: Apache-2.0
#include "base/endian.h"
#include "unit/block/noted.h"
#include "unit/fs/tree.h"

namespace vireo::fs {
namespace {

using test::expect_same;
using test::Listing;
using test::TestDisk;

// A folder with files of many shapes, made once.
const std::string& sample_tree() {
    static test::TemporaryFolder folder;
    static bool is_made = [] {
        namespace stdfs = std::filesystem;
        stdfs::create_directories(folder / "dir/sub/deep");
        stdfs::create_directories(folder / "many");
        stdfs::create_directories(folder / "nothing");
        test::write_file(folder / "hello.txt", "Hello, world!\n");
        test::write_file(folder / "empty", "");
        test::write_file(folder / "sixty", std::string(60, 's'));
        test::write_file(folder / "hundred", test::pattern(100, 3));
        test::write_file(folder / "block", test::pattern(4096, 4));
        test::write_file(folder / "odd", test::pattern(100'001, 5));
        test::write_file(folder / "large", test::pattern(5'000'000, 6));
        test::write_file(folder / "dir/sub/deep/file", "deep\n");
        test::write_file(folder / "name with spaces and \xc3\xbcml\xc3\xa4uts", "utf-8\n");
        test::write_file(folder / std::string(255, 'n'), "longest name\n");
        for (int i = 0; i < 300; ++i)
            test::write_file(folder / ("many/file-" + std::to_string(i)),
                             std::string(static_cast<usize>(i), 'x'));
        test::write_sparse_file(folder / "sparse", 3'000'000,
                                {{0, "start"}, {1'000'000, "middle"}, {2'999'997, "end"}});
        test::write_sparse_file(folder / "hole_at_end", 500'000, {{0, test::pattern(70'000, 8)}});
        test::write_sparse_file(folder / "all_hole", 200'000, {});
        test::write_file(folder / "old", "from before 2001\n");
        test::run("touch -d @1000000000 '" + (folder / "old") + "'; mkfifo '" + (folder / "pipe") + "'");
        auto link = [&](const std::string& name, const std::string& target) {
            stdfs::create_symlink(target, folder / name);
        };
        link("fast", "hello.txt");
        link("slow", "././././././././././././././././././././././././././././././././hello.txt");
        link("absolute", "/dir/sub");
        link("dir/up", "../hello.txt");
        link("dir/sub/middle", "../../dir/sub/deep");
        link("loop1", "loop2");
        link("loop2", "loop1");
        link("dangling", "no/such/file");
        link("to_file_slash", "hello.txt/");
        link("above_root", "../../../../hello.txt");
        link("target_59", std::string(49, '/') + "/hello.txt");
        link("target_60", std::string(50, '/') + "/hello.txt");
        return true;
    }();
    (void)is_made;
    return folder.path();
}

class Ext4Variants : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(
    Ext4, Ext4Variants,
    testing::Values("-t ext2 -b 1024 -I 256", "-t ext2 -b 2048 -I 256", "-t ext2 -b 4096",
                    "-t ext2 -O ^filetype,^sparse_super,^resize_inode", "-t ext2 -r 0 -O none",
                    "-t ext2 -I 128", "-t ext3 -b 1024", "-t ext4 -b 1024", "-t ext4 -b 2048 -I 512",
                    "-t ext4 -b 4096", "-t ext4 -b 65536 -I 1024", "-t ext4 -b 16384",
                    "-t ext4 -O ^extents,^64bit", "-t ext4 -O ^metadata_csum,uninit_bg",
                    "-t ext4 -O ^metadata_csum,uninit_bg,^64bit", "-t ext4 -O ^64bit,metadata_csum",
                    "-t ext4 -O ^flex_bg -g 256 -b 1024", "-t ext4 -O inline_data",
                    "-t ext4 -O inline_data -I 512 -b 1024", "-t ext4 -O bigalloc -C 16384",
                    "-t ext4 -O bigalloc -b 1024 -C 8192", "-t ext4 -O meta_bg,^resize_inode",
                    "-t ext4 -b 1024 -g 512 -O meta_bg,^resize_inode,^flex_bg",
                    "-t ext2 -b 1024 -g 512 -O meta_bg,^resize_inode,^sparse_super",
                    "-t ext4 -b 1024 -g 256 -O sparse_super2,meta_bg,^resize_inode",
                    "-t ext4 -O metadata_csum_seed", "-t ext4 -I 128",
                    "-t ext4 -O large_dir,ea_inode,verity,quota,project",
                    "-t ext4 -O casefold,encrypt,orphan_file", "-t ext4 -O mmp"));

TEST_P(Ext4Variants, tree_is_as_on_the_host) {
    test::TemporaryFolder folder;
    std::string image = test::make_ext(folder, "image", GetParam(), "48M", sample_tree());
    if (std::strstr(GetParam(), "inline_data")) // mke2fs 1.47 gets this size wrong
        test::change_ext(folder, image, "set_inode_field /hole_at_end size 500000\n");
    for (u32 block_bytes : {512u, 4096u}) {
        TestDisk disk(image, {.block_bytes = block_bytes});
        auto system = test::mount(disk);
        ASSERT_TRUE(system);
        EXPECT_EQ(system->type_name(), "ext4");
        test::expect_same_tree(*system, sample_tree());
        for (u64 offset : {1u, 511u, 512u, 1023u, 1024u, 4095u, 4096u, 65'535u, 100'000u, 100'001u})
            expect_same(test::read_all(*system, "/odd", offset),
                        test::read_file(sample_tree() + "/odd").substr(offset), "odd");
    }
}

class Ext4Links : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        folder_ = new test::TemporaryFolder;
        image_ = test::make_ext(*folder_, "image", "-t ext4", "32M", sample_tree());
    }
    static void TearDownTestSuite() {
        delete folder_;
        folder_ = nullptr;
    }
    void SetUp() override {
        disk_ = std::make_unique<TestDisk>(image_);
        system_ = test::mount(*disk_);
        ASSERT_TRUE(system_);
    }
    ErrorCode error_of(const std::string& path) {
        auto info = system_->stat(path);
        EXPECT_FALSE(info) << path;
        return info ? ErrorCode::InvalidArgument : info.error().code;
    }

    static test::TemporaryFolder* folder_;
    static std::string image_;
    std::unique_ptr<TestDisk> disk_;
    std::unique_ptr<test::Files> system_;
};
test::TemporaryFolder* Ext4Links::folder_ = nullptr;
std::string Ext4Links::image_;

TEST_F(Ext4Links, are_followed_at_the_end_and_in_the_middle) {
    for (const char* path : {"/hello.txt", "hello.txt", "//hello.txt", "/./hello.txt", "/dir/../hello.txt",
                             "/fast", "/slow", "/dir/up", "/absolute/../../hello.txt", "/../../hello.txt",
                             "/above_root", "/target_59", "/target_60", "/dir/sub/middle/../../../hello.txt"})
        EXPECT_EQ(test::read_all(*system_, path), "Hello, world!\n") << path;
    for (const char* path : {"/absolute/deep/file", "/dir/sub/middle/file", "/absolute/middle//file"})
        EXPECT_EQ(test::read_all(*system_, path), "deep\n") << path;
    for (const char* path : {"", "/", "//", ".", "/..", "/absolute/", "/dir/sub/middle/."})
        EXPECT_EQ(system_->stat(path)->type, FileType::Directory) << path;
}

TEST_F(Ext4Links, that_lead_nowhere_are_errors) {
    EXPECT_EQ(error_of("/loop1"), ErrorCode::TooManyLinks);
    EXPECT_EQ(error_of("/loop2/more"), ErrorCode::TooManyLinks);
    EXPECT_EQ(error_of("/dangling"), ErrorCode::NotFound);
    EXPECT_EQ(error_of("/nope"), ErrorCode::NotFound);
    EXPECT_EQ(error_of("/nope/deeper"), ErrorCode::NotFound);
    EXPECT_EQ(error_of("/hello.txt/"), ErrorCode::NotADirectory);
    EXPECT_EQ(error_of("/hello.txt/x"), ErrorCode::NotADirectory);
    EXPECT_EQ(error_of("/hello.txt/.."), ErrorCode::NotADirectory);
    EXPECT_EQ(error_of("/hello.txt/."), ErrorCode::NotADirectory);
    EXPECT_EQ(error_of("/to_file_slash"), ErrorCode::NotADirectory);
    EXPECT_EQ(error_of("/fast/"), ErrorCode::NotADirectory);
    EXPECT_EQ(error_of("/" + std::string(256, 'n')), ErrorCode::TooLarge);
    EXPECT_EQ(error_of("/" + std::string(255, 'm')), ErrorCode::NotFound);
    EXPECT_EQ(error_of(std::string(4097, '/')), ErrorCode::TooLarge);
    EXPECT_TRUE(system_->stat(std::string(4096, '/')));
    EXPECT_EQ(error_of(std::string("/hello.txt\0x", 12)), ErrorCode::NotFound);
}

TEST_F(Ext4Links, wrong_kinds_of_file_are_errors) {
    std::byte byte;
    Listing listing;
    EXPECT_EQ(system_->read("/dir", 0, {&byte, 1}).error().code, ErrorCode::IsADirectory);
    EXPECT_EQ(system_->read("/pipe", 0, {&byte, 1}).error().code, ErrorCode::NotSupported);
    EXPECT_EQ(system_->list("/hello.txt", listing).error().code, ErrorCode::NotADirectory);
    EXPECT_EQ(system_->read("/hello.txt", 15, {&byte, 1}).error().code, ErrorCode::OutOfRange);
    EXPECT_EQ(*system_->read("/hello.txt", 14, {&byte, 1}), 0u);
    EXPECT_EQ(*system_->read("/hello.txt", 13, {&byte, 1}), 1u);
    EXPECT_EQ(*system_->read("/empty", 0, {&byte, 1}), 0u);
    EXPECT_EQ(system_->read("/hello.txt", ~u64{0}, {&byte, 1}).error().code, ErrorCode::OutOfRange);
}

TEST_F(Ext4Links, a_visitor_can_end_the_listing) {
    Listing listing;
    listing.most = 3;
    EXPECT_TRUE(system_->list("/many", listing));
    EXPECT_EQ(listing.entries.size(), 3u);
}

TEST_F(Ext4Links, ctrl_c_ends_an_operation) {
    disk_->loop.request_interrupt();
    disk_->is_stuck = true;
    Listing listing;
    EXPECT_EQ(system_->list("/many", listing).error().code, ErrorCode::Interrupted);
    disk_->is_stuck = false;
    EXPECT_TRUE(system_->list("/many", listing));
}

// --- requests ---------------------------------------------------------------------------------------------------

TEST(Ext4Requests, contiguous_file_of_200_mib) {
    test::TemporaryFolder folder;
    std::filesystem::create_directory(folder / "tree");
    const std::string mebibyte = test::pattern(1 << 20, 1);
    std::string want;
    for (int i = 0; i < 200; ++i)
        want += std::to_string(i) + mebibyte;
    want.resize(200 << 20);
    test::write_file(folder / "tree/file", want);
    std::string image = test::make_ext(folder, "image", "-t ext4 -b 4096", "256M", folder / "tree");
    TestDisk disk(image);
    auto system = test::mount(disk);
    ASSERT_TRUE(system);
    std::string content(200 << 20, '\0');
    u64 requests = disk.count_requests(
        [&] { ASSERT_TRUE(system->read("/file", 0, std::as_writable_bytes(std::span(content)))); });
    EXPECT_LE(requests, 200u / 16 + 5);
    expect_same(content, want, "file");
}

// Every second of many small files goes away; what is written then fills the gaps.
std::string make_fragmented(const test::TemporaryFolder& folder, const std::string& options, u32 block_bytes,
                            usize files) {
    std::filesystem::create_directory(folder / "tree");
    std::string commands;
    for (usize i = 0; i < files; ++i) {
        std::string name = "filler-" + std::to_string(i);
        test::write_file(folder / ("tree/" + name), test::pattern(block_bytes, 1));
        if (i % 2 == 0)
            commands += "rm " + name + "\n";
    }
    std::string image = test::make_ext(folder, "image", options, "64M", folder / "tree");
    test::write_file(folder / "file", test::pattern(files / 2 * block_bytes + 12'345, 9));
    test::change_ext(folder, image, commands + "write " + (folder / "file") + " file\n");
    return image;
}

TEST(Ext4Requests, fragmented_file_keeps_the_disk_busy) {
    for (const char* options :
         {"-t ext4 -b 4096 -N 5000", "-t ext2 -b 4096 -N 5000", "-t ext4 -b 1024 -N 5000"}) {
        test::TemporaryFolder folder;
        u32 block_bytes = std::strstr(options, "1024") ? 1024 : 4096;
        std::string image = make_fragmented(folder, options, block_bytes, 2400);
        TestDisk disk(image);
        auto system = test::mount(disk);
        ASSERT_TRUE(system);
        u64 requests = disk.count_requests([&] {
            expect_same(test::read_all(*system, "/file"), test::read_file(folder / "file"), options);
        });
        EXPECT_GT(requests, 600u) << options << ": the file is not fragmented";
        EXPECT_LE(requests, 1300u) << options;
        EXPECT_EQ(disk.most_in_flight, 64u);
        EXPECT_LE(disk.commits, requests / 64 + 15) << options; // the queue is filled again and again
        TestDisk large_blocks(image, {.block_bytes = 4096});
        system = test::mount(large_blocks);
        expect_same(test::read_all(*system, "/file"), test::read_file(folder / "file"), options);
    }
}

class Ext4Directories : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Ext4, Ext4Directories,
                         testing::Values("-t ext4", "-t ext2", "-t ext4 -b 1024",
                                         "-t ext4 -O ^flex_bg -g 1024 -b 1024"));

TEST_P(Ext4Directories, listing_of_2000_entries_takes_under_100_requests) {
    test::TemporaryFolder folder;
    std::filesystem::create_directories(folder / "tree/dir");
    for (int i = 0; i < 2000; ++i)
        test::write_file(folder / ("tree/dir/file-" + std::to_string(i) + ".data"),
                         std::string(static_cast<usize>(i), 'x'));
    std::string image = test::make_ext(folder, "image", GetParam(), "64M", folder / "tree");
    for (bool indexed : {false, true}) {
        if (indexed)
            test::run("e2fsck -fyD " + image, 1);
        TestDisk disk(image);
        auto system = test::mount(disk);
        ASSERT_TRUE(system);
        Listing listing;
        u64 requests = disk.count_requests([&] { EXPECT_TRUE(system->list("/dir", listing)); });
        EXPECT_EQ(listing.entries.size(), 2002u);
        EXPECT_LT(requests, 100u);
        RecordProperty(indexed ? "indexed" : "linear", static_cast<int>(requests));
        for (const auto& [name, info] : listing.entries)
            if (name.starts_with("file-"))
                EXPECT_EQ(std::to_string(info.bytes), name.substr(5, name.find('.') - 5));
    }
}

// The tools take minutes to add 50,000 names one by one: here a file is filled with the blocks of a directory
// and then declared to be one. Its names are links to the 1,000 files of another directory.
std::string make_large_directory(const test::TemporaryFolder& folder, usize entries) {
    std::filesystem::create_directories(folder / "tree/files");
    for (int i = 0; i < 1000; ++i)
        test::write_file(folder / ("tree/files/" + std::to_string(i)),
                         std::string(static_cast<usize>(i), 'x'));
    std::string image = test::make_ext(folder, "image", "-t ext4 -b 4096", "32M", folder / "tree");
    std::vector<u32> inodes(1000);
    std::stringstream listed(test::run("debugfs -R 'ls -p /files' " + image));
    for (std::string line; std::getline(listed, line);) {
        u32 inode = 0, number = 0; // /inode/mode/uid/gid/name/size/
        if (std::sscanf(line.c_str(), "/%u/%*o/%*u/%*u/%u/", &inode, &number) == 2 && number < 1000)
            inodes[number] = inode;
    }
    std::string blocks;
    std::string block;
    auto finish_block = [&] {
        // The last entry reaches to the end of the block, where e2fsck finds no room for a
        // checksum and makes it.
        if (block.size() < 4096)
            block.resize(4096);
        blocks += std::exchange(block, "");
    };
    usize last = 0;
    auto add = [&](const std::string& name, u32 inode, u8 type) {
        u32 length = static_cast<u32>((8 + name.size() + 3) / 4 * 4);
        if (block.size() + length > 4096)
            finish_block();
        last = block.size();
        u32 room = static_cast<u32>(4096 - last);
        for (u32 byte :
             {inode, inode >> 8, inode >> 16, inode >> 24, room, room >> 8, u32(name.size()), u32{type}})
            block += static_cast<char>(byte);
        block += name;
        block.resize(last + length);
    };
    auto shrink_previous = [&] { // the entry before the next one ends where that one starts
        if (block.empty())
            return;
        usize used = block.size() - last;
        block[last + 4] = static_cast<char>(used);
        block[last + 5] = static_cast<char>(used >> 8);
    };
    add(".", 2, 2);
    shrink_previous();
    add("..", 2, 2);
    for (usize i = 0; i < entries; ++i) {
        std::string name = "entry-number-" + std::to_string(i);
        if (block.size() + 8 + name.size() + 3 <= 4096)
            shrink_previous();
        else
            finish_block();
        add(name, inodes[i % 1000], 1);
    }
    finish_block();
    test::write_file(folder / "blocks", blocks);
    test::change_ext(folder, image,
                     "write " + (folder / "blocks") +
                         " dir\nset_inode_field dir mode 040755\n"
                         "set_inode_field dir links_count 2\n");
    return image;
}

TEST(Ext4Directory, of_50000_entries) {
    test::TemporaryFolder folder;
    std::string image = make_large_directory(folder, 50'000);
    for (bool indexed : {false, true}) {
        // e2fsck gives the blocks checksums, "." its number and the directory a hash tree.
        test::run(indexed ? "e2fsck -fyD " + image : "tune2fs -O ^metadata_csum " + image, indexed ? 1 : 0);
        TestDisk disk(image);
        auto system = test::mount(disk);
        ASSERT_TRUE(system);
        Listing listing;
        u64 requests = disk.count_requests([&] { EXPECT_TRUE(system->list("/dir", listing)); });
        EXPECT_LT(requests, 300u);
        EXPECT_EQ(listing.entries.size(), 50'002u);
        std::vector<bool> seen(50'000);
        for (const auto& [name, info] : listing.entries) {
            if (!name.starts_with("entry-number-"))
                continue;
            usize number = std::stoul(name.substr(13));
            EXPECT_EQ(info.bytes, number % 1000);
            seen[number] = true;
        }
        EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 50'000);
        requests =
            disk.count_requests([&] { EXPECT_EQ(system->stat("/dir/entry-number-49999")->bytes, 999u); });
        EXPECT_LT(requests, 30u);
        EXPECT_EQ(system->stat("/dir/entry-number-50000").error().code, ErrorCode::NotFound);
    }
}

// --- special content --------------------------------------------------------------------------------------------

TEST(Ext4, sparse_file_of_a_tebibyte_reads_anywhere) {
    test::TemporaryFolder folder;
    std::filesystem::create_directory(folder / "tree");
    u64 end = u64{1} << 40;
    test::write_sparse_file(folder / "tree/file", end,
                            {{0, "front"}, {u64{5} << 32, "far"}, {end - 4, "back"}});
    for (const char* options : {"-t ext4", "-t ext2 -b 4096 -O large_file"}) {
        std::string image = test::make_ext(folder, "image", options, "32M", folder / "tree");
        TestDisk disk(image);
        auto system = test::mount(disk);
        ASSERT_TRUE(system);
        EXPECT_EQ(system->stat("/file")->bytes, end);
        std::string memory(1'000'000, 'x');
        auto read_at = [&](u64 offset) {
            auto count = system->read("/file", offset, std::as_writable_bytes(std::span(memory)));
            return count ? *count : 0;
        };
        EXPECT_EQ(read_at(0), memory.size());
        EXPECT_EQ(memory, "front" + std::string(memory.size() - 5, '\0'));
        EXPECT_EQ(read_at((u64{5} << 32) - 10), memory.size());
        EXPECT_EQ(memory, std::string(10, '\0') + "far" + std::string(memory.size() - 13, '\0'));
        EXPECT_EQ(read_at(end - 8), 8u);
        EXPECT_EQ(memory.substr(0, 8), std::string("\0\0\0\0back", 8));
        EXPECT_EQ(read_at(end / 2 + 1), memory.size());
        EXPECT_EQ(memory, std::string(memory.size(), '\0'));
    }
}

TEST(Ext4, allocated_but_unwritten_blocks_read_as_zeros) {
    test::TemporaryFolder folder;
    std::string image = test::make_ext(folder, "image", "-t ext4 -b 1024", "8M", sample_tree() + "/dir");
    // debugfs fallocates uninitialised extents; what lay there before must not show.
    std::string junk(5 << 20, 'J');
    std::ofstream(folder / "junk") << junk;
    test::change_ext(folder, image,
                     "write " + (folder / "junk") +
                         " junk\nrm junk\nwrite /dev/null file\n"
                         "fallocate file 0 99\nset_inode_field file size 102400\n");
    TestDisk disk(image);
    auto system = test::mount(disk);
    ASSERT_TRUE(system);
    expect_same(test::read_all(*system, "/file"), std::string(102'400, '\0'), "file");
}

TEST(Ext4, a_journal_that_needs_recovery_is_a_finding) {
    test::TemporaryFolder folder;
    std::string image = test::make_ext(folder, "image", "-t ext4", "16M", sample_tree() + "/dir");
    test::change_ext(folder, image, "feature needs_recovery\n");
    TestDisk disk(image);
    auto system = test::mount(disk);
    ASSERT_TRUE(system);
    EXPECT_EQ(test::noted(system->findings()), "ext4: not cleanly unmounted; the journal was not replayed\n");
    EXPECT_EQ(test::read_all(*system, "/sub/deep/file"), "deep\n");
}

// Revision 0 fixes the size of the inodes. Its flags count, as for Linux and e2fsck.
TEST(Ext4, feature_flags_count_in_every_revision) {
    const std::string noted =
        "ext4: feature flags are set though its revision 0 has none; they count all the same\n";
    for (const char* options :
         {"-t ext2 -I 128 -O none,filetype", "-t ext2 -I 128 -O none,filetype,sparse_super",
          "-t ext2 -I 128 -O none,sparse_super", "-t ext4 -I 128 -O ^metadata_csum",
          "-t ext4 -I 128 -O extents,64bit,metadata_csum", "-t ext3 -I 128"}) {
        test::TemporaryFolder folder;
        std::string image = test::make_ext(folder, "image", options, "16M", sample_tree() + "/dir");
        for (u32 revision : {0u, 2u}) {
            test::change_ext(folder, image, "ssv rev_level " + std::to_string(revision) + "\n");
            TestDisk disk(image);
            auto system = test::mount(disk);
            ASSERT_TRUE(system) << options;
            EXPECT_EQ(test::read_all(*system, "/sub/deep/file"), "deep\n") << options;
            Listing listing;
            EXPECT_TRUE(system->list("/", listing)) << options;
            EXPECT_EQ(test::noted(system->findings()),
                      revision == 0 ? noted
                                    : "ext4: revision 2 x1: newer than is known; read as revision 1\n");
        }
    }
    // Larger inodes than revision 0 has: the field does not count.
    test::TemporaryFolder folder;
    std::string image =
        test::make_ext(folder, "image", "-t ext2 -r 0 -O none", "16M", sample_tree() + "/dir");
    TestDisk disk(image);
    disk.bytes()[1024 + 0x58] = std::byte{0};
    disk.bytes()[1024 + 0x59] = std::byte{1};
    auto system = test::mount(disk);
    ASSERT_TRUE(system);
    EXPECT_EQ(test::read_all(*system, "/sub/deep/file"), "deep\n");
    EXPECT_EQ(test::noted(system->findings()), "");
}

TEST(Ext4, both_kinds_of_checksums_are_a_finding) {
    test::TemporaryFolder folder;
    std::string image =
        test::make_ext(folder, "image", "-t ext4 -O metadata_csum", "16M", sample_tree() + "/dir");
    test::change_ext(folder, image, "feature uninit_bg\n");
    TestDisk disk(image);
    auto system = test::mount(disk);
    ASSERT_TRUE(system);
    EXPECT_EQ(test::noted(system->findings()),
              "ext4: metadata_csum and uninit_bg are both set; metadata_csum counts\n");
    EXPECT_EQ(test::read_all(*system, "/sub/deep/file"), "deep\n");
}

// A link whose target lies in its inode, changed by debugfs as other tools leave such links.
class Ext4ShortLink : public testing::Test {
  protected:
    void make(const std::string& options, const std::string& commands) {
        std::filesystem::create_directories(folder_ / "tree");
        test::write_file(folder_ / "tree/target", "found\n");
        std::filesystem::remove(folder_ / "tree/link");
        std::filesystem::create_symlink("target", folder_ / "tree/link");
        std::string image = test::make_ext(folder_, "image", options, "16M", folder_ / "tree");
        test::change_ext(folder_, image, commands);
        disk_ = std::make_unique<TestDisk>(image);
        system_ = test::mount(*disk_);
    }
    std::string follow() { return test::read_all(*system_, "/link"); }

    test::TemporaryFolder folder_;
    std::unique_ptr<TestDisk> disk_;
    std::unique_ptr<test::Files> system_;
};

TEST_F(Ext4ShortLink, with_any_flag_is_followed) {
    for (const char* options :
         {"-t ext4", "-t ext2", "-t ext4 -O ea_inode", "-t ext4 -O ^huge_file", "-t ext4 -O inline_data"}) {
        for (const char* flags : {"0", "0x80000", "0xc0000", "0x80010"}) {
            make(options, std::string("set_inode_field /link flags ") + flags + "\n");
            EXPECT_EQ(follow(), "found\n") << options << " " << flags;
        }
    }
}

TEST_F(Ext4ShortLink, with_a_block_of_attributes) {
    // The attributes' block (of a cluster) is the only one it owns.
    make("-t ext4", "set_inode_field /link file_acl 1000\nset_inode_field /link blocks 8\n");
    EXPECT_EQ(
        follow(),
        "cannot stat /link: ext4: block map leads outside the file system"); // a block of 1 KiB has 2 sectors
    make("-t ext4 -b 4096", "set_inode_field /link file_acl 1000\nset_inode_field /link blocks 8\n");
    EXPECT_EQ(follow(), "found\n");
    make("-t ext4 -O bigalloc -b 4096 -C 16384",
         "set_inode_field /link file_acl 1000\nset_inode_field /link blocks 32\n");
    EXPECT_EQ(follow(), "found\n");
    make("-t ext4 -b 4096", "set_inode_field /link file_acl 1000\nset_inode_field /link blocks "
                            "1\nset_inode_field /link flags 0x40000\n");
    EXPECT_EQ(follow(), "found\n"); // huge_file: blocks of the file system
    make("-t ext4 -b 4096 -O ^huge_file", "set_inode_field /link file_acl 1000\nset_inode_field /link blocks "
                                          "8\nset_inode_field /link flags 0x40000\n");
    EXPECT_EQ(follow(), "found\n"); // without the feature the flag means nothing
    make("-t ext4 -O ea_inode", "set_inode_field /link blocks 16\n"); // the values of its attributes count
    EXPECT_EQ(follow(), "found\n");
}

TEST_F(Ext4ShortLink, that_cannot_be_followed_is_one_error) {
    // 59 bytes and a zero are what fits.
    for (const char* options : {"-t ext4", "-t ext2", "-t ext4 -O ea_inode"}) {
        make(options, "set_inode_field /link size 59\n");
        EXPECT_EQ(system_->stat("/link").error().code, ErrorCode::NotFound) << options; // "target\0\0..."
        make(options, "set_inode_field /link size 60\n");
        EXPECT_EQ(system_->stat("/link").error().code, ErrorCode::Corrupt) << options;
        make(options, "set_inode_field /link size 4000\n");
        EXPECT_EQ(system_->stat("/link").error().code, ErrorCode::Corrupt) << options;
    }
    make("-t ext4 -O encrypt", "set_inode_field /link flags 0x800\n");
    EXPECT_STREQ(system_->stat("/link").error().what, "ext4: encrypted file or directory");
    make("-t ext4 -O ea_inode,encrypt", "set_inode_field /link flags 0x80800\n");
    EXPECT_STREQ(system_->stat("/link").error().what, "ext4: encrypted file or directory");
}

TEST(Ext4, unknown_incompatible_features_are_refused_by_bit) {
    test::TemporaryFolder folder;
    std::string image = test::make_ext(folder, "image", "-t ext4 -O ^metadata_csum", "16M", "");
    TestDisk disk(image);
    auto refused = [&](u32 feature) -> std::string {
        Le<u32> value(feature | 0x242);
        disk.put(1024 + 0x60, std::as_bytes(std::span(&value, 1)));
        auto mounted = fs::mount(std::move(*block::Volume::whole(disk)));
        EXPECT_FALSE(mounted);
        EXPECT_EQ(mounted.error().code, ErrorCode::NotSupported);
        return test::text_of(mounted.error());
    };
    EXPECT_EQ(refused(0x1), "ext4: unknown incompatible feature 0x1");
    EXPECT_EQ(refused(0x8), "ext4: unknown incompatible feature 0x8");
    EXPECT_EQ(refused(0x1000), "ext4: unknown incompatible feature 0x1000");
    EXPECT_EQ(refused(0x80000000), "ext4: unknown incompatible feature 0x80000000");
}

TEST(Ext4, times_go_on_after_2038) {
    test::TemporaryFolder folder;
    std::string image = test::make_ext(folder, "image", "-t ext4", "16M", sample_tree() + "/dir");
    test::change_ext(folder, image, "set_inode_field /sub mtime @1000\nset_inode_field /sub mtime_extra 2\n");
    TestDisk disk(image);
    auto system = test::mount(disk);
    ASSERT_TRUE(system);
    EXPECT_EQ(system->stat("/sub")->modified, 1000 + (u64{2} << 32));
}

TEST(Ext4, a_volume_without_a_file_system_is_unknown) {
    TestDisk nothing(u64{1} << 20);
    EXPECT_EQ(fs::mount(std::move(*block::Volume::whole(nothing))).error().code, ErrorCode::NotSupported);
    TestDisk tiny(u64{1024});
    EXPECT_EQ(fs::mount(std::move(*block::Volume::whole(tiny))).error().code, ErrorCode::NotSupported);
    TestDisk empty(u64{0});
    EXPECT_EQ(fs::mount(std::move(*block::Volume::whole(empty))).error().code, ErrorCode::NotSupported);
}

TEST(Ext4, encrypted_files_are_refused_with_a_reason) {
    test::TemporaryFolder folder;
    std::string image = test::make_ext(folder, "image", "-t ext4 -O encrypt", "16M", sample_tree() + "/dir");
    test::change_ext(folder, image, "set_inode_field /sub/deep/file flags 0x80800\n");
    TestDisk disk(image);
    auto system = test::mount(disk);
    ASSERT_TRUE(system);
    std::byte byte;
    auto count = system->read("/sub/deep/file", 0, {&byte, 1});
    ASSERT_FALSE(count);
    EXPECT_EQ(count.error().code, ErrorCode::NotSupported);
    EXPECT_STREQ(count.error().what, "ext4: encrypted file or directory");
}

} // namespace
} // namespace vireo::fs
