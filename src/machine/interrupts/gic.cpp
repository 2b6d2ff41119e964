// SPDX-License-Identifier: Apache-2.0
#include "arch/common/arm_processor.h"
#include "arch/common/wake.h"
#include "arch/psci/layout.h"
#include "event/clock.h"
#include "io/window.h"
#include "machine/interrupts/interrupts.h"

// The Generic Interrupt Controller, set up so that two interrupts reach the processor and none is ever taken:
// they stay masked there and only end `wfi`. Both follow the level of their source, so nothing is to be
// acknowledged. The group of an interrupt is left as it is and both groups are enabled: which one reaches us
// depends on the security state, and either ends a sleep.
namespace vireo::machine::virt {

using bus::fdt::read_cells;

namespace {

// Distributor (Arm IHI 0048, 4.3; IHI 0069, 12.9).
constexpr u64 distributor_control = 0x000;
constexpr u64 distributor_type = 0x004;
constexpr u64 group = 0x080;
constexpr u64 set_enable = 0x100;
constexpr u64 clear_enable = 0x180;
constexpr u64 priority = 0x400;
constexpr u64 targets = 0x800;
constexpr u64 group_modifier = 0xd00; // GICv3
constexpr u64 route = 0x6000;         // GICv3: 64 bits an interrupt
// Group 0, group 1 (also as the secure side of a GICv3 sees it), affinity routing on either side.
constexpr u32 group0 = 0x1;
constexpr u32 v2_both_groups = 0x3;
constexpr u32 v3_affinity_routing = 0x30;
constexpr u32 v3_all_groups = 0x7;

// CPU interface of GICv2.
constexpr u64 interface_control = 0x00;
constexpr u64 priority_mask = 0x04;

// Redistributors of GICv3: two frames of 64 KiB a processor.
constexpr u64 redistributor_bytes = 0x20000;
constexpr u64 redistributor_type = 0x08;
constexpr u64 redistributor_type_high = 0x0c; // affinity
constexpr u32 last_redistributor = 1 << 4;
constexpr u32 has_virtual_messages = 1 << 1; // GICv4: two more frames
constexpr u64 redistributor_waker = 0x14;
constexpr u32 processor_sleep = 1 << 1;
constexpr u32 children_asleep = 1 << 2;
constexpr u64 private_interrupts = 0x10000;

constexpr u32 first_shared = 32;
constexpr u32 virtual_timer = 27;

// Entry `index` of an `interrupts` property with three cells: shared or private, number, flags.
std::optional<u32> interrupt_number(Bytes interrupts, usize index) {
    auto type = read_cells(interrupts, index * 3, 1);
    auto number = read_cells(interrupts, index * 3 + 1, 1);
    if (!type || !number || *number > 987)
        return std::nullopt;
    return static_cast<u32>(*number) + (*type == 0 ? first_shared : 16);
}

void enable(const io::Window& window, u32 interrupt) {
    window.write32(set_enable + interrupt / 32 * 4, 1u << interrupt % 32);
}

void disable(const io::Window& window, u32 interrupt) {
    window.write32(clear_enable + interrupt / 32 * 4, 1u << interrupt % 32);
}

// The interrupts that end a sleep.
struct Sources {
    u32 timer;
    std::optional<u32> console;
};

Sources sources_of(const Devices& devices) {
    // The third of the timer's interrupts is the virtual timer's.
    Sources sources{interrupt_number(devices.timer_interrupts, 2).value_or(virtual_timer), std::nullopt};
    if (devices.console)
        sources.console = interrupt_number(devices.console->interrupts, 0);
    if (sources.console && *sources.console < first_shared)
        sources.console.reset();
    return sources;
}

bool start_v2(const Devices::Gic& gic, const Sources& sources) {
    auto [timer, console] = sources;
    if (gic.distributor.bytes < 0x1000 || gic.processor_side.bytes < 0x100)
        return false;
    io::Window distributor(io::Space::Memory, gic.distributor.base, gic.distributor.bytes);
    io::Window interface(io::Space::Memory, gic.processor_side.base, gic.processor_side.bytes);
    enable(distributor, timer);
    if (console) {
        distributor.write8(targets + *console, 1);
        enable(distributor, *console);
    }
    distributor.write32(distributor_control, v2_both_groups);
    interface.write32(priority_mask, 0xff);
    interface.write32(interface_control, v2_both_groups);
    return true;
}

// The frames of this processor's redistributor.
std::optional<io::Window> own_redistributor(const Region& all) {
    for (u64 at = 0; at + redistributor_bytes <= all.bytes; at += redistributor_bytes) {
        io::Window frame(io::Space::Memory, all.base + at, redistributor_bytes);
        if (frame.read32(redistributor_type_high) == arch::processor_affinity())
            return frame;
        if ((frame.read32(redistributor_type) & last_redistributor) != 0)
            break;
    }
    return std::nullopt;
}

void stop_v2(const Devices::Gic& gic, const Sources& sources) {
    io::Window distributor(io::Space::Memory, gic.distributor.base, gic.distributor.bytes);
    io::Window interface(io::Space::Memory, gic.processor_side.base, gic.processor_side.bytes);
    interface.write32(interface_control, 0);
    interface.write32(priority_mask, 0);
    distributor.write32(distributor_control, 0);
    disable(distributor, sources.timer);
    if (sources.console)
        disable(distributor, *sources.console);
}

bool start_v3(const Devices::Gic& gic, const Sources& sources) {
    auto [timer, console] = sources;
    auto redistributor = own_redistributor(gic.processor_side);
    if (!redistributor || gic.distributor.bytes < 0x8000)
        return false;
    io::Window distributor(io::Space::Memory, gic.distributor.base, gic.distributor.bytes);
    distributor.write32(distributor_control, v3_affinity_routing);
    distributor.write32(distributor_control, v3_affinity_routing | v3_all_groups);

    redistributor->write32(redistributor_waker,
                           redistributor->read32(redistributor_waker) & ~processor_sleep);
    event::poll_until(event::Deadline::after(event::Duration::milli(10)),
                      [&] { return (redistributor->read32(redistributor_waker) & children_asleep) == 0; });
    enable(VIREO_MUST(redistributor->part(private_interrupts, 0x10000)), timer);
    if (console) {
        u64 affinity = arch::processor_affinity();
        distributor.write32(route + u64{8} * *console, static_cast<u32>(affinity & 0xffffff));
        distributor.write32(route + u64{8} * *console + 4, static_cast<u32>(affinity >> 24));
        enable(distributor, *console);
    }
    return arch::enable_gic_v3_interface();
}

// Affinity routing stays: it may not be switched off again (Arm IHI 0069, 12.9.4).
void stop_v3(const Devices::Gic& gic, const Sources& sources) {
    arch::disable_gic_v3_interface();
    io::Window distributor(io::Space::Memory, gic.distributor.base, gic.distributor.bytes);
    distributor.write32(distributor_control, v3_affinity_routing);
    if (sources.console)
        disable(distributor, *sources.console);
    if (auto redistributor = own_redistributor(gic.processor_side))
        disable(VIREO_MUST(redistributor->part(private_interrupts, 0x10000)), sources.timer);
}

constexpr u32 not_for_wakes = ~(1u << VIREO_PSCI_WAKE_INTERRUPT);

void give_shared_interrupts(const io::Window& distributor, bool is_v3) {
    u32 words = (distributor.read32(distributor_type) & 0x1f) + 1;
    for (u32 i = 1; i < words; ++i) {
        distributor.write32(group + u64{4} * i, ~0u);
        if (is_v3)
            distributor.write32(group_modifier + u64{4} * i, 0);
    }
}

// What is each processor's own of a GICv2 only that can give away (arch/psci/hardware.cpp).
bool give_v2(const Devices::Gic& gic) {
    if (gic.distributor.bytes < 0x1000 || gic.processor_side.bytes < 0x100)
        return false;
    io::Window distributor(io::Space::Memory, gic.distributor.base, gic.distributor.bytes);
    distributor.write32(distributor_control, 0);
    give_shared_interrupts(distributor, false);
    distributor.write32(distributor_control, group0);
    return true;
}

void give_redistributor(const io::Window& frames) {
    frames.write32(redistributor_waker, frames.read32(redistributor_waker) & ~processor_sleep);
    io::Window own = VIREO_MUST(frames.part(private_interrupts, 0x10000));
    own.write32(group, not_for_wakes);
    own.write32(group_modifier, 0);
    own.write8(priority + VIREO_PSCI_WAKE_INTERRUPT, 0);
    enable(own, VIREO_PSCI_WAKE_INTERRUPT);
}

bool give_v3(const Devices::Gic& gic) {
    if (gic.distributor.bytes < 0x8000)
        return false;
    io::Window distributor(io::Space::Memory, gic.distributor.base, gic.distributor.bytes);
    distributor.write32(distributor_control, v3_affinity_routing);
    give_shared_interrupts(distributor, true);
    for (u64 at = 0; at + redistributor_bytes <= gic.processor_side.bytes;) {
        io::Window frames(io::Space::Memory, gic.processor_side.base + at, redistributor_bytes);
        u32 type = frames.read32(redistributor_type);
        give_redistributor(frames);
        if ((type & last_redistributor) != 0)
            break;
        at += redistributor_bytes << ((type & has_virtual_messages) != 0 ? 1 : 0);
    }
    distributor.write32(distributor_control, v3_affinity_routing | group0);
    return true;
}

} // namespace

bool route_wake_sources(const Devices& devices, u32) {
    const Sources sources = sources_of(devices);
    if (sources.timer >= first_shared || !devices.gic)
        return false;
    bool started =
        devices.gic->version == 2 ? start_v2(*devices.gic, sources) : start_v3(*devices.gic, sources);
    if (!started)
        return false;
    arch::set_wake({.timer = true, .longest_sleep = longest_sleep(sources.console.has_value())});
    return sources.console.has_value();
}

void release_wake_sources(const Devices& devices) {
    if (!arch::wake().timer) // nothing was started
        return;
    const Sources sources = sources_of(devices);
    if (devices.gic->version == 2)
        stop_v2(*devices.gic, sources);
    else
        stop_v3(*devices.gic, sources);
    arch::set_wake({});
}

bool give_interrupts_to_non_secure_world(const Devices& devices) {
    return devices.gic->version == 2 ? give_v2(*devices.gic) : give_v3(*devices.gic);
}

} // namespace vireo::machine::virt
