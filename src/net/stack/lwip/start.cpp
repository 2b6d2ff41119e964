// SPDX-License-Identifier: Apache-2.0
#include "net/stack/lwip/lwip.h"
#include "net/stack/lwip/port.h"

namespace vireo::net {

// Once: firmware has one Network, for ever.
void start_lwip() { lwip_init(); }

} // namespace vireo::net
