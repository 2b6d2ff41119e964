// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel_formats.h"

#include "autoconf.h"
#include "boot/image/linux_arm.h"
#include "boot/image/linux_arm64.h"
#include "boot/image/linux_riscv.h"
#include "boot/image/linux_x86.h"
#include "boot/image/multiboot.h"
#include "boot/image/pvh.h"

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
#ifdef CONFIG_BOOT_LINUX_X86
    {ImageKind::LinuxX86, system::Isa::X86, read_linux_x86, describe_by_params},
    {ImageKind::LinuxX86, system::Isa::X86_64, read_linux_x86_64, describe_by_params},
#endif
// The host of such a kernel may be itself one for PVH (Xen's is), but only under another host.
#ifdef CONFIG_BOOT_MULTIBOOT
    {ImageKind::Multiboot2, system::Isa::X86, read_multiboot2, describe_by_multiboot, is_multiboot2},
    {ImageKind::Multiboot2, system::Isa::X86_64, read_multiboot2, describe_by_multiboot, is_multiboot2},
    {ImageKind::Multiboot, system::Isa::X86, read_multiboot, describe_by_multiboot, is_multiboot},
    {ImageKind::Multiboot, system::Isa::X86_64, read_multiboot, describe_by_multiboot, is_multiboot},
#endif
#ifdef CONFIG_BOOT_PVH
    {ImageKind::Pvh, system::Isa::X86, read_pvh, describe_by_start_info, is_pvh},
    {ImageKind::Pvh, system::Isa::X86_64, read_pvh, describe_by_start_info, is_pvh},
#endif
};

} // namespace

std::span<const KernelFormat> kernel_formats() { return {formats.begin(), formats.size()}; }

const KernelFormat& format_of(const system::Machine& machine) {
    for (const KernelFormat& format : formats)
        if (format.isa == machine.isa())
            return format;
    panic("a machine starts kernels of no known format");
}

const KernelFormat* format_of(const system::Machine& machine, std::optional<ImageKind> kind, Bytes file) {
    // A header may lie in anything that is nothing else.
    bool is_open = !kind || kind == ImageKind::Elf;
    for (const KernelFormat& format : formats)
        if (format.isa == machine.isa() &&
            (format.is_it ? is_open && format.is_it(file) : format.kind == kind))
            return &format;
    return nullptr;
}

} // namespace vireo::boot
