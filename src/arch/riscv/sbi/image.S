// SPDX-License-Identifier: Apache-2.0
// The resident SBI, as resident.ld makes it.
    .section .rodata.vireo_sbi_image, "a"
    .balign 8
    .global vireo_sbi_image
    .hidden vireo_sbi_image
vireo_sbi_image:
    .incbin "gen/vireo-sbi.bin"
    .balign 8
    .global vireo_sbi_image_end
    .hidden vireo_sbi_image_end
vireo_sbi_image_end:
