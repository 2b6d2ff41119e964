// SPDX-License-Identifier: Apache-2.0
#include "arch/psci/hardware.h"
#include "arch/psci/words.h"

namespace vireo::arch::psci {

namespace {

// GICv2 (Arm IHI 0048): distributor, then interface.
constexpr uptr groups = 0x080;
constexpr uptr targets = 0x800;
constexpr uptr software_interrupt = 0xf00;
constexpr u32 all_others = 1 << 24;
constexpr unsigned mask_shift = 16;

constexpr uptr control = 0x00;
constexpr u32 group0 = 1;
constexpr uptr priority_mask = 0x04;
constexpr uptr acknowledge = 0x0c;
constexpr uptr end = 0x10;

// ICC_SGI0R of GICv3 (Arm IHI 0069, 12.2.21).
constexpr u64 all_others_v3 = u64{1} << 40;
constexpr u64 number_v3 = u64{VIREO_PSCI_WAKE_INTERRUPT} << 24;
constexpr u64 send_to(u64 affinity) {
    u64 level0 = affinity & 0xff;
    return (affinity >> 32 & 0xff) << 48 | (level0 >> 4) << 44 | (affinity >> 16 & 0xff) << 32 | number_v3 |
           (affinity >> 8 & 0xff) << 16 | u64{1} << (level0 & 0xf);
}

} // namespace

void SecureMonitor::wake(u32 index) {
    if (!is_gic_v2())
        return send_gic_v3(send_to(machine_.affinities[index]));
    // One that has not come here yet looks before it sleeps.
    if (u32 mask = load(processors_[index].wake_mask); mask != 0)
        write_distributor(software_interrupt, mask << mask_shift | VIREO_PSCI_WAKE_INTERRUPT);
}

void SecureMonitor::wake_others() {
    if (is_gic_v2())
        write_distributor(software_interrupt, all_others | VIREO_PSCI_WAKE_INTERRUPT);
    else
        send_gic_v3(all_others_v3 | number_v3);
}

u32 SecureMonitor::begin_sleep() {
    set_up_gic();
    listen(true);
    return is_gic_v2() ? read_distributor(targets) & 0xff : 0;
}

void SecureMonitor::sleep() {
    wait_for_interrupt();
    (void)take_interrupt();
}

void SecureMonitor::forget_wakes() {
    while (take_interrupt() < no_interrupt)
        ;
}

void SecureMonitor::stand_by() { wait_for_interrupt(); }

void SecureMonitor::pull(const Description::Line& line) {
    // PL061 (Arm DDI 0190): the address bits of a data access select the lines that it touches. An
    // edge: inactive first.
    uptr data = line.controller + (uptr{4} << line.pin);
    uptr direction = line.controller + 0x400;
    u32 active = line.active_low != 0 ? 0 : 0xff;
    write(data, ~active & 0xff);
    write(direction, read(direction) | 1u << line.pin);
    write(data, active);
}

void SecureMonitor::set_up() {
    set_up_gic();
    listen(false);
    set_up_processor(machine_.counter_rate);
}

void SecureMonitor::set_up_gic() {
    if (!is_gic_v2())
        return set_up_gic_v3();
    // Each processor has this word of its own. Group 1 is the non-secure world's.
    write_distributor(groups, ~(u32{1} << VIREO_PSCI_WAKE_INTERRUPT));
}

void SecureMonitor::listen(bool to_wakes) {
    if (!is_gic_v2())
        return listen_gic_v3(to_wakes);
    write_interface(priority_mask, 0xff);
    write_interface(control, to_wakes ? group0 : 0);
}

u32 SecureMonitor::take_interrupt() {
    if (!is_gic_v2())
        return take_interrupt_gic_v3();
    u32 taken = read_interface(acknowledge);
    if ((taken & 0x3ff) < no_interrupt)
        write_interface(end, taken);
    return taken & 0x3ff;
}

} // namespace vireo::arch::psci
