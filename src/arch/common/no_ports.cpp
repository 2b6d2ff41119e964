// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"
#include "io/access.h"
#include "io/burst_access.h"

// Port space exists on x86 only; PCI host bridges elsewhere map it into memory, and windows to it say so.
namespace vireo::io::raw {

[[noreturn]] static void no_ports() { panic("port access on a machine without ports"); }

u8 port_read8(u16) { no_ports(); }
u16 port_read16(u16) { no_ports(); }
u32 port_read32(u16) { no_ports(); }
void port_write8(u16, u8) { no_ports(); }
void port_write16(u16, u16) { no_ports(); }
void port_write32(u16, u32) { no_ports(); }
void port_write8_burst(u16, std::string_view) { no_ports(); }

} // namespace vireo::io::raw
