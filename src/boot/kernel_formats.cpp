// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel_formats.h"

#include "autoconf.h"
#include "boot/image/linux_arm.h"
#include "boot/image/linux_arm64.h"
#include "boot/image/linux_riscv.h"

namespace vireo::boot {

namespace {

constexpr std::initializer_list<KernelFormat> formats = {
#ifdef CONFIG_BOOT_LINUX_ARM
    {ImageKind::LinuxArm, system::Isa::Arm, read_linux_arm},
#endif
#ifdef CONFIG_BOOT_LINUX_ARM64
    {ImageKind::LinuxArm64, system::Isa::Arm64, read_linux_arm64},
#endif
#ifdef CONFIG_BOOT_LINUX_RISCV
    {ImageKind::LinuxRiscv, system::Isa::Riscv32, read_linux_riscv32},
    {ImageKind::LinuxRiscv, system::Isa::Riscv64, read_linux_riscv64},
#endif
};

} // namespace

std::span<const KernelFormat> kernel_formats() { return {formats.begin(), formats.size()}; }

} // namespace vireo::boot
