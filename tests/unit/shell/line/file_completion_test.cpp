// SPDX-License-Identifier: Apache-2.0
// Tab in the path of a file.
#include "unit/shell/fixture.h"
#include "unit/support/image.h"

namespace vireo::test {
namespace {

class InterfaceCompletion : public ShellTest {
  protected:
    // The line after the keys, which end in Tab.
    std::string line_after(const std::string& keys) {
        std::string text = lines(type(keys + "\x01"
                                             "echo '\x05'\r"));
        usize answer = text.rfind("\n=> ");
        usize start = text.rfind('\n', answer - 1) + 1;
        return text.substr(start, answer - start);
    }
};

class FileCompletion : public InterfaceCompletion {
  protected:
    FileCompletion() {
        std::string root = folder / "root";
        std::filesystem::create_directories(root + "/boot/grub");
        std::filesystem::create_directories(root + "/many");
        std::filesystem::create_directories(root + "/half");
        std::filesystem::create_directories(root + "/a;b");
        for (const char* name :
             {"boot/vmlinuz-6.1", "boot/vmlinuz-6.12", "boot/my file; $x", "boot/.hidden",
              "boot/bad\x1b[2Jname", "boot/bad\xc2\x9b\x32Jname", "boot/bad\x9b\x32Jname", "boot/it's \"$x\"",
              "a;b/inside", "half/\xe4\xb8\x96", "half/\xe4\xb8\x97", "README"})
            write_file(root + "/" + name, "x");
        for (int i = 0; i < 150; ++i)
            write_file(root + "/many/entry-" + std::to_string(100 + i), "x");
        std::filesystem::create_directory_symlink("boot", root + "/to-boot");
        std::filesystem::create_symlink("README", root + "/to-file");
        std::filesystem::create_symlink("nowhere", root + "/to-nowhere");
        disks.push_back(std::make_unique<TestDisk>(make_ext(folder, "disk", "-t ext4 -b 4096", "4M", root)));
        VIREO_MUST(registry.block.add(*disks.back()));
    }
    // What the terminal shows after the keys, with a Ctrl-C some time later.
    std::string shown(const std::string& keys) {
        port.type_later(event::Duration::milli(500), "\x03\x04");
        return type(keys, "");
    }
    TemporaryFolder folder;
};

TEST_F(FileCompletion, offers_the_interfaces_of_the_disks_that_there_are) {
    EXPECT_EQ(line_after("ls v\t"), "ls virtio ");
    EXPECT_EQ(line_after("fstype \t"), "fstype virtio ");
    EXPECT_EQ(line_after("size s\t"), "size s");
}

TEST_F(InterfaceCompletion, offers_those_that_drivers_make_disks_of) {
    EXPECT_EQ(line_after("ls v\t"), "ls v");
    stack.manager.start(); // on a machine without a bus
    EXPECT_EQ(line_after("ls v\t"), "ls virtio ");
}

TEST_F(FileCompletion, completes_names_as_far_as_they_are_the_same) {
    EXPECT_EQ(line_after("ls virtio 0 /bo\t"), "ls virtio 0 /boot/");
    EXPECT_EQ(line_after("ls virtio 0 /boot/vm\t"), "ls virtio 0 /boot/vmlinuz-6.1");
    EXPECT_EQ(line_after("load virtio 0 $loadaddr boot/vmlinuz-6.12\t"),
              "load virtio 0 $loadaddr boot/vmlinuz-6.12 ");
    EXPECT_EQ(line_after("size virtio 0:0 REA\t"), "size virtio 0:0 README ");
    EXPECT_EQ(line_after("true; ext4ls virtio 0 /boot/gr\t"), "true; ext4ls virtio 0 /boot/grub/");
    run("setenv disk 0; setenv where /bo");
    EXPECT_EQ(line_after("ls virtio $disk /boot/gr\t"), "ls virtio $disk /boot/grub/");
    EXPECT_EQ(line_after("ls virtio $disk ${where}ot/gr\t"), "ls virtio $disk ${where}ot/grub/");
}

TEST_F(FileCompletion, a_link_is_what_it_leads_to) {
    EXPECT_EQ(line_after("ls virtio 0 /to-b\t"), "ls virtio 0 /to-boot/");
    EXPECT_EQ(line_after("ls virtio 0 /to-boot/gr\t"), "ls virtio 0 /to-boot/grub/");
    EXPECT_EQ(line_after("size virtio 0 /to-f\t"), "size virtio 0 /to-file ");
    EXPECT_EQ(line_after("size virtio 0 /to-n\t"), "size virtio 0 /to-nowhere ");
}

TEST_F(FileCompletion, what_the_shell_reads_is_the_name) {
    EXPECT_NE(type("size virtio 0 /boot/my\t\r").find("size virtio 0 /boot/my\\ file\\;\\ \\$x \r\n=> "),
              std::string::npos);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(line_after("size virtio 0 /boot/my\\ f\t"), "size virtio 0 /boot/my\\ file\\;\\ \\$x ");
    EXPECT_EQ(line_after("size virtio 0 \"/boot\"/gr\t"), "size virtio 0 \"/boot\"/grub/");
}

TEST_F(FileCompletion, inside_quotes_a_name_is_what_the_quotes_make_of_it) {
    EXPECT_EQ(line_after("ls virtio 0 \"/bo\t"), "ls virtio 0 \"/boot/");
    for (const char* keys :
         {"size virtio 0 \"/boot/my\t\r", "size virtio 0 '/boot/my\t\r", "size virtio 0 \"/boot/it\t\r",
          "size virtio 0 '/boot/it\t\r", "size virtio 0 /boot/it\t\r", "size virtio 0 /'boot/'\"my f\t\r"}) {
        run("setenv filesize 0");
        type(keys);
        EXPECT_EQ(status, 0) << keys;
        EXPECT_EQ(run("echo $filesize"), "1\n") << keys;
    }
    EXPECT_NE(type("size virtio 0 '/boot/it\t\r").find("'/boot/it'\\''s \"$x\"' \r\n=> "), std::string::npos);
    EXPECT_NE(type("size virtio 0 \"/boot/my\t\r").find("\"/boot/my file; \\$x\" \r\n=> "),
              std::string::npos);
}

TEST_F(FileCompletion, a_separator_in_a_name_ends_no_command) {
    EXPECT_EQ(line_after("ls virtio 0 /a\t"), "ls virtio 0 /a\\;b/");
    EXPECT_EQ(line_after("size virtio 0 /a\\;b/\t"), "size virtio 0 /a\\;b/inside ");
    EXPECT_EQ(line_after("size virtio 0 \"/a;b/\t"), "size virtio 0 \"/a;b/inside\" ");
    EXPECT_EQ(line_after("echo \"a;b\"; ech\t"), "echo \"a;b\"; echo ");
}

TEST_F(FileCompletion, behind_the_words_that_begin_a_statement) {
    EXPECT_EQ(line_after("if size virtio 0 /REA\t"), "if size virtio 0 /README ");
    EXPECT_EQ(line_after("true && time size virtio 0 /REA\t"), "true && time size virtio 0 /README ");
    EXPECT_EQ(line_after("while ec\t"), "while echo ");
    EXPECT_EQ(line_after("help ec\t"), "help echo ");
    EXPECT_EQ(line_after("echo if siz\t"), "echo if siz");
}

// What the backslash stands before is not there yet: an R that was rubbed out.
TEST_F(FileCompletion, behind_a_lone_backslash_nothing_is_offered) {
    EXPECT_EQ(line_after("ls virtio 0 \\R\x08\t"), "ls virtio 0 \\");
}

TEST_F(FileCompletion, the_cursor_stays_where_it_was_when_names_are_listed) {
    std::string text = type("ls virtio 0 /boot/X\x02\t!\r");
    EXPECT_NE(text.find("  grub/\r\n"), std::string::npos) << text;
    EXPECT_NE(text.find("Failed to list '/boot/!X'"), std::string::npos) << text;
}

TEST_F(FileCompletion, lists_what_is_possible) {
    std::string text = shown("ls virtio 0 /boot/\t");
    for (const char* name :
         {"  grub/\r\n", "  vmlinuz-6.1\r\n", "  vmlinuz-6.12\r\n", "  my file; $x\r\n", "  it's \"$x\"\r\n"})
        EXPECT_NE(text.find(name), std::string::npos) << text;
    EXPECT_EQ(std::ranges::count(text, '\n'), 8) << text;
    EXPECT_TRUE(text.ends_with("\r\n=> ls virtio 0 /boot/<INTERRUPT>\r\n=> \r\n")) << text;
    EXPECT_NE(shown("ls virtio 0 /boot/.\t").find("/boot/.hidden "), std::string::npos);
    text = shown("ls virtio 0 /many/entry-\t");
    EXPECT_NE(text.find("\r\n  and 50 more\r\n=> ls virtio 0 /many/entry-"), std::string::npos) << text;
}

TEST_F(FileCompletion, half_a_character_is_not_inserted) {
    EXPECT_EQ(shown("ls virtio 0 /half/\t"), "=> ls virtio 0 /half/\r\n  \xe4\xb8\x96\r\n  "
                                             "\xe4\xb8\x97\r\n=> ls virtio 0 /half/<INTERRUPT>\r\n=> \r\n");
}

TEST_F(FileCompletion, nothing_is_said_where_there_is_nothing) {
    for (std::string line :
         {"ls virtio 1 /b", "ls nothing 0 /b", "ls virtio 0 /nowhere/b", "ls virtio 0 /README/b",
          "ls virtio 0 /zz", "ls virtio 0:7 /b", "ls virtio 0 /boot/bad", "ls virtio 0 ${ /b",
          "ls virtio 0 '/b\\", "ls virtio 0 / x"})
        EXPECT_EQ(shown(line + "\t"), "=> " + line + "\a<INTERRUPT>\r\n=> \r\n");
}

} // namespace
} // namespace vireo::test
