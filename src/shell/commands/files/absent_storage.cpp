// SPDX-License-Identifier: Apache-2.0
// What boot scripts call before they look at a kind of disk that no virtual machine of ours has: one line and
// a status, so that they go on to the next kind.
#include "shell/context.h"
#include "shell/disks.h"

namespace vireo::shell {
namespace {

int absent(Context& context, Arguments arguments) {
    (void)refuse_absent_storage(context, arguments[0]);
    return status_failed;
}

constexpr const char* summary = "a kind of disk that is not driven here";

VIREO_COMMAND(ide_command) = {.name = "ide",
                              .summary = summary,
                              .usage = "ide ... - status 1: use virtio",
                              .run = absent,
                              .is_absent = true};
VIREO_COMMAND(mmc_command) = {.name = "mmc",
                              .summary = summary,
                              .usage = "mmc ... - status 1: use virtio",
                              .run = absent,
                              .is_absent = true};
VIREO_COMMAND(nvme_command) = {.name = "nvme",
                               .summary = summary,
                               .usage = "nvme ... - status 1: use virtio",
                               .run = absent,
                               .is_absent = true};
VIREO_COMMAND(sata_command) = {.name = "sata",
                               .summary = summary,
                               .usage = "sata ... - status 1: use virtio",
                               .run = absent,
                               .is_absent = true};
VIREO_COMMAND(scsi_command) = {.name = "scsi",
                               .summary = summary,
                               .usage = "scsi ... - status 1: use virtio",
                               .run = absent,
                               .is_absent = true};
VIREO_COMMAND(usb_command) = {.name = "usb",
                              .summary = summary,
                              .usage = "usb ... - status 1: use virtio",
                              .run = absent,
                              .is_absent = true};

} // namespace
} // namespace vireo::shell
