// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/riscv/sbi.h"
#include "arch/riscv/sbi/harts.h"

// The calls of the Supervisor Binary Interface 2.0, from the other side than arch/riscv/sbi.h. A caller may
// hand in any number; what he names is looked at before it is used.
namespace vireo::arch::riscv::sbi {

// SBI 3, Table 1.
enum class Code : std::intptr_t {
    Success = 0,
    Failed = -1,
    NotSupported = -2,
    InvalidParam = -3,
    InvalidAddress = -5,
    AlreadyAvailable = -6
};

struct Call {
    uptr extension;
    uptr function;
    uptr a0, a1, a2, a3, a4;
};

struct Reply {
    Code code = Code::NotSupported;
    uptr value = 0;
    bool stops = false; // the hart: the call does not return
};

// `Hardware`, besides what Harts asks for; all for the hart that runs it:
//   set_timer(Description::Hart, bool by_register, u64)  when its timer shall interrupt supervisor mode
//   wait()                                    sleeps until an interrupt that is enabled waits
//   read(uptr, u8&), write(uptr, u8)          one byte of memory; false if nothing answers there
//   can_send(uptr), send(uptr, u8), receive(uptr, u8&)   of the console with these registers
//   set(Description::Register)                writes it
//   vendor(), architecture(), implementation()
template <typename Hardware> class Service {
  public:
    Service(const Description& machine, Hart* harts, Hardware& hardware, u32 own)
        : machine_(machine), harts_(machine, harts, hardware), hardware_(hardware), own_(own) {}

    static constexpr uptr version = 2 << 24;              // 2.0
    static constexpr uptr implementation_id = 0x56495245; // "VIRE"; nobody hands these numbers out to us
    static constexpr uptr most_console_bytes = 256;       // of one call: no hart waits for long
    static constexpr unsigned most_polls_of_console = 100000;

    Reply answer(const Call& call) {
        switch (call.extension) {
        case sbi::base:
            return base(call);
        case sbi::timer:
            return call.function == 0 ? set_timer(call) : Reply{};
        case sbi::inter_processor_interrupt:
            return call.function == 0 ? signal({call.a0, call.a1}) : Reply{};
        case sbi::remote_fence:
            return call.function <= 2 ? fence({call.a0, call.a1}) : Reply{}; // the others are for hypervisors
        case sbi::hart_state:
            return hart_state(call);
        case sbi::system_reset:
            return call.function == 0 ? reset(call) : Reply{};
        case sbi::debug_console:
            return machine_.console != 0 ? console(call) : Reply{};
        default:
            return {};
        }
    }

  private:
    static Reply value(uptr value) { return {Code::Success, value}; }

    Reply base(const Call& call) {
        switch (call.function) {
        case 0:
            return value(version);
        case 1:
            return value(implementation_id);
        case 2:
            return value(1);
        case 3:
            return value(has(call.a0));
        case 4:
            return value(hardware_.vendor());
        case 5:
            return value(hardware_.architecture());
        case 6:
            return value(hardware_.implementation());
        default:
            return {};
        }
    }

    bool has(uptr extension) const {
        return extension == sbi::base || extension == sbi::timer ||
               extension == sbi::inter_processor_interrupt || extension == sbi::remote_fence ||
               extension == sbi::hart_state || extension == sbi::system_reset ||
               (extension == sbi::debug_console && machine_.console != 0);
    }

    Reply set_timer(const Call& call) {
        u64 when = call.a0;
        if constexpr (sizeof(uptr) == 4)
            when |= u64{call.a1} << 32;
        hardware_.set_timer(machine_.harts[own_], harts_[own_].has_timer_register, when);
        return value(0);
    }

    using Mask = typename Harts<Hardware>::Mask;
    Reply signal(const Mask& mask) {
        if (!harts_.has_all(mask))
            return {Code::InvalidParam};
        harts_.signal(mask);
        return value(0);
    }
    Reply fence(const Mask& mask) {
        if (!harts_.has_all(mask))
            return {Code::InvalidParam};
        harts_.fence(mask, own_);
        return value(0);
    }

    Reply hart_state(const Call& call) {
        switch (call.function) {
        case 0:
            return start(call);
        case 1:
            return {.code = Code::Success, .stops = true};
        case 2: {
            u32 index = harts_.find(call.a0);
            return index == harts_.count() ? Reply{Code::InvalidParam}
                                           : value(static_cast<uptr>(load(harts_[index].state)));
        }
        case 3:
            return suspend(static_cast<u32>(call.a0));
        default:
            return {};
        }
    }

    Reply start(const Call& call) {
        u32 index = harts_.find(call.a0);
        if (index == harts_.count())
            return {Code::InvalidParam};
        // Its first instruction: two bytes, at an even address.
        if (call.a1 % 2 != 0 || is_own(call.a1, 2))
            return {Code::InvalidAddress};
        if (!harts_.start(index, call.a1, call.a2))
            return {Code::AlreadyAvailable};
        return value(0);
    }

    // Types (9.4): 0 keeps everything, with the highest bit set nothing; those of the platform are its own.
    Reply suspend(u32 type) {
        if (type == 1u << 31)
            return {};
        if (type != 0)
            return {Code::InvalidParam};
        Hart& hart = harts_[own_];
        store(hart.state, HartState::Suspended);
        hardware_.wait();
        store(hart.state, HartState::Started);
        return value(0);
    }

    // Types (10.1): 0 switches off, 1 and 2 start anew; reasons: 0 none, 1 a failure.
    Reply reset(const Call& call) {
        u32 type = static_cast<u32>(call.a0);
        u32 reason = static_cast<u32>(call.a1);
        if (type > 2 || reason > 1)
            return {Code::InvalidParam};
        const Description::Register& how = type == 0 ? machine_.power_off : machine_.restart;
        if (how.address == 0)
            return {};
        hardware_.set(how);
        return {Code::Failed};
    }

    Reply console(const Call& call) {
        switch (call.function) {
        case 0:
            return write(call);
        case 1:
            return read(call);
        case 2:
            return write_byte(static_cast<u8>(call.a0));
        default:
            return {};
        }
    }

    // Some of the bytes at that physical address: as many as the console takes at once.
    Reply write(const Call& call) {
        if (!is_callers(call.a0, call.a1, call.a2))
            return {Code::InvalidParam};
        uptr done = 0;
        for (; done < std::min(call.a0, most_console_bytes) && hardware_.can_send(machine_.console); ++done) {
            u8 byte;
            if (!hardware_.read(call.a1 + done, byte))
                return done == 0 ? Reply{Code::InvalidParam} : value(done);
            hardware_.send(machine_.console, byte);
        }
        return value(done);
    }

    Reply read(const Call& call) {
        if (!is_callers(call.a0, call.a1, call.a2))
            return {Code::InvalidParam};
        uptr done = 0;
        u8 byte;
        for (; done < std::min(call.a0, most_console_bytes) && hardware_.receive(machine_.console, byte);
             ++done)
            if (!hardware_.write(call.a1 + done, byte))
                return {Code::InvalidParam};
        return value(done);
    }

    Reply write_byte(u8 byte) {
        for (unsigned i = 0; !hardware_.can_send(machine_.console); ++i) {
            if (i == most_polls_of_console)
                return {Code::Failed};
            harts_.serve_fences(own_);
        }
        hardware_.send(machine_.console, byte);
        return value(0);
    }

    static bool is_own(uptr address, uptr bytes) {
        return address < uptr{VIREO_SBI_BLOCK} + VIREO_SBI_BLOCK_BYTES && bytes > 0 &&
               (address >= uptr{VIREO_SBI_BLOCK} || bytes > uptr{VIREO_SBI_BLOCK} - address);
    }
    // Physical memory, as far as it can be addressed, that does not wrap and is not the SBI's.
    static bool is_callers(uptr bytes, uptr low, uptr high) {
        return high == 0 && bytes <= ~uptr{0} - low && !is_own(low, bytes);
    }

    const Description& machine_;
    Harts<Hardware> harts_;
    Hardware& hardware_;
    u32 own_;
};

} // namespace vireo::arch::riscv::sbi
