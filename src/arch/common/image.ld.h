/* SPDX-License-Identifier: Apache-2.0 */
/* The image of the boards whose firmware file is the image itself (arm, arm64, riscv), included by arch/<isa>/image.ld, which
   says how text, constants and data are set apart (VIREO_PROTECTION, the page size where they get protections of their
   own) and what the page tables need. Linked at 0: an address in vireo.map is an offset into the image. */

ENTRY(vireo_entry)

SECTIONS
{
    .text 0 :
    {
        vireo_image_start = .;
        KEEP(*(.entry))
        *(.text .text.*)
        . = ALIGN(VIREO_PROTECTION);
        vireo_text_end = .;
    }
    .rodata :
    {
        *(.rodata .rodata.*)
        . = ALIGN(VIREO_PROTECTION);
        vireo_rodata_end = .;
    }
    .data : { *(.data.rel.ro .data.rel.ro.*) *(.got .got.plt) *(.data .data.* .sdata .sdata.*) }
    /* The registries: sections that are found by their names, __start_ and __stop_. */
    vireo_commands : { KEEP(*(vireo_commands)) }
    vireo_drivers : { KEEP(*(vireo_drivers)) }
    .relr.dyn : { vireo_relr_start = .; *(.relr.dyn) vireo_relr_end = .; }
    /* Entry code copies in blocks of 32 bytes. */
    .end : { . = ALIGN(32); vireo_file_end = .; }

    .bss (NOLOAD) :
    {
        vireo_bss_start = .;
        *(.bss .bss.* .sbss .sbss.* COMMON)
        . = ALIGN(16);
        vireo_bss_end = .;
    }
    /* Not cleared: whoever uses it writes it first. The page below the stack is left unmapped where there is an MMU. */
    .unset (NOLOAD) :
    {
        . = ALIGN(VIREO_TABLE_ALIGNMENT);
        vireo_tables = .;
        . += VIREO_TABLE_BYTES;
        . = ALIGN(4096);
        vireo_guard = .;
        . += 4096;
        vireo_stack_start = .;
        . += VIREO_STACK_BYTES;
        vireo_stack_end = .;
        . += VIREO_EXCEPTION_STACK_BYTES;
        vireo_exception_stack_end = .;
        vireo_image_end = .;
    }

    /DISCARD/ : { *(.dynamic .dynsym .dynstr .hash .gnu.hash .interp .comment .note .note.* .eh_frame .ARM.exidx* .ARM.attributes .riscv.attributes) }
}
