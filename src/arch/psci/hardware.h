// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/psci/processors.h"

namespace vireo::arch::psci {

// The processor that runs this, in the secure world's highest state (EL3; monitor mode): see
// Processors and Service.
class SecureMonitor {
  public:
    constexpr SecureMonitor(const Description& machine, const Processor* processors)
        : machine_(machine), processors_(processors) {}

    void wake(u32 index);
    void stand_by();
    void pull(const Description::Line& line);

    // The rest is not asked for by callers.

    // Ends the sleep of all others, wherever they sleep.
    void wake_others();
    // From here on nothing but wake() ends a sleep. Returns the mask that it needs for this processor.
    u32 begin_sleep();
    // Until woken; maybe not as long.
    void sleep();
    // No wake() is left over.
    void forget_wakes();
    // What this processor is like before the non-secure world runs on it: nothing that it has to offer is
    // held back, and all interrupts are the non-secure world's.
    void set_up();

  private:
    // Both distributor and processors of a GICv2 (Arm IHI 0048, 4.1).
    u32 read_distributor(uptr offset) const { return read(machine_.distributor + offset); }
    void write_distributor(uptr offset, u32 value) { write(machine_.distributor + offset, value); }
    u32 read_interface(uptr offset) const { return read(machine_.interface + offset); }
    void write_interface(uptr offset, u32 value) { write(machine_.interface + offset, value); }
    static u32 read(uptr address) { return *reinterpret_cast<const volatile u32*>(address); }
    static void write(uptr address, u32 value) { *reinterpret_cast<volatile u32*>(address) = value; }

    bool is_gic_v2() const { return machine_.gic_version == 2; }
    void set_up_gic();
    // Who shall hear of interrupts: the secure world (group 0) or nobody, until the non-secure one says more.
    void listen(bool to_wakes);
    // Takes the most urgent of group 0; its number, from 1020 on if there was none.
    u32 take_interrupt();

    const Description& machine_;
    const Processor* processors_;
};

} // namespace vireo::arch::psci
