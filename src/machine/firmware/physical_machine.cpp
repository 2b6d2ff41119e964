// SPDX-License-Identifier: Apache-2.0
#include "machine/firmware/physical_machine.h"

#include "arch/arch.h"
#include "arch/common/attempt.h"
#include "arch/common/program.h"
#include "autoconf.h"
#include "base/math.h"

namespace vireo::machine {

namespace {

#if defined(CONFIG_ARCH_ARM)
constexpr auto own_isa = system::Isa::Arm;
#elif defined(CONFIG_ARCH_ARM64)
constexpr auto own_isa = system::Isa::Arm64;
#elif defined(CONFIG_ARCH_RISCV32)
constexpr auto own_isa = system::Isa::Riscv32;
#elif defined(CONFIG_ARCH_RISCV64)
constexpr auto own_isa = system::Isa::Riscv64;
#elif defined(CONFIG_ARCH_X86_64)
constexpr auto own_isa = system::Isa::X86_64;
#else
constexpr auto own_isa = system::Isa::X86;
#endif

bool is_reachable(u64 address, usize width) {
    auto end = checked_add<u64>(address, width);
    return end && *end - 1 <= std::numeric_limits<uptr>::max();
}

constexpr const char* refused = "the processor refused the access";

// Of a program, what is made visible to instruction fetch; the rest it takes care of itself.
constexpr u64 most_code = 16 << 20;

} // namespace

std::optional<system::Isa> PhysicalMachine::isa() const { return own_isa; }

std::byte* PhysicalMachine::memory(u64 address) {
    return reinterpret_cast<std::byte*>(static_cast<uptr>(address));
}

Result<u64> PhysicalMachine::load(u64 address, u8 width) {
    u64 value = 0;
    if (!is_reachable(address, width) || !arch::try_load(static_cast<uptr>(address), width, value))
        return error(ErrorCode::Io, refused);
    return value;
}

Result<> PhysicalMachine::store(u64 address, u8 width, u64 value) {
    if (!is_reachable(address, width) || !arch::try_store(static_cast<uptr>(address), width, value))
        return error(ErrorCode::Io, refused);
    return {};
}

Result<u64> PhysicalMachine::call(u64 address, std::span<const char* const> arguments,
                                  const system::MemoryMap& map, std::span<const Range> written) {
    if (!is_reachable(address, 1))
        return error(ErrorCode::OutOfRange, "no such address");
    map.for_each_free_range([&](u64 base, u64 end) {
        arch::set_executable(base, end, true);
        if (address >= base && address < end)
            arch::sync_instruction_cache(memory(address),
                                         static_cast<usize>(std::min(end - address, most_code)));
    });
    for (const Range& range : written)
        arch::sync_instruction_cache(memory(range.base), static_cast<usize>(range.bytes));
    u64 result = arch::call_program(static_cast<uptr>(address), arguments.size(), arguments.data());
    map.for_each_free_range([](u64 base, u64 end) { arch::set_executable(base, end, false); });
    return result;
}

} // namespace vireo::machine
