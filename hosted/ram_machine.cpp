// SPDX-License-Identifier: Apache-2.0
#include "hosted/ram_machine.h"

#include "base/endian.h"
#include "boot/tree/device_tree.h"
#include "bus/fdt/tree.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace vireo::hosted {

namespace {

using system::Isa;

constexpr u64 MiB = 1 << 20;
constexpr u64 four_gib = u64{1} << 32;
constexpr u64 page = 4096;
// Of Vireo's own, at the end of the RAM below 4 GiB, as on the boards.
constexpr u64 firmware_bytes = 1 * MiB;
constexpr u64 usual_ram = 512 * MiB;

bool is_x86(std::optional<Isa> isa) { return isa == Isa::X86 || isa == Isa::X86_64; }
bool is_riscv(std::optional<Isa> isa) { return isa == Isa::Riscv32 || isa == Isa::Riscv64; }

// An empty tree (Devicetree Specification 0.4, 5.2 to 5.4): a header, no reservation, a root without
// anything.
struct EmptyTree {
    Be<u32> magic{0xd00dfeed};
    Be<u32> total_bytes{sizeof(EmptyTree)};
    Be<u32> structure_offset{offsetof(EmptyTree, structure)};
    Be<u32> strings_offset{sizeof(EmptyTree)};
    Be<u32> reservations_offset{offsetof(EmptyTree, no_reservation)};
    Be<u32> version{17};
    Be<u32> last_compatible_version{16};
    Be<u32> boot_processor{0};
    Be<u32> strings_bytes{0};
    Be<u32> structure_bytes{sizeof(structure)};
    Be<u64> no_reservation[2]{Be<u64>(0), Be<u64>(0)};
    Be<u32> structure[4]{Be<u32>(1), Be<u32>(0), Be<u32>(2), Be<u32>(9)}; // root {, "", }, end
};

// A whole file, and zeroes behind it up to a multiple of 8. Nothing, and errno, if it cannot be read.
std::optional<std::vector<u64>> read_file(const std::string& path, usize& bytes) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file)
        return std::nullopt;
    std::vector<u64> words(boot::DeviceTree::max_bytes / sizeof(u64) + 1);
    bytes = std::fread(words.data(), 1, words.size() * sizeof(u64), file);
    bool is_read = std::ferror(file) == 0;
    std::fclose(file);
    return is_read ? std::optional(words) : std::nullopt;
}

// Of one /memory, which has as many cells as all addresses fit.
Result<usize> write_tree(std::span<const Range> ram, MutableBytes room) {
    EmptyTree empty;
    auto tree = VIREO_TRY(boot::DeviceTree::open(std::as_bytes(std::span(&empty, 1)), room));
    Be<u32> two(2);
    Bytes cells = std::as_bytes(std::span(&two, 1));
    VIREO_TRY(tree.set_property(boot::DeviceTree::root, "#address-cells", cells));
    VIREO_TRY(tree.set_property(boot::DeviceTree::root, "#size-cells", cells));
    VIREO_TRY(tree.set_text(boot::DeviceTree::root, "model", "vireo-hosted"));
    auto node = VIREO_TRY(tree.add_node(boot::DeviceTree::root, "memory"));
    VIREO_TRY(tree.set_text(node, "device_type", "memory"));
    std::vector<Be<u64>> numbers;
    for (const Range& bank : ram) {
        numbers.push_back(Be<u64>(bank.base));
        numbers.push_back(Be<u64>(bank.bytes));
    }
    VIREO_TRY(tree.set_property(node, "reg", std::as_bytes(std::span(numbers))));
    return tree.packed().size();
}

std::string text_of(const Error& why) {
    StringBuffer<120> text;
    print(text, "{}", why);
    return std::string(text.view());
}

// Adds what the tree says: RAM if `ram` is empty, and what nobody may have.
void read_tree(const bus::fdt::Tree& tree, std::vector<Range>& ram,
               std::vector<MachineOptions::Reservation>& reserved) {
    bool wants_ram = ram.empty();
    for (usize i = 0; i < tree.reservation_count(); ++i)
        if (auto range = tree.reservation(i))
            reserved.push_back({{range->base, range->bytes}, "device tree reservation"});
    bool is_reserved = false;
    for (bus::fdt::Walk walk(tree); walk.next();) {
        if (walk.depth() == 1)
            is_reserved = walk.node().name() == "reserved-memory";
        for (usize i = 0; walk.depth() == 2 && is_reserved; ++i) {
            auto range = walk.reg(i);
            if (!range)
                break;
            reserved.push_back({{range->base, range->bytes}, "reserved memory"});
        }
        if (walk.depth() != 1 || walk.node().text("device_type") != "memory" || !walk.node().is_enabled())
            continue;
        for (usize i = 0; wants_ram; ++i) {
            auto bank = walk.reg(i);
            if (!bank)
                break;
            if (bank->bytes != 0)
                ram.push_back({bank->base, bank->bytes});
        }
    }
}

// As high as possible, but below 4 GiB where there is room.
Result<u64> allocate(system::MemoryMap& memory, u64 bytes, const char* owner) {
    auto low = memory.allocate(bytes, page, owner, four_gib);
    return low ? low : memory.allocate(bytes, page, owner);
}

} // namespace

std::unique_ptr<RamMachine> RamMachine::create(const MachineOptions& options, system::MemoryMap& memory,
                                               std::string& problem) {
    std::unique_ptr<RamMachine> machine(new RamMachine(options));
    return machine->build(memory, problem) ? std::move(machine) : nullptr;
}

