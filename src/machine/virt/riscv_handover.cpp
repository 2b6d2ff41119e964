// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/riscv_handover.h"

namespace vireo::machine::virt {

using arch::riscv::sbi::Description;

namespace {

constexpr u32 machine_software_cause = 3;
constexpr u32 machine_timer_cause = 7;

// Where the register of `hart` lies, one of those of `stride` bytes at `registers`; 0: there is none.
uptr register_of(const Devices& devices, const Devices::HartDevice& device, const Region& registers, u32 hart,
                 u32 cause, u64 stride) {
    auto connection = devices.connection(device, hart, cause);
    if (!connection || connection->of_cause >= registers.bytes / stride)
        return 0;
    return static_cast<uptr>(registers.base + stride * connection->of_cause);
}

Description::Hart describe(const Devices& devices, u32 hart) {
    Description::Hart its{.id = hart, .unused = 0, .software_interrupt = 0, .compare = 0};
    for (const auto& device : devices.software_interrupts)
        if (its.software_interrupt == 0)
            its.software_interrupt =
                register_of(devices, device, device.registers, hart, machine_software_cause, 4);
    for (const auto& timer : devices.timers)
        if (its.compare == 0)
            its.compare = register_of(devices, timer, timer.compare, hart, machine_timer_cause, 8);
    return its;
}

Description::Register describe(const Devices& devices, const std::optional<Devices::SysconAction>& action) {
    for (const auto& syscon : devices.syscons)
        if (action && syscon.phandle == action->phandle && action->offset % 4 == 0 &&
            range_fits(action->offset, 4, syscon.registers.bytes))
            return {static_cast<uptr>(syscon.registers.base + action->offset), action->value};
    return {0, 0};
}

} // namespace

Result<Description> describe_for_sbi(const Devices& devices, u32 hart) {
    Description machine{};
    bool has_own = false;
    for (const auto& controller : devices.hart_controllers) {
        if (machine.hart_count == Description::max_harts)
            break;
        has_own |= controller.hart == hart;
        machine.harts[machine.hart_count++] = describe(devices, controller.hart);
    }
    if (!has_own)
        return error(ErrorCode::NotFound, "the device tree does not name the hart that Vireo runs on");
    machine.patience = devices.timebase_frequency.value_or(10'000'000);
    if (devices.timers.size() != 0)
        machine.counter = static_cast<uptr>(devices.timers[0].registers.base);
    if (devices.console && devices.console->kind == Devices::Uart::Kind::Ns16550)
        machine.console = static_cast<uptr>(devices.console->registers.base);
    machine.power_off = describe(devices, devices.syscon_power_off);
    machine.restart = describe(devices, devices.syscon_reboot);
    return machine;
}

} // namespace vireo::machine::virt
