// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/power.h"

#include "autoconf.h"
#include "event/clock.h"
#include "io/window.h"

#if defined(CONFIG_ARCH_ARM) || defined(CONFIG_ARCH_ARM64)
#include "arch/common/arm_processor.h"
#elif defined(CONFIG_ARCH_RISCV)
#include "arch/riscv/processor.h"
#include "arch/riscv/sbi.h"
#endif

namespace vireo::machine::virt {

namespace {

// PL061 (Arm DDI 0190): the address bits of a data access select the lines that it touches.
using GpioDirection = io::Register<u32, 0x400>;
constexpr u64 gpio_data(u32 pin) { return u64{4} << pin; }

// What the firmware below us is asked for.
enum class Request : u8 { PowerOff, Restart };

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

#ifdef CONFIG_ARCH_RISCV
Result<> by_firmware(const Devices&, Request request) {
    namespace sbi = arch::riscv::sbi;
    if (!arch::riscv::is_supervisor() || !sbi::has(sbi::system_reset))
        return error(ErrorCode::NotSupported, "no SBI");
    // Shutdown is 0, cold reboot 1, and there is no reason to report (10.1).
    sbi::call(sbi::system_reset, 0, request == Request::PowerOff ? 0 : 1);
    return error(ErrorCode::NotSupported, "SBI refused");
}
#else
// PSCI function ids (Arm DEN 0022).
constexpr u32 system_off = 0x84000008;
constexpr u32 system_reset = 0x84000009;

Result<> by_firmware(const Devices& devices, Request request) {
    if (devices.psci != "hvc" && devices.psci != "smc")
        return error(ErrorCode::NotSupported, "no PSCI");
    arch::psci_call(devices.psci == "smc" ? arch::PsciConduit::Smc : arch::PsciConduit::Hvc,
                    request == Request::PowerOff ? system_off : system_reset);
    return error(ErrorCode::Io, "PSCI refused");
}
#endif

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

Result<> by_first_way(const Devices& devices, Request request,
                      const std::optional<Devices::SysconAction>& syscon,
                      const std::optional<Devices::GpioAction>& gpio) {
    auto result = by_firmware(devices, request);
    if (!result && result.error().code == ErrorCode::NotSupported)
        result = by_syscon(devices, syscon);
    if (!result && result.error().code == ErrorCode::NotSupported)
        result = by_gpio(devices, gpio);
    return result;
}

} // namespace

Result<> restart(const Devices& devices) {
    return by_first_way(devices, Request::Restart, devices.syscon_reboot, devices.gpio_restart);
}

Result<> power_off(const Devices& devices) {
    return by_first_way(devices, Request::PowerOff, devices.syscon_power_off, devices.gpio_power_off);
}

} // namespace vireo::machine::virt
