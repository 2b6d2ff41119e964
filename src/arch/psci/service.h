// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/psci/processors.h"

// The calls of the Power State Coordination Interface, version 1.1 (Arm DEN 0022), as an operating system
// makes them. It may ask for anything at any time, and from all processors at once.
namespace vireo::arch::psci {

using sptr = std::intptr_t;

struct Call {
    u32 function;
    uptr arguments[3];
};

struct Reply {
    enum class Then : u8 {
        Return, // to the caller, with `value`
        Stop,   // the processor is off
        Halt    // so is the machine, in a moment
    };
    sptr value = 0;
    Then then = Then::Return;
};

enum Function : u32 {
    Version = 0,
    CpuSuspend = 1,
    CpuOff = 2,
    CpuOn = 3,
    AffinityInfo = 4,
    MigrateInfoType = 6,
    SystemOff = 8,
    SystemReset = 9,
    Features = 10
};

enum Code : sptr {
    Success = 0,
    NotSupported = -1,
    InvalidParameters = -2,
    AlreadyOn = -4,
    OnPending = -5,
    InvalidAddress = -9
};

// `Hardware`, besides what Processors want:
//   stand_by()                 until an interrupt waits
//   pull(Description::Line)    the machine does what the line is for, a moment later
template <typename Hardware> class Service {
  public:
    Service(const Description& machine, Processor* processors, Hardware& hardware, u32 own)
        : machine_(machine), processors_(machine, processors, hardware, own), hardware_(hardware) {}

    Reply answer(Call call) {
        auto function = find(call.function);
        if (!function)
            return {NotSupported};
        if ((call.function & wide) == 0)
            for (uptr& argument : call.arguments)
                argument = static_cast<u32>(argument);
        auto [first, second, third] = call.arguments;
        switch (*function) {
        case Version:
            return {0x1'0001};
        case CpuSuspend:
            return {suspend(static_cast<u32>(first))};
        case CpuOff:
            processors_.stop();
            return {Success, Reply::Then::Stop};
        case CpuOn:
            return {start(first, second, third)};
        case AffinityInfo:
            return {affinity_info(first, second)};
        case MigrateInfoType:
            return {no_trusted_os};
        case SystemOff:
            hardware_.pull(machine_.power_off);
            return {Success, Reply::Then::Halt};
        case SystemReset:
            hardware_.pull(machine_.restart);
            return {Success, Reply::Then::Halt};
        case Features:
            return {find(static_cast<u32>(first)) ? Success : NotSupported};
        }
        return {NotSupported};
    }

  private:
    static constexpr u32 narrow = 0x84000000; // standard service calls with arguments of 32 bits
    static constexpr u32 wide = 0x40000000;
    static constexpr sptr no_trusted_os = 2;

    // Functions by their numbers, a bit each: those that have addresses come in both widths.
    static constexpr u32 bit(Function function) { return u32{1} << function; }
    static constexpr u32 with_addresses = bit(CpuSuspend) | bit(CpuOn) | bit(AffinityInfo);
    u32 of_32_bits() const {
        return with_addresses | bit(Version) | bit(CpuOff) | bit(MigrateInfoType) | bit(Features) |
               (machine_.power_off.controller != 0 ? bit(SystemOff) : 0) |
               (machine_.restart.controller != 0 ? bit(SystemReset) : 0);
    }
    static constexpr u32 of_64_bits = sizeof(uptr) > 4 ? with_addresses : 0;

    // What this machine has of that number.
    std::optional<Function> find(u32 id) const {
        u32 number = (id & ~wide) - narrow;
        u32 known = (id & wide) != 0 ? of_64_bits : of_32_bits();
        if (number >= 32 || (known >> number & 1) == 0)
            return std::nullopt;
        return static_cast<Function>(number);
    }

    // No state loses anything here: one that may is entered as one that does not (5.4.4).
    sptr suspend(u32 state) {
        constexpr u32 reserved = 0xfcfe0000;
        if ((state & reserved) != 0)
            return InvalidParameters;
        hardware_.stand_by();
        return Success;
    }

    bool is_entry(uptr entry) const {
        bool is_thumb = sizeof(uptr) == 4 && (entry & 1) != 0;
        return (is_thumb || entry % 4 == 0) && entry >= machine_.lowest_entry && entry < machine_.entries_end;
    }

    sptr start(uptr affinity, uptr entry, uptr context) {
        u32 index = processors_.find(affinity);
        if (index == machine_.count)
            return InvalidParameters;
        if (!is_entry(entry))
            return InvalidAddress;
        switch (processors_.start(index, entry, context)) {
        case State::On:
            return AlreadyOn;
        case State::OnPending:
            return OnPending;
        case State::Off:
            break;
        }
        return Success;
    }

    // Of processors, not of what they form (5.8: a choice).
    sptr affinity_info(uptr affinity, uptr level) const {
        u32 index = processors_.find(affinity);
        if (level != 0 || index == machine_.count)
            return InvalidParameters;
        return static_cast<sptr>(processors_.state(index));
    }

    const Description& machine_;
    Processors<Hardware> processors_;
    Hardware& hardware_;
};

} // namespace vireo::arch::psci
