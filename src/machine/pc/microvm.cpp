// SPDX-License-Identifier: Apache-2.0
#include "machine/pc/microvm.h"

#include "arch/common/layout.h"
#include "base/endian.h"
#include "base/log.h"
#include "base/parse.h"
#include "bus/pci/host_from_tree.h"
#include "event/clock.h"

namespace vireo::machine::pc {
namespace {

using bus::FwCfg;
using bus::fdt::Tree;
using bus::fdt::Walk;
using system::MemoryMap;

constexpr u64 four_gib = u64{1} << 32;
// Microvm's tables have less than a KiB; those of a large machine stay far below this.
constexpr usize most_acpi_bytes = usize{1} << 20;

// The header of a device tree (Devicetree Specification 0.4, 5.2).
struct TreeHeader {
    Be<u32> magic;
    Be<u32> total_bytes;
    Be<u32> structure;
    Be<u32> strings;
    Be<u32> others[4];
    Be<u32> strings_bytes;
    Be<u32> structure_bytes;
};
static_assert(sizeof(TreeHeader) == 40);

// ACPI 6.4, 5.2.3.2.
struct GenericAddress {
    u8 space; // 0: memory, 1: ports
    u8 bits;
    u8 first_bit;
    u8 access;
    Le<u64> address;
};
static_assert(sizeof(GenericAddress) == 12);

struct TableHeader {
    char signature[4];
    Le<u32> bytes;
    u8 rest[28];
};
static_assert(sizeof(TableHeader) == 36);

struct FixedDescription {
    TableHeader header;
    u8 fixed_hardware[76];
    Le<u32> flags;
    GenericAddress reset;
    u8 reset_value;
    u8 more[115];
    GenericAddress sleep_control;
};
static_assert(offsetof(FixedDescription, flags) == 112 && offsetof(FixedDescription, sleep_control) == 244);
constexpr u32 reset_register_supported = 1 << 10;
// Sleep enable, and the type of S5, "soft off": the AML would say 5, which is QEMU's for these registers.
constexpr u8 sleep_into_soft_off = 1 << 5 | 5 << 2;

std::optional<Microvm::Action> action(const GenericAddress& target, u8 value) {
    io::Space space = target.space == 1 ? io::Space::Port : io::Space::Memory;
    if (target.space > 1 || target.address == 0 || !range_fits(target.address, 1, io::reach_of(space)))
        return std::nullopt;
    return Microvm::Action{space, target.address, value};
}

// The first `bytes` of a file, in RAM that the caller gives back.
Result<MutableBytes> load(const FwCfg& fw_cfg, const FwCfg::File& file, usize bytes, MemoryMap& memory) {
    u64 place = VIREO_TRY(memory.allocate(bytes, 4096, "file of the host", four_gib));
    MutableBytes contents(reinterpret_cast<std::byte*>(static_cast<uptr>(place)), bytes);
    if (auto read = fw_cfg.read(file, contents); !read) {
        VIREO_MUST(memory.release(place));
        return std::unexpected(read.error());
    }
    return contents;
}

void give_back(MemoryMap& memory, MutableBytes contents) {
    VIREO_MUST(memory.release(reinterpret_cast<uptr>(contents.data())));
}

// QEMU pads its tree to 1 MiB, of which a few KiB are in use: only those are fetched, and the tree is told.
Result<> find_in_tree(const FwCfg& fw_cfg, MemoryMap& memory, Microvm& machine) {
    auto file = VIREO_TRY(fw_cfg.find("etc/fdt"));
    TreeHeader header;
    VIREO_TRY(fw_cfg.read(file, std::as_writable_bytes(std::span(&header, 1))));
    u64 used =
        std::max(u64{header.structure} + header.structure_bytes, u64{header.strings} + header.strings_bytes);
    if (used < sizeof(header) || used > Tree::max_bytes)
        return error(ErrorCode::Corrupt, "device tree header");
    header.total_bytes = static_cast<u32>(used);
    auto blob = VIREO_TRY(load(fw_cfg, file, static_cast<usize>(used), memory));
    std::memcpy(blob.data(), &header, sizeof(header));
    auto tree = Tree::open(blob);
    if (tree)
        machine.read_tree(*tree);
    give_back(memory, blob);
    return tree ? Result<>() : std::unexpected(tree.error());
}

Result<> find_in_acpi(const FwCfg& fw_cfg, MemoryMap& memory, Microvm& machine) {
    auto file = VIREO_TRY(fw_cfg.find("etc/acpi/tables"));
    if (file.bytes == 0 || file.bytes > most_acpi_bytes)
        return error(ErrorCode::Corrupt, "size of the ACPI tables");
    auto tables = VIREO_TRY(load(fw_cfg, file, file.bytes, memory));
    machine.read_acpi(tables);
    give_back(memory, tables);
    return {};
}

void report(const char* file, const Result<>& result) {
    if (!result && result.error().code != ErrorCode::NotFound)
        warn("{}: {}", file, result.error());
}

bool has_word(std::string_view text, std::string_view beginning) {
    while (!text.empty())
        if (split_first(text, ' ').starts_with(beginning))
            return true;
    return false;
}

} // namespace

void Microvm::Action::take() const {
    io::Window(space, address, 1).write8(0, value);
    (void)event::poll_until(event::Deadline::after(event::Duration::milli(500)), [] { return false; });
}

void Microvm::find(const FwCfg& fw_cfg, MemoryMap& memory) {
    report("etc/fdt", find_in_tree(fw_cfg, memory, *this));
    if (found)
        report("etc/acpi/tables", find_in_acpi(fw_cfg, memory, *this));
}

void Microvm::read_tree(const Tree& tree) {
    usize left_out = 0;
    for (Walk walk(tree); walk.next();) {
        const auto& node = walk.node();
        if (walk.depth() == 0)
            found = node.is_compatible("linux,microvm");
        else if (!node.is_enabled())
            continue;
        else if (node.is_compatible("virtio,mmio")) {
            if (auto registers = walk.reg(0)) {
                left_out += !slots.try_push_back({registers->base, registers->bytes});
                (void)interrupts.try_push_back(node.cell("interrupts").value_or(0));
            }
        } else if (!pci && node.is_compatible("pci-host-ecam-generic"))
            pci = bus::pci::read_host(walk, u64{1} << VIREO_ADDRESS_BITS);
    }
    // QEMU fills the slots from the last one on, and lists them upwards.
    std::reverse(slots.begin(), slots.end());
    std::reverse(interrupts.begin(), interrupts.end());
    if (left_out != 0)
        warn("{} virtio-mmio slots are more than Vireo has room for", left_out);
}

void Microvm::complete_command_line(std::string_view command_line, std::optional<u64> kilohertz,
                                    Writer& words) const {
    if (kilohertz && !has_word(command_line, "tsc_early_khz="))
        print(words, " tsc_early_khz={}", *kilohertz);
    if (has_acpi || has_word(command_line, "virtio_mmio.device="))
        return;
    for (usize i = 0; i < slots.size(); ++i)
        if (interrupts[i] != 0)
            print(words, " virtio_mmio.device={}@0x{:x}:{}", slots[i].bytes, slots[i].base, interrupts[i]);
}

void Microvm::read_acpi(Bytes tables) {
    for (;;) {
        auto header = read_struct<TableHeader>(tables);
        if (!header || header->bytes < sizeof(TableHeader) || header->bytes > tables.size())
            return;
        Bytes table = tables.first(header->bytes);
        auto fixed = read_struct<FixedDescription>(table);
        if (fixed && std::string_view(header->signature, 4) == "FACP") {
            has_acpi = true;
            if ((fixed->flags & reset_register_supported) != 0)
                reset = action(fixed->reset, fixed->reset_value);
            power_off = action(fixed->sleep_control, sleep_into_soft_off);
            return;
        }
        tables = tables.subspan(table.size());
    }
}

} // namespace vireo::machine::pc
