// SPDX-License-Identifier: Apache-2.0
#include "arch/common/start.h"
#include "arch/arch.h"
#include "arch/common/exception_report.h"
#include "arch/common/image.h"
#include "arch/common/relocate.h"
#include "autoconf.h"
#include "base/log.h"
#include "base/math.h"
#include "event/bootstage.h"
#include "machine/firmware/firmware.h"
#include "machine/interrupts/interrupts.h"
#include "machine/virt/machine.h"
#include "machine/virt/memory.h"

#ifdef CONFIG_ARCH_RISCV
#include "arch/riscv/handover.h"
#include "arch/riscv/processor.h"
#include "arch/riscv/sbi/layout.h"
#include "machine/virt/given_kernel.h"
#endif

// The way of the image to its final place (arch/common/start.h), and from there to the firmware.
namespace vireo::machine::virt {

namespace {

constexpr u64 four_gib = u64{1} << 32;

// What the image tells its copy at the top of RAM.
struct Handoff {
    u64 device_tree;
    u64 device_tree_bytes;
    u64 loaded_at;
    u64 processor;
    u64 started; // ticks
#ifdef CONFIG_ARCH_RISCV
    KeptRanges kept{};
    bool is_over_kernel = false; // what the host gives lies where we were loaded to
#endif
    MemoryDescription memory;
};

std::byte* at(u64 address) { return reinterpret_cast<std::byte*>(static_cast<uptr>(address)); }

// Free RAM as high as possible, but below 4 GiB where there is some: devices with 32-bit
// addresses shall reach it.
u64 allocate(system::MemoryMap& map, u64 bytes, u64 alignment, const char* owner) {
    auto place = map.allocate(bytes, alignment, owner, four_gib);
    if (!place)
        place = map.allocate(bytes, alignment, owner);
    if (!place)
        cannot_start(owner, place.error().what);
    return *place;
}

void reserve(system::MemoryMap& map, u64 base, u64 bytes, const char* owner) {
    if (auto done = map.reserve(base, bytes, owner); !done)
        cannot_start(owner, done.error().what);
}

#ifdef CONFIG_RISCV_SBI
bool keeps_room_for_sbi() { return !arch::riscv::is_supervisor() && arch::riscv::has_supervisor_mode(); }
#elif defined(CONFIG_ARCH_RISCV)
constexpr bool keeps_room_for_sbi() { return false; }
#endif

// What the host loaded stays as it is until a user can say what he wants.
#ifdef CONFIG_ARCH_RISCV
void keep_given_kernel(const bus::fdt::Tree& tree, system::MemoryMap& map, Handoff& handoff) {
    auto given = given_kernel(tree, map);
    if (!given)
        return;
    if (keeps_room_for_sbi())
        reserve(map, VIREO_SBI_BLOCK, VIREO_SBI_BLOCK_BYTES, "resident SBI");
    u64 bytes = std::max(given->kernel.bytes, u64{1}); // where its header was, we may be
    handoff.is_over_kernel =
        ranges_overlap(given->kernel.base, bytes, arch::image_base(), arch::image_bytes());
    handoff.kept = keep(*given, map);
}
#else
void keep_given_kernel(const bus::fdt::Tree&, system::MemoryMap&, Handoff&) {}
#endif

void restart_after_exception();
constinit VirtMachine* running_machine = nullptr;

// A frame of its own: one that had both the map and the machine would be larger than frames may be.
[[noreturn, gnu::noinline]] void run_machine(const bus::fdt::Tree& tree, system::MemoryMap& map,
                                             const Handoff& handoff) {
    // Its own copy: what early code left is gone when the heap is used.
#ifdef CONFIG_ARCH_RISCV
    const KeptRanges ranges = handoff.kept;
    std::span<const Range> kept = ranges.all();
#else
    std::span<const Range> kept;
#endif
    VirtMachine machine(tree, map, static_cast<u32>(handoff.processor));
    running_machine = &machine;
    arch::set_final_action(restart_after_exception);
    if (handoff.memory.out_of_reach != 0)
        warn("{} MiB of RAM lie above {} GiB, where this board cannot use them",
             handoff.memory.out_of_reach >> 20, address_limit >> 30);
    machine.run(kept);
}

} // namespace

extern "C" [[gnu::used]] void vireo_early(uptr device_tree, uptr processor) {
    set_log_writer(&early_console());
    if (device_tree == 0)
        cannot_start("device tree", "none was passed on");
    auto tree = bus::fdt::Tree::open({at(device_tree), bus::fdt::Tree::max_bytes});
    if (!tree)
        cannot_start("device tree", tree.error().what);
    Handoff handoff;
#ifndef CONFIG_ARCH_RISCV // where the counter is the device tree tells
    handoff.started = arch::ticks();
#endif
    describe_memory(*tree, handoff.memory);
    system::MemoryMap map;
    if (auto entered = enter_memory(handoff.memory, map); !entered)
        cannot_start("memory", entered.error().what);

    check_ram(map);

    // Neither the tree nor this image may be overwritten before it is copied.
    usize tree_bytes = tree->used_bytes();
    reserve(map, device_tree, tree_bytes, "device tree");
    reserve(map, arch::image_base(), arch::image_bytes(), "image as loaded");
    keep_given_kernel(*tree, map, handoff);
    u64 final_image = allocate(map, arch::image_bytes(), arch::image_alignment, "firmware image");
    u64 final_tree = allocate(map, tree_bytes, 4096, "device tree");

    if (auto copied = tree->copy_to({at(final_tree), tree_bytes}); !copied)
        cannot_start("device tree", copied.error().what);
    uptr distance = vireo_copy_image(static_cast<uptr>(final_image));
    arch::sync_instruction_cache(at(final_image), arch::image_address(vireo_text_end) - arch::image_base());
    handoff.device_tree = final_tree;
    handoff.device_tree_bytes = tree_bytes;
    handoff.loaded_at = arch::image_base();
    handoff.processor = processor;
    arch::move_to(distance, &handoff);
}

extern "C" [[gnu::used]] void vireo_late(const void* early_handoff) {
    const Handoff& handoff = *static_cast<const Handoff*>(early_handoff); // gone when the heap is used
    arch::install_vectors();
    set_log_writer(&early_console());
#ifndef CONFIG_ARCH_RISCV
    event::first_stage("start", handoff.started);
    event::mark_stage("relocated");
#endif

    auto tree = bus::fdt::Tree::adopt(at(handoff.device_tree));
    system::MemoryMap map;
    if (auto entered = enter_memory(handoff.memory, map); !entered)
        cannot_start("memory", entered.error().what);
    uptr unset = arch::image_address(vireo_guard);
    reserve(map, handoff.device_tree, handoff.device_tree_bytes, "device tree");
    reserve(map, arch::image_base(), unset - arch::image_base(), "firmware image");
    reserve(map, unset, arch::image_address(vireo_image_end) - unset, "firmware stack");
#ifdef CONFIG_ARCH_RISCV
    if (keeps_room_for_sbi())
        reserve(map, VIREO_SBI_BLOCK, VIREO_SBI_BLOCK_BYTES, "resident SBI");
    if (usize bytes = arch::riscv::parking_bytes(); bytes != 0)
        reserve(map, handoff.loaded_at, bytes, "parked harts");
    if (handoff.is_over_kernel) // it will be refused for that
        reserve(map, handoff.loaded_at, arch::image_bytes(), "image as loaded");
    if (auto done = keep(handoff.kept, map); !done)
        cannot_start("memory", done.error().what);
#endif

    FixedVector<arch::RamRange, system::MemoryMap::max_ram_banks> ranges;
    for (const auto& bank : map.ram())
        VIREO_ASSERT(ranges.try_push_back({bank.base, bank.bytes}));
    arch::protect_memory({ranges.data(), ranges.size()});

    run_machine(tree, map, handoff);
}

namespace {

void restart_after_exception() {
    (void)running_machine->reset(); // if it fails, the processor halts
}

} // namespace

} // namespace vireo::machine::virt
