// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/host_description.h"
#include "hosted/address_space.h"

#include <array>
#include <map>
#include <memory>
#include <vector>

// PCI configuration space with bridges, for tests of enumeration: bytes, which of them take writes, and
// routing by the bus numbers that the program gave to the bridges. Nothing lies behind the BARs. Written from
// the PCI specifications.
namespace vireo::test {

class FabricFunction {
  public:
    FabricFunction(u16 vendor, u16 device, u32 class_code, u8 header_type = 0) {
        put(0x00, vendor, 2);
        put(0x02, device, 2);
        put(0x08, class_code << 8, 4);
        bytes[0x0e] = header_type;
        writable(0x04, 0x0547, 2);
        if ((header_type & 0x7f) == 1) {
            writable(0x18, 0x00ff'ffff, 4); // bus numbers
            writable(0x1c, 0xf0f0, 2);      // I/O window
            writable(0x20, 0xfff0'fff0, 4); // memory window
            put(0x24, 0x0001'0001, 4);      // prefetchable window, 64 bits
            writable(0x24, 0xfff0'fff0, 4);
            writable(0x28, 0xffff'ffff, 4);
            writable(0x2c, 0xffff'ffff, 4);
        }
    }
    void put(unsigned offset, u64 value, unsigned count) {
        for (unsigned i = 0; i < count; ++i)
            bytes[offset + i] = static_cast<u8>(value >> (8 * i));
    }
    void writable(unsigned offset, u64 bits, unsigned count) {
        for (unsigned i = 0; i < count; ++i)
            mask[offset + i] = static_cast<u8>(bits >> (8 * i));
    }
    u64 get(unsigned offset, unsigned count) const {
        u64 value = 0;
        for (unsigned i = count; i-- > 0;)
            value = value << 8 | bytes[offset + i];
        return value;
    }
    void io_bar(unsigned index, u32 size) {
        put(0x10 + 4 * index, 1, 4);
        writable(0x10 + 4 * index, ~(size - 1) & 0xffff'fffc, 4);
    }
    void memory_bar(unsigned index, u32 size, bool prefetchable = false) {
        put(0x10 + 4 * index, prefetchable ? 8 : 0, 4);
        writable(0x10 + 4 * index, ~(size - 1) & 0xffff'fff0, 4);
    }
    void memory64_bar(unsigned index, u64 size, bool prefetchable = true) {
        put(0x10 + 4 * index, prefetchable ? 12 : 4, 8);
        writable(0x10 + 4 * index, ~(size - 1) & ~u64{15}, 8);
    }
    u64 bar32(unsigned index) const { return get(0x10 + 4 * index, 4) & ~u64{15}; }
    u64 bar64(unsigned index) const { return get(0x10 + 4 * index, 8) & ~u64{15}; }
    u64 bar_io(unsigned index) const { return get(0x10 + 4 * index, 4) & ~u64{3}; }
    // Makes it a PCI Express port of this type (4: root port, 5: upstream, 6: downstream) by a capability.
    void express(u8 type) {
        bytes[0x06] |= 0x10;
        bytes[0x34] = 0x54;
        bytes[0x54] = 0x10;
        bytes[0x55] = 0;
        bytes[0x56] = static_cast<u8>(type << 4 | 2);
    }
    FabricFunction& behind(unsigned device, unsigned function, FabricFunction child) {
        return *(children[device * 8 + function] = std::make_unique<FabricFunction>(std::move(child)));
    }
    bool is_bridge() const { return (bytes[0x0e] & 0x7f) == 1; }

    std::array<u8, 256> bytes{};
    std::array<u8, 256> mask{};
    std::map<unsigned, std::unique_ptr<FabricFunction>> children; // by device * 8 + function
    bool contains_itself = false;                                 // its bus shows it again as device 0
    bool gone = false;
    unsigned accesses = 0;
    unsigned writes = 0;
};

inline FabricFunction a_disk() { return FabricFunction(0x1af4, 0x1042, 0x01'0000); }
inline FabricFunction a_bridge() { return FabricFunction(0x1b36, 0x0001, 0x06'0400, 1); }
inline FabricFunction a_root_port() {
    FabricFunction port(0x1b36, 0x000c, 0x06'0400, 1);
    port.express(4);
    return port;
}

class Fabric final : public hosted::RegisterBlock {
  public:
    static constexpr u64 ecam_base = 0x40'1000'0000;

    explicit Fabric(unsigned buses = 256) : range_(io::Space::Memory, ecam_base, u64{buses} << 20, *this) {
        description.ecam = {ecam_base, 0, u64{buses} << 20};
        description.last_bus = static_cast<u8>(buses - 1);
        description.io = {0x3eff'0000, 0, 0x1'0000};
        description.memory = {0x1000'0000, 0x1000'0000, 0x2eff'0000};
        description.memory64 = {0x80'0000'0000, 0x80'0000'0000, 0x80'0000'0000};
    }
    FabricFunction& plug(unsigned device, FabricFunction function, unsigned number = 0) {
        return *(root_[device * 8 + number] = std::make_unique<FabricFunction>(std::move(function)));
    }

    // On a root bus of that number, which no bridge leads to.
    FabricFunction& plug_on_root(unsigned bus, unsigned device, FabricFunction function) {
        return *(more_roots_[bus][device * 8] = std::make_unique<FabricFunction>(std::move(function)));
    }

    u32 read(u64 offset, u8 width) override {
        ++accesses;
        extended += (offset & 0xf00) != 0;
        FabricFunction* function = route(offset);
        if (!function || function->gone) {
            ++misses;
            return 0xffff'ffff;
        }
        ++function->accesses;
        return static_cast<u32>(function->get(offset & 0xff, width));
    }
    void write(u64 offset, u8 width, u32 value) override {
        ++accesses;
        extended += (offset & 0xf00) != 0;
        FabricFunction* function = route(offset);
        if (!function || function->gone)
            return;
        ++function->writes;
        for (unsigned i = 0; i < width; ++i) {
            u8& byte = function->bytes[(offset & 0xff) + i];
            u8 mask = function->mask[(offset & 0xff) + i];
            byte = static_cast<u8>((byte & ~mask) | (value >> (8 * i) & mask));
        }
    }

    bus::pci::HostDescription description;
    unsigned accesses = 0;
    unsigned misses = 0;   // reads that nobody answered
    unsigned extended = 0; // accesses beyond the first 256 bytes

  private:
    using Devices = std::map<unsigned, std::unique_ptr<FabricFunction>>;

    FabricFunction* route(u64 offset) {
        auto bus = static_cast<unsigned>(offset >> 20);
        auto device_function = static_cast<unsigned>(offset >> 12 & 0xff);
        const Devices* devices = &root_;
        unsigned number = 0;
        for (const auto& [root, on_it] : more_roots_)
            if (root <= bus) {
                devices = &on_it;
                number = root;
            }
        FabricFunction* bridge = nullptr;
        while (number != bus) {
            if (bridge && bridge->contains_itself)
                return device_function == 0 ? bridge : nullptr;
            bridge = nullptr;
            for (auto& [position, function] : *devices)
                if (function->is_bridge() && function->bytes[0x19] > number && function->bytes[0x19] <= bus &&
                    function->bytes[0x1a] >= bus)
                    bridge = function.get();
            if (!bridge)
                return nullptr;
            number = bridge->bytes[0x19];
            devices = &bridge->children;
            if (bridge->contains_itself && number == bus)
                return device_function == 0 ? bridge : nullptr;
        }
        auto found = devices->find(device_function);
        return found == devices->end() ? nullptr : found->second.get();
    }

    Devices root_;
    std::map<unsigned, Devices> more_roots_;
    hosted::MappedRange range_;
};

} // namespace vireo::test
