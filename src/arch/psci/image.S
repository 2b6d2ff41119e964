// SPDX-License-Identifier: Apache-2.0
// The resident PSCI, as resident.ld makes it.
    .section .rodata.vireo_psci_image, "a"
    .balign 8
    .global vireo_psci_image
    .hidden vireo_psci_image
vireo_psci_image:
    .incbin "gen/vireo-psci.bin"
    .balign 8
    .global vireo_psci_image_end
    .hidden vireo_psci_image_end
vireo_psci_image_end:
