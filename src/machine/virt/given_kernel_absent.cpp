// SPDX-License-Identifier: Apache-2.0
// For a build that boots nothing that the host gives.
#include "machine/virt/given_kernel.h"

namespace vireo::machine::virt {

Result<system::Machine::GivenKernel> find_given_kernel(const ResetRecord*, const bus::fdt::Tree&,
                                                       const system::MemoryMap&, const std::byte* (*)(u64)) {
    return error(ErrorCode::NotFound, "the host gives no kernel");
}

KeptRanges keep(const system::Machine::GivenKernel&, system::MemoryMap&) { return {}; }

Result<> keep(const KeptRanges&, system::MemoryMap&) { return {}; }

} // namespace vireo::machine::virt
