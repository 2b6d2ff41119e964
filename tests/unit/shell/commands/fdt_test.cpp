// SPDX-License-Identifier: Apache-2.0
// The command fdt, word for word.
#include "unit/boot/tree/machine_tree.h"
#include "unit/shell/fixture.h"

namespace vireo::test {
namespace {

using boot::DeviceTree;

// A machine that was described by a tree at 0x40e00000.
class FdtCommand : public ShellTest {
  protected:
    static constexpr u64 own = 0x40e00000;

    FdtCommand() {
        TreeWriter w;
        MutableBytes tree = machine_tree(w);
        own_bytes = tree.size();
        std::memcpy(machine.memory(own), tree.data(), tree.size());
        VIREO_MUST(memory.reserve(own, tree.size(), "device tree"));
        machine.tree = own;
        run("setenv fdtcontroladdr 40e00000");
    }

    // Puts a tree, or an overlay, where a user loads one.
    void load(u64 address, const std::function<void(TreeWriter&)>& body) {
        TreeWriter w;
        w.node("", [&] { body(w); });
        MutableBytes tree = w.finish();
        std::memcpy(machine.memory(address), tree.data(), tree.size());
    }
    // The tree in 64 KiB at 0x40400000, to edit there.
    void move() {
        ASSERT_EQ(run("fdt move 40e00000 40400000 10000"), "Working FDT set to 40400000\n");
        ASSERT_EQ(status, 0);
    }
    std::string variable(std::string_view name) {
        return std::string(context->environment.get(name).value_or("(none)"));
    }
    void expect_failure(std::string_view line, std::string_view text) {
        EXPECT_EQ(run(line), text) << line;
        EXPECT_EQ(status, 1) << line;
    }
    bool own_is_untouched() {
        TreeWriter w;
        return std::ranges::equal(machine_tree(w), Bytes(machine.memory(own), own_bytes));
    }

