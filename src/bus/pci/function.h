// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/intrusive_list.h"
#include "bus/pci/registers.h"
#include "bus/pci/resources.h"

namespace vireo::bus::pci {

class Bus;

// One PCI function. Owned by the Host that found it; stays at its address, with its BARs where they are, for
// the Host's life, even when the device is pulled out (its registers then read as all ones).
class Function : public ListNode {
  public:
    static constexpr unsigned bar_count = 6;

    Location location() const { return location_; }
    u16 vendor_id() const { return vendor_id_; }
    u16 device_id() const { return device_id_; }
    u8 revision() const { return static_cast<u8>(class_and_revision_); }
    u32 class_code() const { return class_and_revision_ >> 8; } // base class, subclass, interface
    u16 subsystem_id() const { return is_normal() ? read16(reg::subsystem_id) : u16{0}; }
    bool is_normal() const { return header_type_ == reg::header_type_normal; } // neither a bridge nor unknown
    bool is_bridge() const { return header_type_ == reg::header_type_bridge; }
    bool is_multi_function() const { return is_multi_function_; }

    // The registers behind BAR `index` as the processor reaches them. NotFound: the device does not have it.
    // TooLarge: no window of the host bridge had room for it.
    Result<io::Window> bar(unsigned index) const;
    // What enumeration made of BAR `index`, which is below bar_count.
    const Bar& bar_facts(unsigned index) const { return bars_[index]; }
    // True if BAR `index` lies in I/O space, which on many machines is mapped into memory.
    bool is_io_bar(unsigned index) const { return index < bar_count && bars_[index].is_io; }

    // Configuration space; offsets are aligned to the width of the access.
    u8 read8(u8 offset) const { return config_.read8(location_, offset); }
    u16 read16(u8 offset) const { return config_.read16(location_, offset); }
    u32 read32(u8 offset) const { return config_.read32(location_, offset); }
    void write8(u8 offset, u8 value) const { config_.write8(location_, offset, value); }
    void write16(u8 offset, u16 value) const { config_.write16(location_, offset, value); }
    void write32(u8 offset, u32 value) const { config_.write32(location_, offset, value); }

    // Lets the device read and write memory by itself, or forbids it. Off after enumeration. Bridges above
    // are let through when needed, and stay so.
    void set_bus_master(bool on) const;

    // Made by Host only.
    Function(const ConfigAccess& config, Bus& bus, Location location, u32 ids, u32 class_and_revision,
             u8 header_type);

  private:
    friend class Host;

    const ConfigAccess& config_;
    Bus& bus_;
    Bus* behind_ = nullptr; // of a bridge: the bus that it leads to
    Location location_;
    u16 vendor_id_;
    u16 device_id_;
    u32 class_and_revision_;
    u8 header_type_;
    bool is_multi_function_;
    Bar bars_[bar_count];
};

// One entry of a function's capability list.
struct Capability {
    u8 offset = 0; // 0x40 to 0xfc, aligned to 4
    u8 id = 0;
};

// Walks the capability list of a function (PCI 3.0, section 6.7). The device wrote the list, so it may
// say anything: the walk ends at a pointer outside 0x40 to 0xfc and at an entry that was seen before, so
// after 48 entries at most.
class CapabilityWalk {
  public:
    explicit CapabilityWalk(const Function& function);
    std::optional<Capability> next();

  private:
    const Function& function_;
    u8 pointer_ = 0;
    u64 seen_ = 0; // one bit for each aligned offset
};

} // namespace vireo::bus::pci
