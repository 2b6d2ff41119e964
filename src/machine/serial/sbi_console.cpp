// SPDX-License-Identifier: Apache-2.0
#include "machine/serial/sbi_console.h"

#include "arch/riscv/sbi.h"

namespace vireo::machine {

namespace sbi = arch::riscv::sbi;

namespace {

// Functions of the debug console (SBI 12).
constexpr uptr write_bytes = 0;
constexpr uptr read_bytes = 1;

uptr address_of(const void* bytes) { return reinterpret_cast<uptr>(bytes); }

} // namespace

void SbiConsole::start() { takes_bursts_ = sbi::has(sbi::debug_console); }

void SbiConsole::send(std::string_view bytes, Waiter* waiter) {
    room_.send(bytes, waiter, [this](std::string_view part) -> usize {
        if (!takes_bursts_)
            return sbi::call(sbi::put_character_0_1, 0, static_cast<u8>(part[0])).error == 0 ? 1 : 0;
        auto answer = sbi::call(sbi::debug_console, write_bytes, part.size(), address_of(part.data()));
        return answer.error == 0 ? std::min<usize>(answer.value, part.size()) : 0;
    });
}

std::optional<u8> SbiConsole::receive() {
    if (takes_bursts_) {
        u8 byte = 0;
        auto answer = sbi::call(sbi::debug_console, read_bytes, 1, address_of(&byte));
        return answer.error == 0 && answer.value == 1 ? std::optional(byte) : std::nullopt;
    }
    // The byte itself, or a negative number.
    auto answer = sbi::call(sbi::get_character_0_1, 0);
    return answer.error >= 0 ? std::optional(static_cast<u8>(answer.error)) : std::nullopt;
}

} // namespace vireo::machine
