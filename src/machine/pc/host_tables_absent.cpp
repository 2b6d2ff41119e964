// SPDX-License-Identifier: Apache-2.0
// A build without the host's tables (CONFIG_ACPI).
#include "machine/pc/host_tables.h"

namespace vireo::machine::pc {

Result<> make_host_tables(const bus::FwCfg&, system::MemoryMap&, const Range&, HostTables&) { return {}; }

} // namespace vireo::machine::pc
