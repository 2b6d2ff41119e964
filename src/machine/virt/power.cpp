// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/power.h"

#include "autoconf.h"
#include "event/clock.h"
#include "io/window.h"

#if defined(CONFIG_ARCH_ARM) || defined(CONFIG_ARCH_ARM64)
#include "arch/common/arm_processor.h"
#endif

namespace vireo::machine::virt {

namespace {

// PL061 (Arm DDI 0190): the address bits of a data access select the lines that it touches.
using GpioDirection = io::Register<u32, 0x400>;
constexpr u64 gpio_data(u32 pin) { return u64{4} << pin; }

// PSCI function ids (Arm DEN 0022).
constexpr u32 system_off = 0x84000008;
constexpr u32 system_reset = 0x84000009;

const Devices::Register* find_register(std::span<const Devices::Register> list, u32 phandle) {
    for (const auto& entry : list)
        if (entry.phandle == phandle)
            return &entry;
    return nullptr;
}

// An emulator acts on the write a moment later, while we still run.
Result<> wait_for_the_end() {
    event::poll_until(event::Deadline::after(event::Duration::seconds(1)), [] { return false; });
    return error(ErrorCode::Io, "the machine did not react");
}

Result<> by_psci([[maybe_unused]] std::string_view method, [[maybe_unused]] u32 function) {
#if defined(CONFIG_ARCH_ARM) || defined(CONFIG_ARCH_ARM64)
    if (method == "hvc" || method == "smc") {
        arch::psci_call(method == "smc" ? arch::PsciConduit::Smc : arch::PsciConduit::Hvc, function);
        return error(ErrorCode::Io, "PSCI refused");
    }
#endif
    return error(ErrorCode::NotSupported, "no PSCI");
}

Result<> by_syscon(const Devices& devices, const std::optional<Devices::SysconAction>& action) {
    const Devices::Register* target =
        action ? find_register({devices.syscons.data(), devices.syscons.size()}, action->phandle) : nullptr;
    if (!target || action->offset % 4 != 0 || !range_fits(action->offset, 4, target->registers.bytes))
        return error(ErrorCode::NotSupported, "no syscon");
    io::Window(io::Space::Memory, target->registers.base, target->registers.bytes)
        .write32(action->offset, action->value);
    return wait_for_the_end();
}

Result<> by_gpio(const Devices& devices, const std::optional<Devices::GpioAction>& action) {
    const Devices::Register* target =
        action ? find_register({devices.gpio_controllers.data(), devices.gpio_controllers.size()},
                               action->phandle)
               : nullptr;
    if (!target || target->registers.bytes < 0x1000)
        return error(ErrorCode::NotSupported, "the device tree lists no way to do it");
    io::Window gpio(io::Space::Memory, target->registers.base, target->registers.bytes);
    u32 active = action->active_low ? 0 : 0xff;
    // An edge: inactive first.
    gpio.write32(gpio_data(action->pin), ~active & 0xff);
    GpioDirection::write(gpio, GpioDirection::read(gpio) | 1u << action->pin);
    gpio.write32(gpio_data(action->pin), active);
    return wait_for_the_end();
}

Result<> by_first_way(const Devices& devices, u32 psci_function,
                      const std::optional<Devices::SysconAction>& syscon,
                      const std::optional<Devices::GpioAction>& gpio) {
    auto result = by_psci(devices.psci, psci_function);
    if (!result && result.error().code == ErrorCode::NotSupported)
        result = by_syscon(devices, syscon);
    if (!result && result.error().code == ErrorCode::NotSupported)
        result = by_gpio(devices, gpio);
    return result;
}

} // namespace

Result<> restart(const Devices& devices) {
    return by_first_way(devices, system_reset, devices.syscon_reboot, devices.gpio_restart);
}

Result<> power_off(const Devices& devices) {
    return by_first_way(devices, system_off, devices.syscon_power_off, devices.gpio_power_off);
}

} // namespace vireo::machine::virt
