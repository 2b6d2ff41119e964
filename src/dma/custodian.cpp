// SPDX-License-Identifier: Apache-2.0
#include "dma/custodian.h"

namespace vireo::dma {

static constinit Custodian* installed = nullptr;

void set_custodian(Custodian* custodian) { installed = custodian; }
Custodian* custodian() { return installed; }

} // namespace vireo::dma
