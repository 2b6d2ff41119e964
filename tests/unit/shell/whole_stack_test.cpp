// SPDX-License-Identifier: Apache-2.0
// The shell on top of everything, once for each bus.
#include "unit/shell/machine_shell.h"

#include "shell/line/completion.h"

namespace vireo::test {
namespace {

using WholeStack = MachineShell;
INSTANTIATE_TEST_SUITE_P(All, WholeStack, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, WholeStack, on(packed_buses), bus_name);

TEST_P(WholeStack, scan_info_read_write) {
    machine.plug_disk(131072);
    machine.plug_rng();
    start();
    EXPECT_EQ(run("virtio scan; virtio info"), "Device 0: QEMU VirtIO Block Device\n"
                                               "            Type: Hard Disk\n"
                                               "            Capacity: 64.0 MB = 0.0 GB (131072 x 512)\n");
    EXPECT_EQ(run("virtio read 40000000 10 100"),
              "\nvirtio read: device 0 block # 16, count 256 ... 256 blocks read: OK\n");
    EXPECT_TRUE(has_pattern({board.memory(0x40000000), 256 * 512}, 16));
    EXPECT_EQ(run("mw.b 40000000 77 200; virtio write 40000000 1ffff 1; virtio read 40001000 1ffff 1; "
                  "cmp.b 40000000 40001000 200"),
              "\nvirtio write: device 0 block # 131071, count 1 ... 1 blocks written: OK\n"
              "\nvirtio read: device 0 block # 131071, count 1 ... 1 blocks read: OK\n"
              "Total of 512 byte(s) were the same\n");
    EXPECT_EQ(std::ranges::count(run("rng"), '\n'), 4);
    EXPECT_NE(run("virtio list").find("block"), std::string::npos);
}

TEST_P(WholeStack, control_c_ends_a_read_from_a_disk_that_never_answers) {
    machine.plug_disk().faults.never_completes = true;
    start();
    u64 before = hosted::clock_now();
    port.type_later(event::Duration::seconds(1), "\x03");
    std::string text = run("virtio read 40000000 0 1; echo never");
    EXPECT_TRUE(
        text.starts_with("\nvirtio read: device 0 block # 0, count 1 ... 0 blocks read: ERROR: interrupted"))
        << text;
    EXPECT_TRUE(text.ends_with("\n<INTERRUPT>\n")) << text;
    EXPECT_EQ(context->status, 1);
    EXPECT_LT(hosted::clock_now() - before, 3 * hosted::second);
}

TEST_P(WholeStack, control_c_ends_a_completion_on_a_disk_that_never_answers) {
    machine.plug_disk().faults.never_completes = true;
    start();
    u64 before = hosted::clock_now();
    port.type_later(event::Duration::seconds(1), "\x03");
    shell::Completion completion(*context, "ls virtio 0 /b");
    EXPECT_TRUE(completion.was_interrupted());
    EXPECT_EQ(completion.matches(), 0u);
    EXPECT_EQ(port.take_output(), "");
    EXPECT_LT(hosted::clock_now() - before, 3 * hosted::second);
}

TEST_P(WholeStack, a_disk_that_never_answers_is_given_up) {
    machine.plug_disk().faults.never_completes = true;
    start();
    std::string text = run("virtio read 40000000 0 1; echo $?");
    EXPECT_TRUE(
        text.starts_with("\nvirtio read: device 0 block # 0, count 1 ... 0 blocks read: ERROR: timed out"))
        << text;
    EXPECT_TRUE(text.ends_with("\n1\n")) << text;
}

TEST_P(WholeStack, input_typed_during_a_transfer_is_kept) {
    // Long enough for some turns of the event loop: only those look at the console.
    machine.plug_disk(1 << 15).latency = [](u64) { return 10 * hosted::millisecond; };
    start();
    port.type_after_looks(2, "abc");
    run("virtio read 40000000 0 4000");
    std::string kept;
    while (auto byte = console.read())
        kept.push_back(static_cast<char>(*byte));
    EXPECT_EQ(kept, "abc");
}

} // namespace
} // namespace vireo::test
