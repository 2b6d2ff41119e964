// SPDX-License-Identifier: Apache-2.0
// qfw, and the boot of a kernel that the host gives, on a fw_cfg device in memory and on ports, with and
// without DMA.
#include "hosted/fakes/fw_cfg.h"
#include "machine/firmware/fw_cfg_files.h"
#include "unit/shell/fixture.h"
#include "unit/support/arm64_image.h"
#include "unit/support/tree_writer.h"
#include "unit/support/wrapped.h"
#include "unit/support/zimage.h"

#include <random>

namespace vireo::test {
namespace {

constexpr u64 tree_address = 0x40f00000;

std::string noise(usize bytes) {
    std::mt19937 random(static_cast<u32>(bytes));
    std::string text(bytes, 0);
    for (char& c : text)
        c = static_cast<char>(random());
    return text;
}

std::string text_of(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A kernel of 1 MiB in a file of 64 KiB and a bit, and an initrd of 0x4321 bytes. RAM begins at 0x40000000,
// and a kernel goes to 0x40200000, since somebody has what is below.
class Qfw : public ShellTest {
  protected:
    explicit Qfw(bool on_ports = false, bool dma = true) : fake(on_ports, dma) {
        VIREO_MUST(memory.reserve(0x40000000, 0x100000, "device tree"));
        TreeWriter tree;
        tree.node("", [&] { tree.node("chosen", [&] { tree.text("bootargs", "from=tree"); }); });
        auto blob = tree.finish();
        std::memcpy(machine.memory(tree_address), blob.data(), blob.size());
        machine.tree = tree_address;
        kernel = text_of(Arm64Image{.image_bytes = 1 << 20, .file_bytes = 0x10000}.bytes(0x10000)) + "tail";
        std::ranges::copy(noise(0x8000), kernel.begin() + 0x1000);
        initrd = noise(0x4321);
    }
    void set_part(u16 size_item, u16 data_item, const std::string& bytes, std::optional<u32> claimed = {}) {
        Le<u32> size(claimed.value_or(static_cast<u32>(bytes.size())));
        fake.items[size_item] = std::string(reinterpret_cast<const char*>(&size), 4);
        fake.items[data_item] = bytes;
    }
    void give_kernel(std::optional<u32> claimed = {}) { set_part(0x08, 0x11, kernel, claimed); }
    void give_initrd(std::optional<u32> claimed = {}) { set_part(0x0b, 0x12, initrd, claimed); }
    void give_command_line(const std::string& text) { set_part(0x14, 0x15, text + '\0'); }
    void give_all() {
        give_kernel();
        give_initrd();
        give_command_line("console=ttyAMA0 a  b='c d'");
    }
    void plug_in() {
        files.emplace(*fake.open());
        context->host_files = &*files;
    }
    std::string qfw(std::string_view words) {
        plug_in();
        return run("qfw " + std::string(words));
    }
    std::string value(std::string_view name) {
        return std::string(context->environment.get(name).value_or("(none)"));
    }
    std::string memory_at(u64 address, usize bytes) {
        return {reinterpret_cast<const char*>(machine.memory(address)), bytes};
    }
    // One line, and memory is as it was.
    void refused(std::string_view words, const std::string& why) {
        std::vector<std::byte> before = machine.ram;
        EXPECT_EQ(qfw(words), why) << words;
        EXPECT_EQ(status, 1);
        EXPECT_FALSE(machine.entered);
        EXPECT_TRUE(before == machine.ram) << words;
    }
    // Everything up to the prompt.
    std::string start(const std::string& keys = "") {
        plug_in();
        port.take_output();
        port.type(keys);
        port.type_later(event::Duration::seconds(5), "\x04");
        shell::interact(*context);
        context->exiting = false;
        return lines(port.take_output());
    }

    fake::FwCfg fake;
    std::optional<machine::FwCfgFiles> files;
    std::string kernel, initrd;
};

class EachQfw : public Qfw, public testing::WithParamInterface<std::tuple<bool, bool>> {
  protected:
    EachQfw() : Qfw(std::get<0>(GetParam()), std::get<1>(GetParam())) {}
};
INSTANTIATE_TEST_SUITE_P(FwCfg, EachQfw, testing::Combine(testing::Bool(), testing::Bool()), [](auto& info) {
    return std::string(std::get<0>(info.param) ? "ports" : "memory") +
           (std::get<1>(info.param) ? "_dma" : "_bytes");
});

constexpr std::string_view loading =
    "loading kernel to address 40200000 size 10004 initrd 40efb000 size 4321\n";
constexpr std::string_view plan = "   kernel       0x40200000..0x402fffff, an arm64 Linux Image\n"
                                  "   initrd       0x40efb000..0x40eff320\n"
                                  "   device tree  0x40e00000..0x40e";

TEST_P(EachQfw, loads_to_where_it_runs) {
    give_all();
    EXPECT_EQ(qfw("load"), loading);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(memory_at(0x40200000, kernel.size()), kernel);
    EXPECT_EQ(memory_at(0x40efb000, initrd.size()), initrd);
    EXPECT_EQ(value("bootargs"), "console=ttyAMA0 a  b='c d'");
    EXPECT_EQ(value("filesize"), "4321");
    EXPECT_EQ(value("kernel_addr"), "40200000");
    EXPECT_EQ(value("initrd_addr"), "40efb000");
    std::string said = run("booti $kernel_addr $initrd_addr");
    EXPECT_TRUE(said.starts_with(plan)) << said;
    ASSERT_TRUE(machine.entered);
    EXPECT_EQ(machine.entered->entry, 0x40200000u);
}

TEST_P(EachQfw, files_larger_than_a_piece) {
    kernel.resize(0x10000 + 0x8000 + 3, 'k');
    initrd = noise(3 * 0x4000 + 1);
    give_all();
    std::string said = qfw("load 40300000 40400000");
    EXPECT_EQ(said, "loading kernel to address 40300000 size 18003 initrd 40400000 size c001\n");
    EXPECT_EQ(memory_at(0x40300000, kernel.size() + 1), kernel + '\0');
    EXPECT_EQ(memory_at(0x40400000, initrd.size() + 1), initrd + '\0');
}

TEST_P(EachQfw, the_start_boots_it_at_once) {
    give_all();
    u64 before = hosted::clock_now();
    std::string said = start();
    EXPECT_TRUE(said.starts_with(std::string(loading) + std::string(plan))) << said;
    EXPECT_TRUE(said.ends_with("   command line console=ttyAMA0 a  b='c d'\n\nStarting kernel ...\n\n"
                               "Cannot boot: a scripted machine comes back\n=> \n"))
        << said;
    EXPECT_LT(hosted::clock_now() - before, 6 * hosted::second);
    ASSERT_TRUE(machine.entered);
}

TEST_F(Qfw, lists_files) {
    fake.add_file("bootorder", "");
    fake.add_file("opt/vireo/env", std::string(0x123, '\n'));
    fake.add_entry(1, 0x1234, "bad\x1bname");
    fake.add_entry(~u32{0}, 2, std::string(56, 'n'));
    EXPECT_EQ(qfw("list"), "            Addr     Size Sel Name\n"
                           "               0        0  20 bootorder\n"
                           "               0      123  21 opt/vireo/env\n"
                           "               0        1 1234 bad?name\n"
                           "               0 ffffffff   2 \n");
    EXPECT_EQ(status, 0);
    fake.set_directory(4097, "");
    EXPECT_EQ(qfw("list"), "            Addr     Size Sel Name\nqfw: corrupt (fw_cfg directory)\n");
    EXPECT_EQ(status, 1);
}

TEST_F(Qfw, counts_processors) {
    fake.items[0x05] = std::string("\x04\x00", 2);
    EXPECT_EQ(qfw("cpus"), "4 cpu(s) online\n");
    EXPECT_EQ(status, 0);
}

TEST_F(Qfw, words_that_are_none) {
    for (std::string_view words : {"", "none", "list x", "cpus x", "boot x", "load 1 2 3"}) {
        EXPECT_TRUE(qfw(words).contains("Usage:")) << words;
        EXPECT_EQ(status, 1);
    }
    give_all();
    refused("load x", "'x': not a number (hexadecimal)\n");
    refused("load 40200000 x", "'x': not a number (hexadecimal)\n");
}

TEST_F(Qfw, no_device_and_no_kernel) {
    EXPECT_EQ(run("qfw list"), "The host gives nothing: this machine has no fw_cfg device\n");
    EXPECT_EQ(status, 1);
    for (std::string_view words : {"load", "load 40200000 40300000", "boot"})
        refused(words, "No kernel from the host (QEMU: -kernel)\n");
    give_initrd();
    refused("boot", "No kernel from the host (QEMU: -kernel)\n");
}

TEST_F(Qfw, without_an_initrd_or_a_command_line) {
    give_kernel();
    run("setenv bootargs from=user");
    EXPECT_EQ(qfw("load"), "loading kernel to address 40200000 size 10004\n");
    EXPECT_EQ(value("filesize"), "10004");
    EXPECT_EQ(value("initrd_addr"), "-");
    EXPECT_EQ(value("bootargs"), "from=user");
    run("booti $kernel_addr $initrd_addr");
    EXPECT_TRUE(machine.entered);
    run("setenv bootargs");
    EXPECT_TRUE(qfw("boot").contains("   command line (the device tree's)\n"));
    give_command_line(""); // so QEMU says it without -append as well
    EXPECT_TRUE(qfw("boot").contains("   command line (the device tree's)\n"));
}

TEST_F(Qfw, command_lines_of_any_bytes) {
    give_kernel();
    std::string odd = "a=\x01\x1b[2J\xc3\xa4\xff \"'$x;\\\n\t" + std::string(4096, 'x');
    give_command_line(odd);
    EXPECT_TRUE(qfw("boot").contains("   command line a=??[2J"));
    EXPECT_EQ(value("bootargs"), odd);
    set_part(0x14, 0x15, std::string("one\0two", 7)); // it ends with its first zero
    qfw("load");
    EXPECT_EQ(value("bootargs"), "one");
    set_part(0x14, 0x15, "no end");
    qfw("load");
    EXPECT_EQ(value("bootargs"), "no end");
    set_part(0x14, 0x15, std::string(128 << 10, 'y'));
    EXPECT_TRUE(qfw("load").starts_with("loading"));
    EXPECT_EQ(value("bootargs"), std::string(128 << 10, 'y'));
    set_part(0x14, 0x15, std::string((128 << 10) + 1, 'y'));
    machine.entered.reset();
    refused("load", "Cannot boot: too large (the host's command line)\n");
}

TEST_F(Qfw, addresses_that_a_user_chooses) {
    give_all();
    ASSERT_TRUE(context->environment.set("ramdisk_addr_r", "40700000"));
    EXPECT_EQ(qfw("load 40300100"),
              "loading kernel to address 40300100 size 10004 initrd 40700000 size 4321\n");
    EXPECT_EQ(memory_at(0x40300100, kernel.size()), kernel);
    // Whatever it is.
    kernel = "no kernel at all";
    give_kernel();
    EXPECT_EQ(qfw("load 40400000 40500000"),
              "loading kernel to address 40400000 size 10 initrd 40500000 size 4321\n");
    refused("load 40f00000 40500000", "Cannot boot: the kernel at 0x40f00000..0x40f0000f is not free: "
                                      "0x40f00000..0x40ffffff belongs to Vireo image\n");
    refused("load 40efffff 40500000", "Cannot boot: the kernel at 0x40efffff..0x40f0000e is not free: "
                                      "0x40f00000..0x40ffffff belongs to Vireo image\n");
    refused("load 9000000 40500000", "Cannot boot: the kernel at 0x09000000..0x0900000f is not in RAM\n");
    refused("load 40400000 40efbce0", "Cannot boot: the initrd at 0x40efbce0..0x40f00000 is not free: "
                                      "0x40f00000..0x40ffffff belongs to Vireo image\n");
    EXPECT_TRUE(qfw("load 40400000 40efbcdf").starts_with("loading"));
    refused("load 40400000 4040000f", "Cannot boot: the initrd at 0x4040000f..0x4040432f is not free: "
                                      "0x40400000..0x4040000f belongs to the kernel\n");
    EXPECT_TRUE(qfw("load 40400000 40400010").starts_with("loading"));
    ASSERT_TRUE(context->environment.set("ramdisk_addr_r", ""));
    refused("load 40400000", "'': not a number (hexadecimal)\n");
}

TEST_F(Qfw, what_is_no_kernel_for_this_machine_is_named) {
    kernel = "not a kernel";
    give_all();
    refused("boot", "Cannot boot: what was given as a kernel is no kernel of a known kind\n");
    refused("load", "Cannot boot: what was given as a kernel is no kernel of a known kind\n");
    kernel = "070701";
    give_kernel();
    refused(
        "boot",
        "Cannot boot: what was given as a kernel is a cpio archive (an initrd), not an arm64 Linux Image\n");
    kernel = text_of(ZImage().bytes());
    give_kernel();
    refused("boot",
            "Cannot boot: what was given as a kernel is a 32-bit Arm Linux zImage, for another machine\n");
    kernel = text_of(Arm64Image{}.bytes(1024)).substr(0, 63);
    give_kernel();
    refused("boot", "Cannot boot: the kernel: corrupt (the header is cut off)\n");
    kernel = text_of(Arm64Image{.image_bytes = 1 << 20, .file_bytes = 0x10000}.bytes(0xffff));
    give_kernel();
    refused("boot", "Cannot boot: the kernel is cut off: 65535 of its 65536 bytes are there\n");
    kernel = text_of(Arm64Image{.image_bytes = 64 << 20}.bytes());
    give_kernel();
    refused("boot", "Cannot boot: no free RAM that fits the kernel: it takes 0x4000000 bytes\n");
}

// Both files go to the end of RAM, and what comes out of one to where it runs.
TEST_F(Qfw, a_compressed_kernel_is_unpacked) {
    std::string plain = kernel;
    Bytes bytes = std::as_bytes(std::span(plain));
    kernel = text_of(in_gzip({bytes.begin(), bytes.end()}));
    give_all();
    std::string said = qfw("boot");
    EXPECT_TRUE(said.starts_with("loading kernel to address 40eef000 size 10020 initrd 40eea000 size 4321\n"
                                 "   kernel       0x40200000..0x402fffff, an arm64 Linux Image out of a gzip "
                                 "file\n"
                                 "   initrd       0x40eea000..0x40eee320\n"))
        << said;
    ASSERT_TRUE(machine.entered);
    EXPECT_EQ(machine.entered->entry, 0x40200000u);
    EXPECT_EQ(memory_at(0x40200000, plain.size()), plain);
    kernel[0x2000] ^= 1; // loaded, and no more: what it says of itself is not so
    give_kernel();
    machine.entered.reset();
    EXPECT_TRUE(
        qfw("boot").contains("Cannot boot: what lies at 0x40eef000 is a gzip file that cannot be used: "
                             "corrupt ("));
    EXPECT_FALSE(machine.entered);
}

TEST_F(Qfw, a_compressed_kernel_of_all_ram_and_a_byte_more) {
    kernel = "\x1f\x8b\x08";
    give_kernel(0xe00001);
    refused("boot", "Cannot boot: no free RAM that fits the kernel: it takes 0xe00001 bytes\n");
    kernel.resize(0xe00000);
    give_kernel();
    EXPECT_EQ(qfw("boot"), "loading kernel to address 40100000 size e00000\n"
                           "Cannot boot: what lies at 0x40100000 is a gzip file that cannot be used: "
                           "out of memory (no free RAM to unpack it to)\n");
    kernel.resize(0x1000);
    give_kernel();
    give_initrd(0xdff001);
    refused("boot", "Cannot boot: no free RAM that fits the initrd: it takes 0xdff001 bytes\n");
    initrd.resize(0xdff000);
    give_initrd();
    EXPECT_TRUE(qfw("load").starts_with("loading kernel to address 40eff000 size 1000 initrd 40100000"));
}

TEST_F(Qfw, an_initrd_of_all_that_is_left_and_a_byte_more) {
    give_kernel();
    constexpr u32 left = 0x40f00000 - 0x40404000; // a multiple of 2 MiB and 16 KiB are the tree's
    initrd.assign(left, 'i');
    give_initrd();
    EXPECT_TRUE(qfw("boot").contains("   initrd       0x40404000..0x40efffff\n"));
    ASSERT_TRUE(machine.entered);
    machine.entered.reset();
    give_initrd(left + 1);
    refused("boot", "Cannot boot: no free RAM that fits the device tree: it takes 0x4000 bytes\n");
    give_initrd(0xc00001);
    refused("boot", "Cannot boot: no free RAM that fits the initrd: it takes 0xc00001 bytes\n");
    give_initrd(0x80000000);
    refused("boot", "Cannot boot: no free RAM that fits the initrd: it takes 0x80000000 bytes\n");
    give_initrd(0x80000001);
    refused("boot", "Cannot boot: corrupt (fw_cfg size of a kernel, initrd or command line)\n");
    give_initrd(0);
    EXPECT_FALSE(qfw("boot").contains("initrd"));
}

TEST_F(Qfw, a_host_that_fails_costs_one_line) {
    give_all();
    plug_in();
    fake.dma_fails = true;
    EXPECT_EQ(run("qfw boot"), "Cannot boot: I/O error (fw_cfg transfer)\n");
    EXPECT_EQ(run("qfw list"), "            Addr     Size Sel Name\nqfw: I/O error (fw_cfg transfer)\n");
    EXPECT_EQ(run("qfw cpus"), "qfw: I/O error (fw_cfg transfer)\n");
    EXPECT_TRUE(lines(type("")).ends_with("(fw_cfg transfer)\n=> \n")); // no kernel is known of
    fake.dma_fails = false;
    fake.dma_never_ends = true;
    EXPECT_EQ(run("qfw boot"), "Cannot boot: timed out (fw_cfg transfer)\n");
    EXPECT_FALSE(machine.entered);
}

TEST_F(Qfw, a_machine_that_cannot_loads_nothing_by_itself) {
    give_all();
    machine.enterable = error(ErrorCode::NotSupported, "not from here");
    refused("boot", "Cannot boot: not from here\n");
    EXPECT_TRUE(qfw("load 40200000 40400000").starts_with("loading"));
}

TEST_F(Qfw, a_setup_that_comes_apart_is_put_before_the_rest) {
    kernel += noise(0x300);
    std::string whole = kernel;
    for (usize setup : {usize{1}, usize{0x100}, usize{1024}, usize{0x2000}}) {
        set_part(0x17, 0x18, whole.substr(0, setup));
        kernel = whole.substr(setup);
        give_kernel();
        EXPECT_EQ(qfw("load"), "loading kernel to address 40200000 size 10304\n");
        EXPECT_EQ(memory_at(0x40200000, whole.size()), whole) << setup;
    }
}

TEST_F(Qfw, a_boot_command_of_the_user_s_or_the_host_s_comes_first) {
    give_all();
    fake.add_file("opt/vireo/env", "bootcmd=echo mine\nbootdelay=0\n");
    EXPECT_EQ(start(), "opt/vireo/env: 2 variables set\nHit any key to stop autoboot:  0 \nmine\n=> \n");
    EXPECT_FALSE(machine.entered);
    run("setenv bootcmd 'qfw boot'");
    fake.clear();
    EXPECT_TRUE(start().contains(loading));
    EXPECT_TRUE(machine.entered);
}

TEST_F(Qfw, a_script_of_the_host_s_runs_before) {
    give_all();
    fake.add_file("opt/vireo/script", "setenv bootdelay -1");
    EXPECT_EQ(start(), "## Executing script opt/vireo/script\n=> \n");
    EXPECT_FALSE(machine.entered);
    fake.clear();
    fake.add_file("opt/vireo/script", "setenv bootdelay 2; false");
    EXPECT_TRUE(start().contains("failed with status 1\nloading kernel"));
    EXPECT_TRUE(machine.entered);
}

TEST_F(Qfw, a_key_that_was_typed_before_stops_it_and_is_swallowed) {
    give_all();
    for (std::string key : {"x", " ", "\r", "\x03", "\x1b[A", "\xc3\xa4"}) {
        EXPECT_EQ(start(key), "Stopped by a key: 'qfw boot' boots the host's kernel\n=> \n");
        EXPECT_FALSE(machine.entered);
    }
    run("setenv bootdelay -2"); // nobody looks
    EXPECT_TRUE(start("\r").contains("Starting kernel"));
    EXPECT_TRUE(machine.entered);
}

TEST_F(Qfw, a_boot_that_fails_leads_to_the_prompt_with_one_line) {
    kernel = "not a kernel";
    give_kernel();
    EXPECT_EQ(start(), "Cannot boot: what was given as a kernel is no kernel of a known kind\n=> \n");
    machine.tree.reset();
    kernel = text_of(Arm64Image{.image_bytes = 1 << 20}.bytes());
    give_kernel();
    EXPECT_EQ(start(), "loading kernel to address 40200000 size 400\n"
                       "No device tree: this machine has none; load one, then 'fdt addr ADDRESS'\n=> \n");
}

// What lies in RAM when the machine starts, as QEMU does it on RISC-V: a kernel that takes 1
// MiB, and an initrd.
class QfwInRam : public Qfw {
  protected:
    void put(u64 address, const std::string& bytes) {
        std::memcpy(machine.memory(address), bytes.data(), bytes.size());
    }
    void give(std::optional<Range> its_initrd = Range{0x40600000, 0x4321}, u64 at = 0x40200000) {
        put(at, kernel);
        if (its_initrd)
            put(its_initrd->base, initrd.substr(0, its_initrd->bytes));
        machine.given = system::Machine::GivenKernel{{at, 1 << 20}, its_initrd, "console=ttyS0 'a b'"};
        context = std::make_unique<shell::Context>(services(), true); // as when the machine starts
    }
    // With and without fw_cfg, which has none.
    void refused_in_ram(std::string_view words, const std::string& why) {
        refused(words, why);
        context->host_files = nullptr;
        std::vector<std::byte> before = machine.ram;
        EXPECT_EQ(run("qfw " + std::string(words)), why);
        EXPECT_TRUE(before == machine.ram);
    }
    static constexpr std::string_view there =
        "loading kernel to address 40200000 size 100000 initrd 40600000 size 4321\n";
};

TEST_F(QfwInRam, it_is_booted_where_it_lies) {
    give();
    std::string said = qfw("boot");
    EXPECT_TRUE(said.starts_with(std::string(there) +
                                 "   kernel       0x40200000..0x402fffff, an arm64 Linux "
                                 "Image\n   initrd       0x40600000..0x40604320\n"))
        << said;
    EXPECT_TRUE(said.contains("   command line console=ttyS0 'a b'\n"));
    EXPECT_FALSE(said.contains("moved"));
    ASSERT_TRUE(machine.entered);
    EXPECT_EQ(machine.entered->entry, 0x40200000u);
    EXPECT_EQ(memory_at(0x40200000, kernel.size()), kernel);
    EXPECT_EQ(memory_at(0x40600000, initrd.size()), initrd);
    context->host_files = nullptr; // an older QEMU
    EXPECT_TRUE(run("qfw boot").starts_with(there));
    EXPECT_EQ(run("qfw list"), "The host gives nothing: this machine has no fw_cfg device\n");
}

TEST_F(QfwInRam, the_start_boots_it_at_once) {
    give();
    std::string said = start();
    EXPECT_TRUE(said.starts_with(there)) << said;
    ASSERT_TRUE(machine.entered);
    EXPECT_EQ(start("x"), "Stopped by a key: 'qfw boot' boots the host's kernel\n=> \n");
}

TEST_F(QfwInRam, alone_it_has_neither_initrd_nor_command_line) {
    give(std::nullopt);
    machine.given->command_line = {};
    EXPECT_EQ(qfw("load"), "loading kernel to address 40200000 size 100000\n");
    EXPECT_EQ(value("initrd_addr"), "-");
    EXPECT_EQ(value("kernel_addr"), "40200000");
    EXPECT_TRUE(run("qfw boot").contains("   command line (the device tree's)\n"));
}

TEST_F(QfwInRam, what_fw_cfg_has_comes_first) {
    give();
    give_all();
    EXPECT_EQ(qfw("load"), loading);
}

TEST_F(QfwInRam, it_is_copied_to_where_a_user_wants_it) {
    give();
    EXPECT_EQ(qfw("load 40800000 40a00000"),
              "loading kernel to address 40800000 size 100000 initrd 40a00000 size 4321\n");
    EXPECT_EQ(memory_at(0x40800000, kernel.size()), kernel);
    EXPECT_EQ(memory_at(0x40a00000, initrd.size()), initrd);
    // Onto a part of itself; then it is not where it was any more.
    EXPECT_TRUE(qfw("load 40280000 40600100").starts_with("loading"));
    EXPECT_EQ(memory_at(0x40280000, kernel.size()), kernel);
    EXPECT_EQ(memory_at(0x40600100, initrd.size()), initrd);
    refused("load", "Cannot boot: something was loaded over the host's kernel or initrd ('reset' brings them "
                    "back)\n");
}

TEST_F(QfwInRam, neither_is_copied_over_the_other) {
    give();
    std::string over_kernel = " belongs to the kernel\n";
    refused("load 40800000 408fffff", "Cannot boot: the initrd at 0x408fffff..0x4090431f is not free: "
                                      "0x40800000..0x408fffff" +
                                          over_kernel);
    refused("load 40800000 402fffff", "Cannot boot: the initrd at 0x402fffff..0x4030431f is not free: "
                                      "0x40200000..0x402fffff" +
                                          over_kernel);
    refused("load 40500001 40a00000", "Cannot boot: the initrd at 0x40600000..0x40604320 is not free: "
                                      "0x40500001..0x40600000" +
                                          over_kernel);
    refused("load 40e00001 40a00000", "Cannot boot: the kernel at 0x40e00001..0x40f00000 is not free: "
                                      "0x40f00000..0x40ffffff belongs to Vireo image\n");
    refused("load 40800000 40efbce0", "Cannot boot: the initrd at 0x40efbce0..0x40f00000 is not free: "
                                      "0x40f00000..0x40ffffff belongs to Vireo image\n");
    EXPECT_TRUE(qfw("load 40500000 40300000").starts_with("loading")); // each ends where another begins
    EXPECT_EQ(memory_at(0x40500000, kernel.size()), kernel);
    EXPECT_EQ(memory_at(0x40300000, initrd.size()), initrd);
}

TEST_F(QfwInRam, what_lies_anywhere_is_refused_in_one_line) {
    give();
    auto& given = *machine.given;
    given.kernel = {0x9000000, 0};
    refused_in_ram("boot", "Cannot boot: the kernel at 0x09000000..0x09000000 is not in RAM\n");
    given.kernel = {0x40000000, 0};
    refused_in_ram("boot", "Cannot boot: the kernel at 0x40000000..0x40000000 is not free: "
                           "0x40000000..0x400fffff belongs to device tree\n");
    given.kernel = {~u64{0}, 0};
    refused_in_ram("boot",
                   "Cannot boot: the kernel at 0xffffffffffffffff..0xffffffffffffffff is not in RAM\n");
    given.kernel = {0x40300000, 0}; // beyond the kernel: zeroes
    refused_in_ram("boot", "Cannot boot: what lies at 0x40300000 is no kernel of a known kind\n");
    put(0x40300000, "\x1f\x8b\x08");
    refused_in_ram("boot", "Cannot boot: what lies at 0x40300000 is a gzip file, not an arm64 Linux Image\n");
    put(0x40300000, text_of(Arm64Image{.image_bytes = 0xc00001}.bytes()));
    refused_in_ram("boot", "Cannot boot: the kernel at 0x40300000..0x40f00000 is not free: "
                           "0x40f00000..0x40ffffff belongs to Vireo image\n");
    put(0x40300000, text_of(Arm64Image{.image_bytes = ~u64{0}}.bytes()));
    EXPECT_TRUE(qfw("boot").ends_with(" is not in RAM\n"));
    machine.given = error(ErrorCode::Corrupt, "what QEMU's reset ROM says about a kernel");
    refused_in_ram("boot", "Cannot boot: corrupt (what QEMU's reset ROM says about a kernel)\n");
    EXPECT_EQ(start(), "Cannot boot: corrupt (what QEMU's reset ROM says about a kernel)\n=> \n");
}

TEST_F(QfwInRam, an_initrd_that_lies_anywhere_is_refused_in_one_line) {
    give(Range{0x402fffff, 0x4321});
    put(0x40200000, kernel);
    refused_in_ram("boot", "Cannot boot: the initrd at 0x402fffff..0x4030431f is not free: "
                           "0x40200000..0x402fffff belongs to the kernel\n");
    give(Range{0x40300000, 0x4321});
    EXPECT_TRUE(qfw("boot").contains("Starting kernel"));
    machine.entered.reset();
    give();
    machine.given->initrd = Range{0x41000000, 1};
    context->loaded.remember({0x41000000, 1}, false);
    refused_in_ram("boot", "Cannot boot: the initrd at 0x41000000..0x41000000 is not in RAM\n");
    machine.given->initrd = Range{0x40600000, 0};
    refused_in_ram("boot", "Cannot boot: the initrd at 0x40600000 has no bytes\n");
}

TEST_F(QfwInRam, a_machine_that_cannot_enter_says_so) {
    give();
    machine.enterable = error(ErrorCode::NotSupported, "not from here");
    refused_in_ram("boot", "Cannot boot: not from here\n");
    EXPECT_TRUE(qfw("load 40800000 40a00000").starts_with("loading"));
}

TEST_F(QfwInRam, what_was_loaded_over_it_is_not_booted) {
    for (Range file : {Range{0x402fffff, 1}, Range{0x40604320, 1}}) {
        give();
        context->loaded.remember({0x40300000, 0x300000}, false); // between them
        EXPECT_TRUE(qfw("load").starts_with("loading"));
        context->loaded.remember(file, false);
        refused_in_ram("boot", "Cannot boot: something was loaded over the host's kernel or initrd ('reset' "
                               "brings them back)\n");
        EXPECT_FALSE(start().contains("Starting"));
    }
}

class QfwByBytes : public Qfw {
  protected:
    QfwByBytes() : Qfw(false, false) {}
};

TEST_F(QfwByBytes, ctrl_c_ends_a_long_transfer) {
    initrd = noise(0x80000);
    give_all();
    plug_in();
    port.type_after_looks(8, "\x03");
    EXPECT_EQ(run("qfw load"), "Cannot boot: interrupted (Ctrl-C)\n<INTERRUPT>\n");
    EXPECT_EQ(status, 1);
}

} // namespace
} // namespace vireo::test
