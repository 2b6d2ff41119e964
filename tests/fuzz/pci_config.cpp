// SPDX-License-Identifier: Apache-2.0
// PCI functions, bridges among them, whose configuration space is what the input says and may change from
// read to read: enumeration, placing of BARs, VirtIO structures, and the bring-up of what is found. Behind
// every BAR lies plain memory.
// Input: flags (1: each bus shows the functions of all; 2: 256 buses instead of 16; 4 alone: hardly room for
// a BAR), number of functions (1 byte), functions, lies (stack.h), memory behind the BARs.
#include "bus/pci/host.h"
#include "fuzz/stack.h"
#include "unit/bus/pci_fabric.h"
#include "virtio/transport/pci/pci_source.h"
#include "virtio/transport/pci/structures.h"

namespace vireo::fuzz {
namespace {

using bus::pci::Function;
using bus::pci::Host;
using test::FabricFunction;

// Sections 4.1.4.3 to 4.1.4.6: a structure in BAR 4.
void add_structure(FabricFunction& function, unsigned at, unsigned next, u8 type, u8 length, u32 offset,
                   u32 bytes) {
    function.put(at, u32{0x09} | next << 8 | u32{length} << 16 | u32{type} << 24, 4);
    function.put(at + 4, 4, 4);
    function.put(at + 8, offset, 4);
    function.put(at + 12, bytes, 4);
}

FabricFunction disk(bool transitional) {
    FabricFunction function(0x1af4, transitional ? 0x1001 : 0x1042, 0x01'0000);
    function.put(0x2e, 2, 2);
    if (transitional)
        function.io_bar(0, 64);
    function.memory64_bar(4, 0x1000);
    function.put(0x06, 0x10, 2);
    function.put(0x34, 0x40, 1);
    add_structure(function, 0x40, 0x50, 1, 16, 0, 0x38);
    add_structure(function, 0x50, 0x64, 2, 20, 0x200, 0x100);
    function.put(0x60, 4, 4);
    add_structure(function, 0x64, 0x74, 3, 16, 0x100, 1);
    add_structure(function, 0x74, 0x84, 4, 16, 0x140, 0x40);
    add_structure(function, 0x84, 0, 5, 20, 0, 0);
    function.writable(0x88, 0xff, 1);
    function.writable(0x8c, ~u64{0}, 8);
    function.writable(0x94, ~u64{0}, 4); // what was written last, whatever it was meant for
    return function;
}

FabricFunction fuzzed_function(FuzzedData& input) {
    u8 kind = input.byte();
    FabricFunction function = kind % 5 == 0   ? disk(false)
                              : kind % 5 == 1 ? disk(true)
                              : kind % 5 == 2 ? test::a_bridge()
                              : kind % 5 == 3 ? test::a_root_port()
                                              : FabricFunction(0x1af4, 0x1040, 0);
    if (kind & 0x80)
        function.bytes[0x0e] |= 0x80; // further functions
    for (unsigned changes = input.byte() % 32; changes > 0; --changes) {
        u8 place = input.byte();
        u8 content = input.byte();
        (kind & 0x40 ? function.mask : function.bytes)[place] = content;
    }
    return function;
}

class FuzzedFabric final : public hosted::RegisterBlock {
  public:
    FuzzedFabric(FuzzedData& input)
        : flags_(input.byte()), ecam_(io::Space::Memory, description_.ecam.cpu, buses() << 20, *this) {
        description_.ecam.bytes = buses() << 20;
        description_.last_bus = static_cast<u8>(buses() - 1);
        if ((flags_ & 7) == 4)
            description_.memory.bytes = description_.memory64.bytes = 0x1000;
        for (unsigned count = input.byte() % 8; count > 0; --count) {
            u16 place = input.byte(); // device and function
            u8 bus = input.byte() % 8;
            functions_.emplace_back(is_mirrored() ? place : place | bus << 8, fuzzed_function(input));
        }
        liar_.emplace(fuzzed_lies(input));
    }
    const bus::pci::HostDescription& description() const { return description_; }

    u32 read(u64 offset, u8 width) override {
        FabricFunction* function = find(offset);
        u32 value = function ? static_cast<u32>(function->get(offset & 0xff, width)) : ~u32{0};
        return offset & 0xf00 ? value : liar_->tell(offset >> 12 << 8 | (offset & 0xff), value);
    }
    void write(u64 offset, u8 width, u32 value) override {
        FabricFunction* function = find(offset);
        for (unsigned i = 0; function && i < width; ++i) {
            u8 mask = function->mask[(offset & 0xff) + i];
            u8& byte = function->bytes[(offset & 0xff) + i];
            byte = static_cast<u8>((byte & ~mask) | (value >> (8 * i) & mask));
        }
    }

  private:
    u64 buses() const { return flags_ & 2 ? 256 : 16; }
    bool is_mirrored() const { return flags_ & 1; }
    FabricFunction* find(u64 offset) {
        u64 place = offset >> 12 & (is_mirrored() ? 0xff : 0xffff);
        for (auto& [where, function] : functions_)
            if (where == place)
                return &function;
        return nullptr;
    }

    u8 flags_;
    bus::pci::HostDescription description_ = fake::PciBus::virt_host();
    std::vector<std::pair<u64, FabricFunction>> functions_;
    std::optional<Liar> liar_;
    hosted::MappedRange ecam_;
};

// What answers in a window of the host bridge: memory, the same again and again. Only what lies in
// a BAR may be touched.
class BarMemory final : public hosted::RegisterBlock {
  public:
    BarMemory(Host& host, Memory& memory, const bus::pci::AddressRange& window)
        : host_(host), memory_(memory), base_(window.cpu),
          range_(io::Space::Memory, window.cpu, window.bytes, *this) {}

    u32 read(u64 offset, u8 width) override {
        u32 value = 0;
        std::memcpy(&value, place(offset, width), width);
        return value;
    }
    void write(u64 offset, u8 width, u32 value) override {
        std::memcpy(place(offset, width), &value, width);
        // A reset of what disk() shows disables its queue, else there would be no second start.
        if (offset % 0x1000 == device_status && value == 0)
            std::memset(place(offset - device_status + queue_enable, 2), 0, 2);
    }

  private:
    std::byte* place(u64 offset, u8 width) {
        require(lies_in_bar(base_ + offset, width), "only what lies in a BAR is touched");
        return memory_.bytes().data() + offset % (memory_.bytes().size() - 4) / width * width;
    }
    bool lies_in_bar(u64 address, u8 width) {
        for (Function* function = host_.first(); function; function = host_.next(*function))
            for (unsigned i = 0; i < Function::bar_count; ++i)
                if (auto bar = function->bar(i);
                    bar && address >= bar->base() && bar->contains(address - bar->base(), width))
                    return true;
        return false;
    }
    // In the common structure (4.1.4.3).
    static constexpr u64 device_status = 0x14;
    static constexpr u64 queue_enable = 0x1c;

    Host& host_;
    Memory& memory_;
    u64 base_;
    hosted::MappedRange range_;
};

bool lies_inside(const io::Window& inner, const io::Window& outer) {
    return inner.base() >= outer.base() && outer.contains(inner.base() - outer.base(), inner.size());
}

void check_structures(const Function& function) {
    virtio::PciStructures found = virtio::find_structures(function);
    for (const auto& window : {found.common, found.notify, found.isr, found.device}) {
        bool is_inside = !window;
        for (unsigned i = 0; i < Function::bar_count && !is_inside; ++i)
            if (window->registers())
                is_inside = function.bar_facts(i).state == bus::pci::Bar::State::Unassigned &&
                            lies_inside(*window, io::Window(io::Space::Memory, u64{i} << 32,
                                                            function.bar_facts(i).bytes));
            else if (auto bar = function.bar(i))
                is_inside = lies_inside(*window, *bar);
        require(is_inside, "a structure lies in a BAR of its function");
    }
    require(!found.common || found.common->size() >= 0x38, "a common structure is complete");
}

// No two BARs share an address, and each lies in a window of the host.
void check_bars(Host& host, const bus::pci::HostDescription& description) {
    std::vector<io::Window> bars;
    usize functions = 0;
    for (Function* function = host.first(); function; function = host.next(*function)) {
        require(++functions <= Host::max_functions, "functions are bounded");
        if (virtio::pci_device_type(*function) != 0)
            check_structures(*function);
        for (unsigned i = 0; i < Function::bar_count; ++i)
            if (auto bar = function->bar(i))
                bars.push_back(*bar);
    }
    std::sort(bars.begin(), bars.end(), [](auto& a, auto& b) { return a.base() < b.base(); });
    for (usize i = 0; i < bars.size(); ++i) {
        bool is_inside = false;
        for (const auto& window : {description.io, description.memory, description.memory64})
            is_inside |= range_fits(bars[i].base() - window.cpu, bars[i].size(), window.bytes);
        require(is_inside && bars[i].base() % bars[i].size() == 0,
                "a BAR lies in a window, aligned to its size");
        require(i == 0 || bars[i - 1].base() + bars[i - 1].size() <= bars[i].base(), "BARs do not overlap");
    }
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    fuzz::FuzzedData input(data, size);
    fuzz::Surroundings surroundings;
    surroundings.check_leaks = false;     // a status register that is memory may never confirm a reset
    hosted::set_runaway_limit(8'000'000); // 256 buses can show 300 disks
    fuzz::FuzzedFabric fabric(input);
    bus::pci::Host host(fabric.description());
    fuzz::Memory memory(0x400 + 4);
    Bytes registers = input.rest();
    if (!registers.empty())
        std::memcpy(memory.bytes().data(), registers.data(), std::min<usize>(registers.size(), 0x400));
    fuzz::BarMemory io(host, memory, fabric.description().io);
    fuzz::BarMemory low(host, memory, fabric.description().memory);
    fuzz::BarMemory high(host, memory, fabric.description().memory64);
    virtio::PciSource source(host);
    fuzz::Stack stack;
    stack.start(source);
    fuzz::check_bars(host, fabric.description());
    if (stack.manager.rescan())
        fuzz::check_bars(host, fabric.description());
    return 0;
}
