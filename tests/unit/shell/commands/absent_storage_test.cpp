// SPDX-License-Identifier: Apache-2.0
// What boot scripts say before they come to VirtIO.
#include "unit/shell/fixture.h"

namespace vireo::test {
namespace {

class AbsentStorage : public ShellTest {};

// Boot scripts ask for one kind of disk after the other.
TEST_F(AbsentStorage, is_one_line_and_a_status) {
    for (std::string name : {"usb", "mmc", "scsi", "nvme", "sata", "ide"}) {
        std::string line =
            "no " + name + " disks on this machine: Vireo drives VirtIO disks (see 'virtio info')\n";
        for (std::string words : {" start", " dev 0", " scan", "", " part list a b c d e f"}) {
            EXPECT_EQ(run(name + words), line);
            EXPECT_EQ(status, 1);
        }
        for (std::string words :
             {"load " + name + " 0 40000000 file", "ls " + name + " 0:1 /", "size " + name + " 0 file",
              "fstype " + name + " 0:1", "part list " + name + " 0", "part list " + name + " 0 -bootable x",
              "part uuid " + name + " 0:1 x", "load " + name + " -", "load " + name + " 0"}) {
            EXPECT_EQ(run(words), line) << words;
            EXPECT_EQ(status, 1);
        }
        EXPECT_EQ(run("if " + name + " start; then echo yes; else echo no; fi"), line + "no\n");
        EXPECT_EQ(run("help " + name).find(name + " - "), 0u);
        EXPECT_EQ(run("help").find("\n" + name + " "), std::string::npos);
    }
    // They are not there for abbreviations, and do not make others ambiguous.
    for (std::string_view line : {"us start", "mm dev 0", "sc scan", "nv scan", "id"})
        EXPECT_TRUE(run(line).starts_with("Unknown command")) << line;
    EXPECT_EQ(run("load floppy 0 40000000 file"), "** Bad device specification floppy 0 **\nCouldn't find "
                                                  "partition floppy 0\nCan't set block device\n");
}

} // namespace
} // namespace vireo::test
