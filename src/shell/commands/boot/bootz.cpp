// SPDX-License-Identifier: Apache-2.0
#include "shell/commands/boot/boot_memory.h"

namespace vireo::shell {
namespace {

VIREO_COMMAND(bootz_command) = {
    .name = "bootz",
    .summary = "boot a Linux zImage from memory",
    .usage =
        "bootz [address [initrd[:size] [tree]]] - boot the kernel at 'address' (default $loadaddr) with the\n"
        "     initrd, or none for '-', and the device tree there, or what fdt works on. Without a size: that "
        "of\n"
        "     the file that was loaded there. $bootargs is the command line; unset, the tree's is kept.",
    .run = boot_from_memory,
    .max_words = 4,
};

} // namespace
} // namespace vireo::shell
