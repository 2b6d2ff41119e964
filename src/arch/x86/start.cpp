// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/start.h"

#include "arch/common/exception_report.h"
#include "arch/common/image.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"

namespace vireo::arch {

// The first C++ (from reset.S), with the image in its final place and relocated.
extern "C" [[noreturn, gnu::used]] void vireo_start() {
    set_stack_bounds(image_address(vireo_stack_start), image_address(vireo_stack_end));
    x86::start_exceptions();
    x86::start_paging();
    vireo_machine_start();
}

} // namespace vireo::arch
