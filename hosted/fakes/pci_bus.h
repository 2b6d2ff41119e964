// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/host_description.h"
#include "hosted/address_space.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vireo::fake {

// One function on a PCI bus: 256 bytes of configuration space with the BAR sizing protocol (PCI
// 3.0, 6.2.5.1), and what answers behind the BARs. Strict: reports writes that change nothing and
// writes into capabilities.
class PciFunction {
  public:
    struct Bar {
        enum class Kind : u8 { None, Io, Memory32, Memory64 };
        Kind kind = Kind::None;
        u64 bytes = 0; // a power of two
        bool prefetchable = false;
    };

    explicit PciFunction(std::string name) : name_(std::move(name)) {}
    virtual ~PciFunction() = default;

    void set_bar(unsigned index, Bar bar) { bars_[index] = bar; }
    const Bar& bar(unsigned index) const { return bars_[index]; }
    // Where a BAR lies now, as programmed; 64-bit BARs take two slots.
    u64 bar_base(unsigned index) const;
    bool decodes(Bar::Kind kind) const; // the command register lets it answer
    bool is_bus_master() const { return config16(0x04) & 4; }
    // Removed from the slot: configuration space reads as all ones.
    virtual bool is_gone() const { return false; }
    const std::string& name() const { return name_; }

    // Configuration space as the bus reads it, and as a model or a test lays it out.
    u32 read_config(u32 offset, u8 width);
    void write_config(u32 offset, u8 width, u32 value);
    u8& config8(u32 offset) { return config_[offset]; }
    u8 config8(u32 offset) const { return config_[offset]; }
    u16 config16(u32 offset) const { return static_cast<u16>(config_[offset] | config_[offset + 1] << 8); }
    u32 config32(u32 offset) const { return config16(offset) | u32{config16(offset + 2)} << 16; }
    void put(u32 offset, u8 bytes, u32 value) {
        for (u8 i = 0; i < bytes; ++i)
            config_[offset + i] = static_cast<u8>(value >> (8 * i));
    }

    virtual u32 read_bar(unsigned index, u64 offset, u8 width) = 0;
    virtual void write_bar(unsigned index, u64 offset, u8 width, u32 value) = 0;

  protected:
    // A write at 0x40 or above; false: not a register that takes writes.
    virtual bool write_capability(u32, u8, u32) { return false; }
    virtual void command_changed() {}
    virtual std::optional<u32> read_capability(u32, u8) { return std::nullopt; }

  private:
    void write_command(u8 width, u32 value);
    void write_bar_register(unsigned index, u32 value);

    std::string name_;
    std::array<u8, 256> config_{};
    std::array<Bar, 6> bars_{};
};

// A PCI host bridge with functions on bus 0: configuration access through ECAM or ports 0xcf8/0xcfc, and the
// windows through which BARs are reached.
class PciBus {
  public:
    // The windows of `host` must not overlap other fakes.
    explicit PciBus(const bus::pci::HostDescription& host);
    // ECAM, I/O mapped into memory, 32-bit and 64-bit windows: as on the virt machines.
    static bus::pci::HostDescription virt_host();
    // Ports 0xcf8/0xcfc and I/O ports: as on pc.
    static bus::pci::HostDescription pc_host();

    const bus::pci::HostDescription& host() const { return host_; }
    // The function must outlive its place on the bus. `device` 0 to 31, `function` 0 to 7.
    void plug(unsigned device, unsigned function, PciFunction& pci_function);
    void unplug(unsigned device, unsigned function);

  private:
    enum class Part : u8 { Ecam, Ports, Io, Memory, Memory64 };
    struct Decoder final : hosted::RegisterBlock {
        PciBus* bus;
        Part part;
        std::optional<hosted::MappedRange> range;
        u32 read(u64 offset, u8 width) override { return bus->read(part, offset, width); }
        void write(u64 offset, u8 width, u32 value) override { bus->write(part, offset, width, value); }
    };
    struct Target {
        PciFunction* function;
        unsigned bar;
        u64 offset;
    };
    void map(unsigned slot, Part part, io::Space space, u64 base, u64 bytes);
    u32 read(Part part, u64 offset, u8 width);
    void write(Part part, u64 offset, u8 width, u32 value);
    u32 read_ports(u64 offset, u8 width);
    void write_ports(u64 offset, u8 width, u32 value);
    u32 config_read(u32 bus, u32 device_function, u32 offset, u8 width);
    void config_write(u32 bus, u32 device_function, u32 offset, u8 width, u32 value);
    std::optional<Target> find(Part part, u64 offset, u8 width);

    bus::pci::HostDescription host_;
    std::array<PciFunction*, 256> functions_{};
    std::array<Decoder, 4> decoders_;
    u32 config_address_ = 0; // port 0xcf8
};

} // namespace vireo::fake
