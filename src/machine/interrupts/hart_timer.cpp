// SPDX-License-Identifier: Apache-2.0
#include "machine/interrupts/hart_timer.h"

#include "arch/riscv/processor.h"

namespace vireo::machine::virt {

namespace {

constexpr u32 machine_timer_cause = 7;

std::optional<arch::riscv::Timer> find_timer(const Devices& devices, u32 hart) {
    for (const auto& timer : devices.timers) {
        auto connection = devices.connection(timer, hart, machine_timer_cause);
        if (!connection || connection->of_cause >= timer.compare.bytes / 8)
            continue;
        arch::riscv::Timer found;
        found.counter = static_cast<uptr>(timer.registers.base);
        found.compare = static_cast<uptr>(timer.compare.base + 8 * connection->of_cause);
        return found;
    }
    return std::nullopt;
}

} // namespace

void start_hart_timer(const Devices& devices, u32 hart) {
    auto timer = find_timer(devices, hart);
    if (!timer)
        timer.emplace();
    if (devices.timebase_frequency.value_or(0) != 0)
        timer->ticks_per_second = *devices.timebase_frequency;
    arch::riscv::set_timer(*timer);
}

bool has_hart_timer(const Devices& devices, u32 hart) {
    return arch::riscv::is_supervisor() || find_timer(devices, hart).has_value();
}

} // namespace vireo::machine::virt