RamMachine::~RamMachine() {
    for (const Bank& bank : banks_)
        munmap(bank.memory, bank.range.bytes);
}

bool RamMachine::build(system::MemoryMap& memory, std::string& problem) {
    if (!options_.tree.empty() && !make_tree(problem))
        return false;
    if (options_.ram.empty() && is_x86(options_.isa))
        options_.ram = {{0, 640 << 10}, {MiB, usual_ram - MiB}};
    else if (options_.ram.empty())
        options_.ram = {
            {is_riscv(options_.isa) ? 0x8000'0000 : 0x4000'0000, options_.isa ? usual_ram : 1024 * MiB}};
    if (options_.isa && !is_x86(options_.isa) && options_.tree.empty() && !make_tree(problem))
        return false;
    for (auto step : {&RamMachine::enter_ram, &RamMachine::take, &RamMachine::copy_tree})
        if (auto done = (this->*step)(memory); !done) {
            problem = text_of(done.error());
            return false;
        }
    return true;
}

// Reads it, or makes one.
bool RamMachine::make_tree(std::string& problem) {
    constexpr usize most = boot::DeviceTree::max_bytes;
    tree_bytes_ = VIREO_MUST(OwnedArray<u64>::create(most / sizeof(u64)));
    MutableBytes room = std::as_writable_bytes(std::span(tree_bytes_.data(), tree_bytes_.size()));
    if (options_.tree.empty()) {
        tree_size_ = VIREO_MUST(write_tree(options_.ram, room));
        return true;
    }
    usize bytes = 0;
    auto file = read_file(options_.tree, bytes);
    if (!file) {
        problem = options_.tree + ": " + std::strerror(errno);
        return false;
    }
    Bytes source = std::as_bytes(std::span(*file)).first(bytes);
    auto tree = bytes > most
                    ? Result<boot::DeviceTree>(error(ErrorCode::TooLarge, "more than {} bytes", most))
                    : boot::DeviceTree::open(source, room);
    if (!tree) {
        problem = options_.tree + ": no device tree: " + text_of(tree.error());
        return false;
    }
    tree_size_ = tree->packed().size();
    auto read = bus::fdt::Tree::open(Bytes(room).first(tree_size_));
    if (!read) {
        problem = options_.tree + ": no device tree: " + text_of(read.error());
        return false;
    }
    read_tree(*read, options_.ram, options_.reserved);
    return true;
}

Result<> RamMachine::enter_ram(system::MemoryMap& memory) {
    for (const Range& bank : options_.ram)
        VIREO_TRY(memory.add_ram(bank.base, bank.bytes));
    for (const system::MemoryRegion& bank : memory.ram()) {
        void* bytes = bank.bytes > std::numeric_limits<usize>::max() / 2
                          ? MAP_FAILED
                          : mmap(nullptr, bank.bytes, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (bytes == MAP_FAILED)
            return error(ErrorCode::NoMemory, "RAM of {} bytes", bank.bytes);
        banks_.push_back({{bank.base, bank.bytes}, static_cast<std::byte*>(bytes)});
    }
    return {};
}

// As on the boards, so that what is refused there is refused here.
Result<> RamMachine::take(system::MemoryMap& memory) {
    for (const auto& [range, owner] : options_.reserved)
        if (range.bytes != 0)
            VIREO_TRY(memory.reserve(range.base, range.bytes, owner.c_str()));
    if (is_x86(options_.isa)) {
        VIREO_TRY(memory.reserve(0, MiB, "PC legacy area"));
        memory.guard_below(page);
    }
    (void)VIREO_TRY(allocate(memory, firmware_bytes, "Vireo"));
    return {};
}

Result<> RamMachine::copy_tree(system::MemoryMap& memory) {
    if (tree_size_ == 0)
        return {};
    tree_ = VIREO_TRY(allocate(memory, align_up<u64>(tree_size_, page), "device tree"));
    std::memcpy(this->memory(*tree_), tree_bytes_.data(), tree_size_);
    return {};
}

u64 RamMachine::default_load_address() const { return banks_.front().range.base + kernel_place().offset; }

// Those of the boards.
system::Machine::KernelPlace RamMachine::kernel_place() const {
    if (!options_.isa)
        return {.offset = 2 * MiB};
    switch (*options_.isa) {
    case Isa::Arm:
        return {.offset = 32 * MiB};
    case Isa::Arm64:
    case Isa::Riscv64:
        return {.offset = 2 * MiB};
    case Isa::Riscv32:
        return {.offset = 4 * MiB, .alignment = 4 * MiB};
    case Isa::X86:
    case Isa::X86_64:
        return {.offset = 16 * MiB};
    }
    return {};
}

Result<> RamMachine::power_off() {
    if (at_end_)
        at_end_();
    std::exit(0);
}

std::byte* RamMachine::memory(u64 address) {
    for (const Bank& bank : banks_)
        if (address - bank.range.base < bank.range.bytes)
            return bank.memory + (address - bank.range.base);
    return banks_.back().memory + (address - banks_.back().range.base); // the end of the last one
}

Result<> RamMachine::can_enter() const { return options_.isa ? Result<>() : Machine::can_enter(); }

Result<> RamMachine::enter(const Handover&) {
    return error(ErrorCode::NotSupported, "a program enters no kernel");
}

} // namespace vireo::hosted
