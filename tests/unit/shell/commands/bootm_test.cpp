// SPDX-License-Identifier: Apache-2.0
// Kernels that something is wrapped around, by bootm and booti; iminfo.
#include "boot/tree/device_tree.h"
#include "unit/shell/fixture.h"
#include "unit/support/arm64_image.h"
#include "unit/support/tree_writer.h"
#include "unit/support/wrapped.h"

namespace vireo::test {
namespace {

constexpr u64 file_address = 0x40800100;
constexpr u64 other_address = 0x40c00000; // of a file that was loaded and is not booted
constexpr u64 initrd_address = 0x40700000;
constexpr u64 tree_address = 0x40f00000;

// The lowest 2 MiB are free, what is wrapped lies above, then other files.
class Bootm : public ShellTest {
  protected:
    Bootm() {
        machine.tree = tree_address;
        put(tree_address, tree("machine"));
        load(initrd_address, Octets(0x321, std::byte{0x77}));
        load(other_address, Octets(0x10000, std::byte{0x66}));
    }
    static Octets tree(std::string_view bootargs) {
        TreeWriter writer;
        writer.node("", [&] { writer.node("chosen", [&] { writer.text("bootargs", bootargs); }); });
        auto bytes = writer.finish();
        return {bytes.begin(), bytes.end()};
    }
    static Octets image(usize count = 0x10000) {
        Octets bytes = Arm64Image{.image_bytes = 1 << 20, .file_bytes = static_cast<u32>(count)}.bytes(count);
        for (usize i = 1024; i < count; ++i)
            bytes[i] = static_cast<std::byte>(i * i >> 7);
        return bytes;
    }
    void put(u64 address, Bytes bytes) { std::memcpy(machine.memory(address), bytes.data(), bytes.size()); }
    void load(u64 address, const Octets& bytes) {
        put(address, bytes);
        context->loaded.remember({address, bytes.size()}, false);
    }
    std::string boot(const Octets& file, const std::string& line = "bootm 40800100") {
        load(file_address, file);
        machine.entered.reset();
        inspector.quiesced = 0;
        return run(line);
    }
    // The kernel runs where it was unpacked to, every byte of it.
    void boots(const Octets& file, const std::string& named) {
        std::string output = boot(file);
        EXPECT_TRUE(output.starts_with(
            "   kernel       0x40000000..0x400fffff, an arm64 Linux Image out of " + named + "\n"))
            << output;
        ASSERT_TRUE(machine.entered);
        EXPECT_EQ(machine.entered->entry, 0x40000000u);
        EXPECT_EQ(std::memcmp(machine.memory(0x40000000), image().data(), image().size()), 0);
        EXPECT_EQ(machine.entered->read_uncached[0], (Range{0x40000000, 0x10000}));
    }
    // One line; every file that was loaded is as it was.
    void refused(const Octets& file, const std::string& why) {
        EXPECT_EQ(boot(file), "Cannot boot: " + why + "\n");
        EXPECT_EQ(status, 1);
        EXPECT_FALSE(machine.entered);
        EXPECT_EQ(inspector.quiesced, 0);
        EXPECT_EQ(std::memcmp(machine.memory(file_address), file.data(), file.size()), 0);
        expect_others();
    }
    void expect_others() {
        for (u64 i = 0; i < 0x10000; ++i)
            ASSERT_EQ(*machine.memory(other_address + i), std::byte{0x66});
        for (u64 i = 0; i < 0x321; ++i)
            ASSERT_EQ(*machine.memory(initrd_address + i), std::byte{0x77});
    }
    std::string chosen(std::string_view name) {
        Bytes blob(machine.memory(machine.entered->description), 0x20000);
        std::vector<u64> room(0x5000);
        auto tree = VIREO_MUST(boot::DeviceTree::open(blob, std::as_writable_bytes(std::span(room))));
        auto bytes = tree.property(VIREO_MUST(tree.find("/chosen")), name).value_or(Bytes());
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    u64 number(std::string_view name) {
        std::string bytes = chosen(name);
        return read_struct<Be<u64>>(std::as_bytes(std::span(bytes))).value_or(0);
    }
    static std::string at(std::string_view kind, u64 address = file_address) {
        StringBuffer<128> text;
        print(text, "what lies at 0x{:08x} is {} that cannot be used: ", address, kind);
        return std::string(text.view());
    }
};

TEST_F(Bootm, what_is_compressed_is_unpacked_to_where_it_runs) {
    boots(in_gzip(image()), "a gzip file");
    boots(in_zstd(image()), "a zstd file");
    expect_others();
}

TEST_F(Bootm, what_is_wrapped_otherwise) {
    boots(in_zboot(in_gzip(image())), "a compressed EFI kernel (zboot)");
    boots(Wrapped{.compression = 1}.around(in_gzip(image())), "a uImage");
    boots(Wrapped{.type = 14}.around(in_gzip(image())), "a uImage");
    std::string output = boot(Wrapped{}.around(image())); // not where it may be, so it is moved
    EXPECT_TRUE(output.starts_with(
        "   kernel       0x40000000..0x400fffff, moved from 0x40800140, an arm64 Linux Image "
        "out of a uImage\n"))
        << output;
}

TEST_F(Bootm, a_plain_image_as_booti_does) {
    EXPECT_TRUE(boot(image()).starts_with(
        "   kernel       0x40000000..0x400fffff, moved from 0x40800100, an arm64 Linux Image\n"));
    EXPECT_TRUE(
        boot(in_gzip(image()), "booti 40800100").contains("an arm64 Linux Image out of a gzip file\n"));
}

TEST_F(Bootm, four_wrappers_and_five) {
    Octets four = Wrapped{}.around(in_gzip(in_zboot(in_zstd(image()))));
    EXPECT_TRUE(boot(four).contains("an arm64 Linux Image out of a uImage\n"));
    EXPECT_TRUE(machine.entered);
    EXPECT_EQ(std::memcmp(machine.memory(machine.entered->entry), image().data(), image().size()), 0);
    std::string output = boot(Wrapped{}.around(four));
    EXPECT_TRUE(output.ends_with("that cannot be used: too large (more than 4 wrappers around each other)\n"))
        << output;
    EXPECT_EQ(output.find('\n'), output.size() - 1);
    EXPECT_FALSE(machine.entered);
    expect_others();
}

TEST_F(Bootm, a_file_that_is_broken) {
    Octets file = in_gzip(image());
    Octets broken = file;
    broken[file.size() - 8] ^= std::byte{1};
    refused(broken, at("a gzip file") + "corrupt (the checksum of what was packed)");
    broken = file;
    broken.resize(file.size() / 2);
    refused(broken, at("a gzip file") + "corrupt (it ends after 32 KiB, in the middle of packed data)");
    refused(in_gzip({}), at("a gzip file") + "corrupt (nothing is packed in it)");
    refused(in_gzip(Octets(5000)), "what lies at 0x40000000 is no kernel of a known kind");
}

TEST_F(Bootm, a_file_that_does_not_end) {
    // 1 MiB, and one for a signature.
    EXPECT_TRUE(boot(in_gzip(image(), (2 << 20) - 0x10000))
                    .starts_with("   kernel       0x40000000..0x401fffff, an arm64"));
    refused(in_gzip(image(), (2 << 20) - 0x10000 + 1),
            at("a gzip file") + "too large (unpacked it has more than 2048 KiB)");
}

// Before Linux 3.17 the header says nothing, and 16 MiB are taken for granted; so is what the file
// declares, if it fits.
TEST_F(Bootm, any_number_in_a_header) {
    for (u64 bytes : {u64{1} << 40, ~u64{0}, ~u64{0} - 4095, ~u64{0} - (1 << 20)})
        EXPECT_TRUE(boot(in_gzip(Arm64Image{.text_offset = bytes, .image_bytes = bytes}.bytes(0x10000)))
                        .starts_with("Cannot boot: "));
    EXPECT_TRUE(boot(in_gzip(Arm64Image{.image_bytes = 0}.bytes(0x10000))).starts_with("Cannot boot: "));
    EXPECT_FALSE(machine.entered);
    expect_others();
}

TEST_F(Bootm, no_room) {
    Octets large = in_gzip(Arm64Image{.image_bytes = 30 << 20}.bytes(0x10000));
    EXPECT_TRUE(boot(large).contains("the kernel at 0x40000000..0x41dfffff is not in RAM"));
    context->memory.reserve(0x40000000, 0xf00000, "somebody").value();
    EXPECT_TRUE(run("bootm 40800100").contains("belongs to somebody"));
}

TEST_F(Bootm, nobody_knows_how_long_the_file_is) {
    Octets file = in_gzip(image());
    put(0x40900000, file);
    for (usize i = 0; i < 64; ++i)
        *machine.memory(0x40900000 + file.size() + i) = std::byte{0x1f};
    EXPECT_TRUE(
        run("bootm 40900000").contains("0x40000000..0x400fffff, an arm64 Linux Image out of a gzip file\n"));
}

TEST_F(Bootm, ctrl_c_ends_it) {
    port.type("\x03");
    std::string output = boot(in_gzip(image(1 << 20)));
    EXPECT_TRUE(output.contains("interrupted (Ctrl-C)")) << output;
    EXPECT_FALSE(machine.entered);
    expect_others();
}

TEST_F(Bootm, a_uimage_that_is_broken) {
    Octets file = Wrapped{}.around(image());
    Octets broken = file;
    broken[20] ^= std::byte{1};
    refused(broken, at("a uImage") + "corrupt (the checksum of its header)");
    broken = file;
    broken.back() ^= std::byte{1};
    refused(broken, at("a uImage") + "corrupt (the checksum of its data)");
    broken.pop_back();
    refused(broken, at("a uImage") + "corrupt (it is cut off)");
    refused(Wrapped{.type = 6}.around(image()), at("a uImage") + "not supported (it holds no kernel)");
    refused(Wrapped{.architecture = 7}.around(image()),
            "what lies at 0x40800100 is a uImage, for another machine (PowerPC)");
    refused(in_zboot(Octets(100, std::byte{1}), 55),
            at("a compressed EFI kernel (zboot)") + "corrupt (its header says that nothing is packed in it)");
    broken = in_zboot(in_gzip(image()));
    broken.pop_back();
    refused(broken, at("a compressed EFI kernel (zboot)") + "corrupt (it is cut off)");
}

TEST_F(Bootm, a_uimage_of_several_files) {
    Octets initrd(0x1235, std::byte{0x55});
    Octets file = Wrapped{}.around_all({in_gzip(image()), initrd, tree("uimage")});
    std::string output = boot(file);
    ASSERT_TRUE(machine.entered) << output;
    EXPECT_EQ(machine.entered->entry, 0x40000000u);
    u64 start = number("linux,initrd-start");
    EXPECT_EQ(number("linux,initrd-end"), start + initrd.size());
    EXPECT_EQ(std::memcmp(machine.memory(start), initrd.data(), initrd.size()), 0);
    EXPECT_EQ(chosen("bootargs"), std::string("uimage\0", 7));
    // What was typed goes before.
    put(0x40e00000, tree("typed"));
    boot(file, "bootm 40800100 40700000 40e00000");
    EXPECT_EQ(number("linux,initrd-start"), initrd_address);
    EXPECT_EQ(chosen("bootargs"), std::string("typed\0", 6));
    boot(file, "bootm 40800100 40700000");
    EXPECT_EQ(chosen("bootargs"), std::string("uimage\0", 7));
    boot(Wrapped{}.around_all({in_gzip(image())}));
    EXPECT_EQ(chosen("bootargs"), std::string("machine\0", 8));
    refused(Wrapped{}.around_all({}), at("a uImage") + "corrupt (it has no parts)");
    EXPECT_TRUE(boot(Wrapped{}.around_all({in_gzip(image()), initrd, Octets(64)}))
                    .starts_with("Cannot boot: the device tree: "));
}

TEST_F(Bootm, an_initrd_in_a_uimage) {
    Octets inner(0x1000, std::byte{0x44});
    load(0x40a00000, Wrapped{.type = 3}.around(inner));
    boot(in_gzip(image()), "bootm 40800100 40a00000");
    ASSERT_TRUE(machine.entered);
    EXPECT_EQ(number("linux,initrd-start"), 0x40a00040u);
    EXPECT_EQ(number("linux,initrd-end"), 0x40a01040u);
    load(0x40a00000, Wrapped{.type = 2}.around(inner));
    EXPECT_EQ(boot(in_gzip(image()), "bootm 40800100 40a00000"),
              "Cannot boot: " + at("a uImage", 0x40a00000) + "not supported (it holds no initrd)\n");
    load(0x40a00000, in_gzip(inner)); // which is the kernel's matter
    boot(in_gzip(image()), "bootm 40800100 40a00000");
    EXPECT_EQ(number("linux,initrd-start"), 0x40a00000u);
}

TEST_F(Bootm, iminfo_shows_a_uimage) {
    load(file_address, Wrapped{.compression = 1, .name = "Linux-6.1"}.around(Octets(5000)));
    EXPECT_EQ(run("iminfo 40800100"), "\n## Checking Image at 40800100 ...\n"
                                      "   Legacy image found\n"
                                      "   Image Name:   Linux-6.1\n"
                                      "   Image Type:   AArch64 Linux Kernel Image (gzip compressed)\n"
                                      "   Data Size:    5000 Bytes = 4.9 KiB\n"
                                      "   Load Address: 40080000\n"
                                      "   Entry Point:  40080004\n"
                                      "   Verifying Checksum ... OK\n");
    EXPECT_EQ(status, 0);
    *machine.memory(file_address + 64) = std::byte{1};
    EXPECT_TRUE(run("iminfo 40800100").ends_with("   Verifying Checksum ...    Bad Data CRC\n"));
    EXPECT_EQ(status, 1);
    *machine.memory(file_address + 10) ^= std::byte{1};
    EXPECT_TRUE(run("iminfo 40800100").ends_with("   Legacy image found\n   Bad Header Checksum\n"));
    load(file_address, Wrapped{}.around_all({Octets(4096), Octets(5)}));
    EXPECT_TRUE(
        run("iminfo 40800100")
            .contains("   Contents:\n      Image 0: 4096 Bytes = 4 KiB\n      Image 1: 5 Bytes = 5 Bytes\n"));
    load(file_address, in_gzip(image()));
    EXPECT_EQ(run("iminfo 40800100"),
              "\n## Checking Image at 40800100 ...\n   Unknown image format!\n   It is a gzip file.\n");
    EXPECT_TRUE(run("iminfo 41000000 x").contains("0x41000000..0x41000000 is not in RAM\n"));
    EXPECT_EQ(status, 1);
}

} // namespace
} // namespace vireo::test