    usize own_bytes = 0;
};

// --- which tree ---

TEST_F(FdtCommand, works_on_the_machine_s_own_until_told_otherwise) {
    EXPECT_EQ(run("fdt addr"), "Working fdt: 40e00000\n");
    EXPECT_EQ(run("fdt addr -c"), "Control fdt: 40e00000\n");
    EXPECT_EQ(run("fdt print /psci method"), "method = \"hvc\"\n");
    EXPECT_EQ(variable("fdtaddr"), "(none)");
    load(0x40400000, [](TreeWriter& w) { w.text("model", "loaded"); });
    EXPECT_EQ(run("fdt addr 40400000; fdt addr; fdt print / model"),
              "Working FDT set to 40400000\nWorking fdt: 40400000\nmodel = \"loaded\"\n");
    EXPECT_EQ(variable("fdtaddr"), "40400000");
    EXPECT_EQ(run("fdt addr -c"), "Control fdt: 40e00000\n");
    EXPECT_EQ(status, 0);
}

TEST_F(FdtCommand, edits_a_copy_of_the_machine_s_own) {
    std::string text = run("fdt set /psci method smc");
    EXPECT_TRUE(text.starts_with("Working FDT set to ")) << text;
    EXPECT_EQ(status, 0);
    std::string copy = text.substr(19, text.size() - 20);
    EXPECT_EQ(variable("fdtaddr"), copy);
    EXPECT_EQ(run("fdt print /psci method"), "method = \"smc\"\n");
    EXPECT_TRUE(own_is_untouched());
    EXPECT_EQ(run("fdt set /psci method hvc2; fdt addr"), "Working fdt: " + copy + "\n") << "once";
    EXPECT_EQ(run("fdt addr $fdtcontroladdr; fdt print /psci method"),
              "Working FDT set to 40e00000\nmethod = \"hvc\"\n");
    EXPECT_EQ(run("fdt addr " + copy + "; fdt print /psci method"),
              "Working FDT set to " + copy + "\nmethod = \"hvc2\"\n");
}

TEST_F(FdtCommand, the_copy_grows_on_request) {
    std::string value(12'000, 'x');
    run("fdt set /psci a " + value);
    EXPECT_EQ(status, 0);
    expect_failure("fdt set /psci b " + value,
                   "libfdt fdt_setprop(): FDT_ERR_NOSPACE (fdt resize BYTES makes room)\n");
    EXPECT_TRUE(run("fdt resize 8000").starts_with("Working FDT set to "));
    EXPECT_EQ(run("fdt set /psci b " + value), "");
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(own_is_untouched());
}

TEST_F(FdtCommand, on_a_machine_without_a_tree_is_one_line) {
    machine.tree = std::nullopt;
    const char* none = "No device tree: this machine has none; load one, then 'fdt addr ADDRESS'\n";
    for (const char* line :
         {"fdt addr", "fdt print", "fdt list /", "fdt header", "fdt set / a b", "fdt rm /psci",
          "fdt get value x / model", "fdt chosen", "fdt resize", "fdt rsvmem print"})
        expect_failure(line, none);
    expect_failure("fdt addr -c", "No device tree: this machine has none\n");
    load(0x40400000, [](TreeWriter& w) { w.text("model", "loaded"); });
    EXPECT_EQ(run("fdt addr 40400000; fdt print / model"),
              "Working FDT set to 40400000\nmodel = \"loaded\"\n");
}

TEST_F(FdtCommand, what_is_no_tree_is_one_line_and_not_chosen) {
    expect_failure("fdt addr 40400000", "libfdt fdt_check_header(): FDT_ERR_BADMAGIC\n");
    expect_failure("fdt addr 40e00004", "libfdt fdt_check_header(): FDT_ERR_ALIGNMENT\n");
    expect_failure("fdt addr 10", "0x00000010..0x00000037 is not in RAM\n");
    expect_failure("fdt addr x", "'x': not a number (hexadecimal)\n");
    load(0x40400000, [](TreeWriter&) {});
    fdt_set_totalsize(machine.memory(0x40400000), 3 << 20);
    expect_failure("fdt addr 40400000", "fdt: corrupt (device tree of 3145728 bytes)\n");
    load(0x40fffff8 - 0x100000 - 0x80, [](TreeWriter&) {});
    fdt_set_totalsize(machine.memory(0x40fffff8 - 0x100000 - 0x80), 2 << 20);
    expect_failure("fdt addr 40efff78", "0x40efff78..0x410fff77 is not in RAM\n");
    load(0x40400000, [](TreeWriter&) {});
    fdt_set_size_dt_struct(machine.memory(0x40400000), 4);
    expect_failure("fdt addr 40400000", "libfdt fdt_check_full(): FDT_ERR_BADSTRUCTURE\n");
    EXPECT_EQ(run("fdt addr"), "Working fdt: 40e00000\n");
}

TEST_F(FdtCommand, a_tree_that_is_overwritten_is_no_tree_any_more) {
    move();
    run("mw 40400000 0");
    expect_failure("fdt print", "libfdt fdt_check_header(): FDT_ERR_BADMAGIC\n");
    expect_failure("fdt set / a b", "libfdt fdt_check_header(): FDT_ERR_BADMAGIC\n");
}

TEST_F(FdtCommand, addr_makes_a_tree_longer_and_never_shorter) {
    load(0x40400000, [](TreeWriter&) {});
    std::string bytes = std::to_string(fdt_totalsize(machine.memory(0x40400000)));
    EXPECT_EQ(run("fdt addr 40400000 10"),
              "Working FDT set to 40400000\nNew length 16 < existing length " + bytes + ", ignoring\n");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("fdt addr -q 40400000 10"), "Working FDT set to 40400000\n");
    EXPECT_EQ(run("fdt addr 40400000 2000; fdt header get x totalsize; echo $x"),
              "Working FDT set to 40400000\n2000\n");
    EXPECT_EQ(run("fdt set / a b; fdt print / a"), "a = \"b\"\n");
    expect_failure("fdt addr 40400000 200001",
                   "Working FDT set to 40400000\nfdt: too large (2097153 bytes)\n");
    run("fdt move 40400000 40e80000");
    expect_failure("fdt addr 40e80000 100000", "Working FDT set to 40e80000\n"
                                               "0x40e80000..0x40f7ffff is not free: 0x40f00000..0x40ffffff "
                                               "belongs to Vireo image\n");
    expect_failure("fdt addr -c 40400000", "fdt addr: the control FDT is the machine's own and stays\n");
}

TEST_F(FdtCommand, only_what_is_free_is_edited) {
    VIREO_MUST(memory.reserve(0x40400000, 0x1000, "somebody"));
    load(0x40400000, [](TreeWriter&) {});
    fdt_set_totalsize(machine.memory(0x40400000), 0x1000);
    EXPECT_EQ(run("fdt addr 40400000"), "Working FDT set to 40400000\n");
    expect_failure("fdt mknode / new",
                   "0x40400000..0x40400fff is not free: 0x40400000..0x40400fff belongs to somebody\n");
}

TEST_F(FdtCommand, moves_a_tree_to_where_it_can_grow) {
    EXPECT_EQ(run("fdt move 40e00000 40400000"), "Working FDT set to 40400000\n");
    std::string moved = run("fdt print");
    EXPECT_EQ("Working FDT set to 40e00000\n" + moved, run("fdt addr 40e00000; fdt print"));
    EXPECT_EQ(run("fdt addr 40400000"), "Working FDT set to 40400000\n");
    expect_failure("fdt mknode / new",
                   "libfdt fdt_add_subnode(): FDT_ERR_NOSPACE (fdt resize BYTES makes room)\n");
    EXPECT_EQ(run("fdt move 40400000 40500000 10000; fdt mknode / new; fdt list /new"),
              "Working FDT set to 40500000\nnew {\n};\n");
    StringBuffer<80> shorter;
    print(shorter, "New length 0x10 < existing length 0x{:X}, aborting.\n", own_bytes);
    expect_failure("fdt move 40400000 40600000 10", shorter.view());
    EXPECT_NE(run("fdt move 40400000 40e00000").find("belongs to device tree"), std::string::npos);
    expect_failure("fdt move 40400000 40400000 10000",
                   "fdt: invalid argument (a device tree copied onto itself)\n");
    expect_failure("fdt move 40600000 40700000", "libfdt fdt_check_header(): FDT_ERR_BADMAGIC\n");
    EXPECT_EQ(run("fdt addr"), "Working fdt: 40500000\n");
}

TEST_F(FdtCommand, resizes_to_whole_pages) {
    move();
    EXPECT_EQ(run("fdt resize; fdt header get x totalsize; echo $x"), "1000\n");
    EXPECT_EQ(run("fdt resize 1000; fdt header get x totalsize; echo $x"), "2000\n");
    expect_failure("fdt resize 200001", "fdt resize: too large (2097153 bytes)\n");
    expect_failure("fdt resize 200000", "fdt: too large (2101248 bytes)\n");
    expect_failure("fdt resize x", "'x': not a number (hexadecimal)\n");
}

// --- print, list ---

TEST_F(FdtCommand, prints_nodes) {
    EXPECT_EQ(run("fdt print /psci"), "psci {\n"
                                      "\tcompatible = \"arm,psci-1.0\", \"arm,psci-0.2\", \"arm,psci\";\n"
                                      "\tmethod = \"hvc\";\n"
                                      "\tmigrate = <0xc4000005>;\n"
                                      "};\n");
    EXPECT_EQ(run("fdt print serial0"), "pl011@9000000 {\n\tclock-names = \"uartclk\";\n};\n");
    EXPECT_EQ(run("fdt print /virtio_mmio"), "virtio_mmio@a000000 {\n"
                                             "\tdma-coherent;\n"
                                             "\tinterrupts = <0x00000000 0x00000010 0x00000001>;\n"
                                             "};\n");
    std::string all = run("fdt print");
    EXPECT_TRUE(all.starts_with("/ {\n\t#address-cells = <0x00000002>;\n")) << all;
    EXPECT_TRUE(all.ends_with("\t};\n};\n")) << all;
    EXPECT_NE(all.find("\tpsci {\n\t\tcompatible = "), all.npos) << all;
    EXPECT_EQ(run("fdt print /"), all);
}

TEST_F(FdtCommand, lists_nodes_without_what_is_in_theirs) {
    load(0x40400000, [](TreeWriter& w) {
        w.text("model", "x");
        w.node("a", [&] {
            w.text("hidden", "y");
            w.node("deeper", [] {});
        });
        w.node("b", [] {});
    });
    EXPECT_EQ(run("fdt addr 40400000; fdt list"),
              "Working FDT set to 40400000\n/ {\n\tmodel = \"x\";\n\ta {\n\t};\n\tb {\n\t};\n};\n");
    EXPECT_EQ(run("fdt list /a"), "a {\n\thidden = \"y\";\n\tdeeper {\n\t};\n};\n");
    EXPECT_EQ(run("fdt list /a hidden"), "hidden = \"y\"\n");
}

TEST_F(FdtCommand, prints_values_by_what_they_look_like) {
    load(0x40400000, [](TreeWriter& w) {
        using namespace std::string_view_literals;
        w.raw("empty", "");
        w.raw("bytes", "\x01\xab\x00\x7f\xff"sv);
        w.raw("no-end", "abc"sv);
        w.raw("zero", "\0"sv);
        w.raw("two-zeros", "a\0\0"sv);
        w.raw("control", "a\x1b[2J\0"sv);
        w.raw("cells-or-text", "abc\0"sv);
        w.raw("most", std::string(16 << 10, '\1'));
        w.raw("more", std::string((16 << 10) + 1, '\1'));
    });
    run("fdt addr 40400000");
    auto value = [&](std::string_view name) { return run("fdt print / " + std::string(name)); };
    EXPECT_EQ(value("empty"), "/ empty\n");
    EXPECT_EQ(value("bytes"), "bytes = [01 ab 00 7f ff]\n");
    EXPECT_EQ(value("no-end"), "no-end = [61 62 63]\n");
    EXPECT_EQ(value("zero"), "zero = \"\"\n");
    EXPECT_EQ(value("two-zeros"), "two-zeros = [61 00 00]\n");
    EXPECT_EQ(value("control"), "control = [61 1b 5b 32 4a 00]\n") << "nothing drives the terminal";
    EXPECT_EQ(value("cells-or-text"), "cells-or-text = \"abc\"\n");
    std::string most = value("most");
    EXPECT_EQ(most.size(), std::string("most = <>\n").size() + 11 * 4096 - 1);
    EXPECT_TRUE(most.starts_with("most = <0x01010101 0x01010101 ") && most.ends_with(" 0x01010101>\n"));
    run("fdt get addr where / more");
    EXPECT_EQ(value("more"), "more = * 0x" + variable("where") + " [0x00004001]\n");
}

TEST_F(FdtCommand, names_from_a_tree_do_not_drive_the_terminal) {
    load(0x40400000, [](TreeWriter& w) { w.node("n\x1b[2J", [&] { w.text("p\x07", "x"); }); });
    EXPECT_EQ(run("fdt addr 40400000; fdt print"),
              "Working FDT set to 40400000\n/ {\n\tn?[2J {\n\t\tp? = \"x\";\n\t};\n};\n");
}

TEST_F(FdtCommand, what_is_not_there_is_one_line) {
    expect_failure("fdt print /nothing", "libfdt fdt_path_offset() returned FDT_ERR_NOTFOUND\n");
    expect_failure("fdt print noalias", "libfdt fdt_path_offset() returned FDT_ERR_BADPATH\n");
    expect_failure("fdt list /psci nothing", "libfdt fdt_getprop(): FDT_ERR_NOTFOUND\n");
    for (const char* line : {"fdt get value x /nothing p", "fdt get name x /nothing 0",
                             "fdt get addr x /nothing p", "fdt get size x /nothing", "fdt set /nothing p",
                             "fdt mknode /nothing p", "fdt rm /nothing", "fdt rm /nothing p"})
        expect_failure(line, "libfdt fdt_path_offset() returned FDT_ERR_NOTFOUND\n");
    EXPECT_EQ(run("fdt addr"), "Working fdt: 40e00000\n") << "nothing was copied for that";
}

TEST_F(FdtCommand, ctrl_c_ends_a_long_print) {
    load(0x40400000, [](TreeWriter& w) {
        for (int i = 0; i < 1000; ++i)
            w.node(("n" + std::to_string(i)).c_str(), [] {});
    });
    run("fdt addr 40400000");
    port.type_after_looks(20, "\x03");
    std::string text = run("fdt print");
    EXPECT_EQ(status, 1);
    EXPECT_TRUE(text.ends_with("<INTERRUPT>\n")) << text;
}

// --- get ---

TEST_F(FdtCommand, gets_texts_and_numbers) {
    auto get = [&](std::string_view what) {
        EXPECT_EQ(run("fdt get value x " + std::string(what)), "") << what;
        EXPECT_EQ(status, 0);
        return variable("x");
    };
    EXPECT_EQ(get("/psci method"), "hvc");
    EXPECT_EQ(get("/psci compatible"), "arm,psci-1.0");
    EXPECT_EQ(get("/psci compatible 2"), "arm,psci");
    EXPECT_EQ(get("/psci migrate"), "0xC4000005");
    EXPECT_EQ(get("/psci migrate 0"), "0xC4000005");
    EXPECT_EQ(get("/memory reg 1"), "0x40000000");
    EXPECT_EQ(get("/chosen kaslr-seed"), "1111111122222222");
    EXPECT_EQ(get("/virtio_mmio dma-coherent"), "(none)");
    expect_failure("fdt get value x /psci compatible 3", "fdt get: 'compatible' has no entry 3\n");
    expect_failure("fdt get value x /memory reg 4", "fdt get: 'reg' has no entry 4\n");
    expect_failure("fdt get value x /psci migrate y", "'y': not a number (decimal)\n");
    expect_failure("fdt get value x /psci nothing", "libfdt fdt_getprop(): FDT_ERR_NOTFOUND\n");
    run("fdt get value a=b /psci method");
    EXPECT_EQ(status, 1);
}

TEST_F(FdtCommand, gets_no_more_than_20_bytes_as_a_number) {
    move();
    run("fdt set / five '<1 2 3 4 5>'; fdt set / six '<1 2 3 4 5 6>'; fdt set / odd [01]");
    run("fdt get value x / five");
    EXPECT_EQ(variable("x"), "0000000100000002000000030000000400000005");
    expect_failure("fdt get value x / six", "fdt get: 'six' has no value that a variable can have\n");
    expect_failure("fdt get value x / odd", "fdt get: 'odd' has no value that a variable can have\n");
    run("fdt get value x / six 5");
    EXPECT_EQ(variable("x"), "0x00000006");
}

TEST_F(FdtCommand, gets_names_sizes_and_addresses) {
    EXPECT_EQ(run("fdt get name x / 0; echo $x; fdt get name x / 1; echo $x; fdt get name x / -1; echo $x"),
              "psci\nmemory@40000000\npsci\n");
    expect_failure("fdt get name x / 6", "libfdt node not found\n");
    EXPECT_EQ(run("fdt get size x /; echo $x; fdt get size x /psci; echo $x"), "6\n0\n");
    EXPECT_EQ(run("fdt get size x /psci method; echo $x"), "4\n");
    EXPECT_EQ(run("fdt get addr x /psci method"), "");
    u64 place = std::stoull(variable("x"), nullptr, 16);
    EXPECT_EQ(std::memcmp(machine.memory(place), "hvc", 4), 0);
}

TEST_F(FdtCommand, a_name_with_control_characters_is_no_value_of_a_variable) {
    load(0x40400000, [](TreeWriter& w) {
        w.node("n\x1b[2J", [] {});
        w.node("m\u00e4", [] {});
    });
    run("fdt addr 40400000; setenv x kept");
    expect_failure("fdt get name x / 0", "fdt get: 'x' is not set: control characters in the tree\n");
    EXPECT_EQ(variable("x"), "kept");
    EXPECT_EQ(run("fdt get name x / 1"), "");
    EXPECT_EQ(variable("x"), "m\u00e4");
}

// --- set, mknode, rm ---

TEST_F(FdtCommand, sets_words_numbers_and_bytes) {
    move();
    auto set = [&](std::string_view words) {
        EXPECT_EQ(run("fdt set /psci p " + std::string(words)), "") << words;
        EXPECT_EQ(status, 0);
        return run("fdt print /psci p");
    };
    EXPECT_EQ(set("hello"), "p = \"hello\"\n");
    EXPECT_EQ(set("hello world"), "p = \"hello\", \"world\"\n");
    EXPECT_EQ(set("'hello world' x"), "p = \"hello world\", \"x\"\n");
    EXPECT_EQ(set("<1 2>"), "p = <0x00000001 0x00000002>\n");
    EXPECT_EQ(set("'<1 0x10>' <17>"), "p = <0x00000001 0x00000010 0x00000011>\n");
    EXPECT_EQ(set("'< 4294967295 >'"), "p = <0xffffffff>\n");
    EXPECT_EQ(set("[00 11 2]"), "p = [00 11 02]\n");
    EXPECT_EQ(set("[001122 3 4]"), "p = [00 11 22 03 04]\n");
    EXPECT_EQ(set("<1> [02]"), "p = [00 00 00 01 02]\n");
    EXPECT_EQ(set("a <1> [02]"), "p = \"a\", \"<1>\", \"[02]\"\n") << "what begins with a word is words";
    EXPECT_EQ(set("<>"), "/psci p\n");
    EXPECT_EQ(set(""), "/psci p\n");
    EXPECT_EQ(set("''"), "p = \"\"\n");
    EXPECT_EQ(run("fdt set / '#address-cells' <1>; fdt print / '#address-cells'"),
              "#address-cells = <0x00000001>\n");
}

TEST_F(FdtCommand, a_value_that_is_none_changes_nothing) {
    move();
    run("fdt set /psci p kept");
    expect_failure("fdt set /psci p <1 x>", "'x': not a number (decimal)\n");
    expect_failure("fdt set /psci p [1 x]", "'x': not a number (hexadecimal)\n");
    expect_failure("fdt set /psci p <4294967296>", "'4294967296' does not fit a cell\n");
    expect_failure("fdt set /psci p [100]", "'100' does not fit a byte\n");
    expect_failure("fdt set /psci p <1", "'>' is missing\n");
    expect_failure("fdt set /psci p <1 ]", "']': not a number (decimal)\n");
    expect_failure("fdt set /psci p <1>2", "'1>2': something behind '>'\n");
    expect_failure("fdt set /psci a/b 1", "fdt: invalid argument (not a name of the device tree)\n");
    EXPECT_EQ(run("fdt print /psci p"), "p = \"kept\"\n");
}

TEST_F(FdtCommand, makes_and_removes_nodes) {
    move();
    EXPECT_EQ(run("fdt mknode / new; fdt mknode /new inner; fdt set /new/inner x y; fdt print /new"),
              "new {\n\tinner {\n\t\tx = \"y\";\n\t};\n};\n");
    expect_failure("fdt mknode / new", "libfdt fdt_add_subnode(): FDT_ERR_EXISTS\n");
    EXPECT_EQ(run("fdt rm /new/inner x; fdt print /new"), "new {\n\tinner {\n\t};\n};\n");
    expect_failure("fdt rm /new/inner x", "libfdt fdt_delprop(): FDT_ERR_NOTFOUND\n");
    EXPECT_EQ(run("fdt rm /new"), "");
    expect_failure("fdt print /new", "libfdt fdt_path_offset() returned FDT_ERR_NOTFOUND\n");
    expect_failure("fdt rm /", "fdt: invalid argument (the root of the device tree stays)\n");
}

// --- header, reservations, memory, chosen ---

TEST_F(FdtCommand, prints_the_header) {
    DeviceTree::Header header = DeviceTree::edit({machine.memory(own), own_bytes})->header();
    StringBuffer<512> expected;
    print(expected,
          "magic:\t\t\t0xd00dfeed\ntotalsize:\t\t0x{:x} "
          "({})\noff_dt_struct:\t\t0x50\noff_dt_strings:\t\t0x{:x}\n"
          "off_mem_rsvmap:\t\t0x30\nversion:\t\t17\nlast_comp_version:\t16\nboot_cpuid_phys:\t0x0\n"
          "size_dt_strings:\t0x{:x}\nsize_dt_struct:\t\t0x{:x}\nnumber mem_rsv:\t\t0x1\n\n",
          own_bytes, own_bytes, header.strings_offset, header.strings_bytes, header.structure_bytes);
    EXPECT_EQ(run("fdt header"), expected.view());
    EXPECT_EQ(run("fdt header get x magic; echo $x; fdt header get x version; echo $x"), "d00dfeed\n11\n");
    expect_failure("fdt header get x nothing", "fdt header: no field 'nothing'\n");
}

TEST_F(FdtCommand, sets_the_processor_that_boots) {
    move();
    EXPECT_EQ(run("fdt bootcpu 42; fdt header get x boot_cpuid_phys; echo $x"), "42\n");
    expect_failure("fdt bootcpu 100000000", "fdt bootcpu: too large (a processor's id has 32 bits)\n");
}

TEST_F(FdtCommand, keeps_the_list_of_reservations) {
    move();
    const std::string head =
        "index\t\t   start\t\t    size\n------------------------------------------------\n";
    EXPECT_EQ(run("fdt rsvmem print"), head + "    0\t0000000000001000\t0000000000002000\n");
    EXPECT_EQ(run("fdt rsvmem add 1234 5678; fdt rsvmem print"),
              head +
                  "    0\t0000000000001000\t0000000000002000\n    1\t0000000000001234\t0000000000005678\n");
    EXPECT_EQ(run("fdt rsvmem delete 0; fdt rsvmem print"),
              head + "    0\t0000000000001234\t0000000000005678\n");
    expect_failure("fdt rsvmem delete 100000000", "libfdt fdt_del_mem_rsv(): FDT_ERR_NOTFOUND\n");
    expect_failure("fdt rsvmem delete 10", "libfdt fdt_del_mem_rsv(): FDT_ERR_NOTFOUND\n");
    expect_failure("fdt rsvmem add 1 0", "fdt: invalid argument (a reservation of no bytes)\n");
}

TEST_F(FdtCommand, sets_memory_in_the_root_s_cells) {
    move();
    EXPECT_EQ(run("fdt memory 0x80000000 0x140000000; fdt print /memory reg"),
              "reg = <0x00000000 0x80000000 0x00000001 0x40000000>\n");
    EXPECT_EQ(
        run("fdt set / '#address-cells' <1>; fdt set / '#size-cells' <1>; fdt memory 1000 2000; fdt print "
            "/memory reg"),
        "reg = <0x00001000 0x00002000>\n");
    expect_failure("fdt memory 100000000 1000",
                   "fdt: out of range (memory that the root's cells cannot say)\n");
    expect_failure("fdt memory 1000 100000000",
                   "fdt: out of range (memory that the root's cells cannot say)\n");
    run("fdt set / '#address-cells' <3>");
    expect_failure("fdt memory 1000 1000", "fdt: out of range (memory that the root's cells cannot say)\n");
    run("fdt set / '#address-cells' [01]");
    expect_failure("fdt memory 1000 1000", "fdt: out of range (memory that the root's cells cannot say)\n");
    load(0x40800000, [](TreeWriter&) {});
    EXPECT_EQ(run("fdt addr 40800000 1000; fdt memory 1000 2000; fdt print /memory"),
              "Working FDT set to 40800000\nmemory {\n\treg = <0x00000000 0x00001000 0x00002000>;\n"
              "\tdevice_type = \"memory\";\n};\n")
        << "without cells, two for an address and one for a size";
}

TEST_F(FdtCommand, tells_the_kernel_its_command_line_and_initrd) {
    move();
    run("setenv bootargs 'console=ttyAMA0 quiet'");
    EXPECT_EQ(run("fdt chosen; fdt print /chosen bootargs"), "bootargs = \"console=ttyAMA0 quiet\"\n");
    expect_failure("fdt print /chosen linux,initrd-start", "libfdt fdt_getprop(): FDT_ERR_NOTFOUND\n");
    EXPECT_EQ(run("fdt chosen 44000000 1000; fdt print /chosen linux,initrd-start; fdt print /chosen "
                  "linux,initrd-end"),
              "linux,initrd-start = <0x00000000 0x44000000>\nlinux,initrd-end = <0x00000000 0x44001000>\n");
    EXPECT_EQ(run("setenv bootargs; fdt chosen; fdt print /chosen bootargs; fdt print /chosen kaslr-seed"),
              "bootargs = \"console=ttyAMA0 quiet\"\nkaslr-seed = <0x11111111 0x22222222>\n");
    expect_failure("fdt chosen ffffffffffffffff 2",
                   "fdt chosen: the initrd reaches beyond the last address\n");
    EXPECT_EQ(run("fdt rm /chosen; setenv bootargs new; fdt chosen; fdt print /chosen"),
              "chosen {\n\tbootargs = \"new\";\n};\n");
}

// --- apply ---

TEST_F(FdtCommand, applies_an_overlay_to_the_machine_s_own) {
    load(0x40600000, [](TreeWriter& w) {
        w.node("fragment@0", [&] {
            w.text("target-path", "/psci");
            w.node("__overlay__", [&] { w.text("method", "smc"); });
        });
    });
    std::string text = run("fdt apply 40600000");
    EXPECT_TRUE(text.starts_with("Working FDT set to ")) << text;
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("fdt print /psci method; fdt apply 40600000"), "method = \"smc\"\n");
    EXPECT_TRUE(own_is_untouched());
}

TEST_F(FdtCommand, an_overlay_that_cannot_be_applied_is_one_line) {
    move();
    expect_failure("fdt apply 40600000", "libfdt fdt_check_header(): FDT_ERR_BADMAGIC\n");
    load(0x40600000, [](TreeWriter& w) {
        w.node("fragment@0", [&] {
            w.cells("target", {0xffffffff});
            w.node("__overlay__", [&] { w.text("method", "smc"); });
        });
        w.node("__fixups__", [&] { w.text("psci", "/fragment@0:target:0"); });
    });
    expect_failure("fdt apply 40600000",
                   "fdt: not found (the overlay needs labels and the tree has no __symbols__, only paths)\n");
    load(0x40600000, [](TreeWriter& w) {
        w.node("fragment@0", [&] {
            w.text("target-path", "/nothing");
            w.node("__overlay__", [] {});
        });
    });
    expect_failure("fdt apply 40600000", "libfdt fdt_overlay_apply(): FDT_ERR_NOTFOUND\n");
    EXPECT_EQ(run("fdt print /psci method"), "method = \"hvc\"\n");
}

// What was copied for an edit is taken for the overlay, and then copied anew.
TEST_F(FdtCommand, the_copy_applied_to_the_machine_s_own_is_no_overlay) {
    std::string text = run("fdt set /psci method smc");
    std::string copy = text.substr(19, text.size() - 20);
    run("fdt addr $fdtcontroladdr");
    run("fdt apply " + copy);
    EXPECT_TRUE(own_is_untouched());
}

// --- words ---

TEST_F(FdtCommand, names_of_subcommands_may_be_cut) {
    EXPECT_EQ(run("fdt p /psci method; fdt li /psci method; fdt ad"),
              "method = \"hvc\"\nmethod = \"hvc\"\nWorking fdt: 40e00000\n");
    for (const char* line : {"fdt a 40e00000", "fdt m / x", "fdt r /psci"})
        EXPECT_NE(run(line).find("Usage:"), std::string::npos) << line << " could be two";
}

TEST_F(FdtCommand, wrong_words_are_the_usage) {
    for (const char* line : {"fdt",
                             "fdt nothing",
                             "fdt addr -x",
                             "fdt apply",
                             "fdt apply 1 2",
                             "fdt bootcpu",
                             "fdt chosen 1",
                             "fdt get value x /",
                             "fdt get size x",
                             "fdt get nothing x / p",
                             "fdt get name x / 0 1",
                             "fdt header get x",
                             "fdt header x",
                             "fdt header put x magic",
                             "fdt memory 1",
                             "fdt mknode /",
                             "fdt move 1",
                             "fdt print / a b",
                             "fdt resize 1 2",
                             "fdt rm",
                             "fdt rsvmem",
                             "fdt rsvmem add 1",
                             "fdt rsvmem delete",
                             "fdt rsvmem print 1",
                             "fdt set /"}) {
        EXPECT_NE(run(line).find("Usage:"), std::string::npos) << line;
        EXPECT_EQ(status, 1);
    }
}

} // namespace
} // namespace vireo::test
