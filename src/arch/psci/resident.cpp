// SPDX-License-Identifier: Apache-2.0
#include "arch/psci/resident.h"
#include "arch/psci/hardware.h"
#include "arch/psci/service.h"

// What stays of Vireo in the secure world when an operating system runs in the other: the processors' way
// there, and what is asked of them later. A program of its own, which sees nothing of the firmware that has
// put it in its place. Translation and caches are off.
extern "C" {
#pragma GCC visibility push(hidden)
// Enters the non-secure world; this processor's stack is empty then.
[[noreturn]] void vireo_psci_enter(vireo::u32 own, vireo::uptr entry, const vireo::uptr* arguments);
#pragma GCC visibility pop
}

namespace vireo::arch::psci {

namespace {

// resident.ld puts it where Vireo writes it.
[[gnu::section(".description")]] constinit Description machine{};
constinit Processor processors[Description::max_processors]{};

SecureMonitor hardware() { return {machine, processors}; }

[[noreturn]] void enter(u32 own, uptr entry, const FirstArguments& arguments) {
    hardware().set_up();
    vireo_psci_enter(own, entry, arguments.values);
}

[[noreturn]] void park(u32 own) {
    SecureMonitor self = hardware();
    Processors<SecureMonitor> all(machine, processors, self, own);
    all.wait_under(self.begin_sleep());
    while (!all.take_start())
        self.sleep();
    self.forget_wakes();
    enter(own, load(processors[own].entry), {load(processors[own].context)});
}

} // namespace

sptr serve(u32 own, const Call& call) {
    SecureMonitor self = hardware();
    Reply reply = Service<SecureMonitor>(machine, processors, self, own).answer(call);
    if (reply.then == Reply::Then::Stop)
        park(own);
    while (reply.then == Reply::Then::Halt)
        self.stand_by();
    return reply.value;
}

extern "C" {

// The first processor, after Vireo. The others come here from where they wait since reset.
[[noreturn]] void vireo_psci_first(u32 own) {
    for (u32 i = 0; i < machine.count; ++i)
        store(processors[i].state, i == own ? State::On : State::Off);
    hardware().wake_others();
    enter(own, machine.entry, first_arguments(machine.argument));
}

// Any other, until it is started.
[[noreturn]] void vireo_psci_park(u32 own) { park(own); }
}

} // namespace vireo::arch::psci
