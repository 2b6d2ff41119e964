// SPDX-License-Identifier: Apache-2.0
#include "shell/commands/boot/boot_memory.h"

namespace vireo::shell {
namespace {

VIREO_COMMAND(bootm_command) = {
    .name = "bootm",
    .summary = "boot a uImage, or any other kernel, from memory",
    .usage =
        "bootm [address [initrd[:size] [tree]]] - boot the kernel at 'address' (default $loadaddr), a uImage "
        "or\n"
        "     what booti and bootz take, compressed or not, with the initrd, or none for '-', and the "
        "device\n"
        "     tree there. Without them: those of the uImage, if it has several files, and the tree that fdt\n"
        "     works on. $bootargs is the command line; unset, the tree's is kept.",
    .run = boot_from_memory,
    .max_words = 4,
};

} // namespace
} // namespace vireo::shell
