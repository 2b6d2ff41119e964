// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/image/needs.h"
#include "boot/plan/plan.h"
#include "system/memory_map.h"

namespace vireo::boot {

// Why a part of a boot has no place.
struct Refusal {
    enum class Part : u8 { Kernel, Initrd, Description };
    enum class Why : u8 {
        NotRam,   // some of `range` is no RAM
        NotFree,  // some of `range` is `owner`'s
        NoRoom,   // nowhere are range.bytes bytes free where it may lie
        TooLarge, // range.bytes are more than the operating system takes
        Cut,      // of a file of range.bytes bytes there are only `there`
        Empty     // it has no bytes: what should have made it went wrong
    };
    Part part;
    Why why;
    Range range{};
    system::MemoryRegion owner{};
    u64 there = 0;
};

// What is to be placed: where it was loaded to, and what is known about it.
struct ToPlace {
    Range kernel; // the file; bytes 0: nobody knows how long it is
    std::optional<Range> initrd{};
    u64 description_bytes = 0; // that it takes at most
};

// Where a kernel, its initrd and what it is told go: what lies at a legal place already stays there. A pure
// function: nothing is moved, and nothing taken. Everything that is placed lies in free RAM, apart from each
// other and from what has not been moved yet.
[[nodiscard]] std::expected<Plan, Refusal> place(const Needs& needs, const ToPlace& wanted,
                                                 const system::MemoryMap& map);

// What is to be loaded: sizes of whole files.
struct ToLoad {
    u64 kernel_bytes;
    u64 initrd_bytes = 0;      // 0: there is none
    u64 description_bytes = 0; // that it takes at most
};

// Where to.
struct LoadPlaces {
    u64 kernel; // the file's first byte, which is not the kernel's if some of the file stays behind
    std::optional<u64> initrd{};
};

// Where files are to be loaded whose kernel's head has been read, so that place() leaves everything where it
// is: the kernel as low as possible, the initrd as high as it reaches. A pure function, like place().
[[nodiscard]] std::expected<LoadPlaces, Refusal> place_to_load(const Needs& needs, const ToLoad& wanted,
                                                               const system::MemoryMap& map);

// The same rules again, on a plan that is finished: whatever made it, what breaks one of them is not booted.
[[nodiscard]] std::expected<void, Refusal> verify(const Plan& plan, const Needs& needs,
                                                  const system::MemoryMap& map);

} // namespace vireo::boot
