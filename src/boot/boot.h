// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"
#include "boot/image/needs.h"
#include "boot/plan/placement.h"
#include "boot/tree/device_tree.h"
#include "device/registry.h"
#include "event/event_loop.h"
#include "system/machine.h"
#include "system/virtio_inspector.h"

namespace vireo::boot {

// What a boot works with; all of it is the caller's.
struct Services {
    system::Machine& machine;
    const system::MemoryMap& memory;
    const device::Registry& devices; // for random numbers
    system::VirtioInspector& virtio;
    event::EventLoop& loop; // for Ctrl-C in what takes long
};

// What a user wants to boot: what lies in memory.
struct Request {
    Range kernel; // bytes 0: nobody knows
    std::optional<Range> initrd{};
    const DeviceTree* tree = nullptr;               // to start from; it stays as it is. On x86 there is none
    std::optional<std::string_view> command_line{}; // none: the tree's
    std::optional<u64> setup{};    // x86: where the file's first sectors lie, if not before the rest of it
    bool has_own_tree = false;     // the user chose it: one that the kernel comes with does not count
    std::span<const Range> keep{}; // files and trees in memory that unpacking leaves alone, a dozen at most
};

// Why nothing was booted, as data: whoever speaks to a user finds the words. The members that a kind names
// are set.
struct Failure {
    enum class Kind : u8 {
        Machine,   // `why` it starts no operating system
        Unknown,   // what lies at `address` is no kernel of a known kind
        CannotYet, // it is an image of kind `image`, not a kernel of kind `wanted`
        Foreign,   // it is an image of kind `image`, for another machine, named by `machine` if that is known
        Wrapper,   // what lies at `address` is of kind `image`, and what is in it cannot be had: `why`
        Header,    // of that image: `why`
        Place,     // `refusal`
        Tree,      // it cannot say what the kernel must know: `why`
        Params,    // nor can x86's boot_params: `why`
        Memory,    // `why`
        Host,      // what it gives cannot be read: `why`
        Entropy,   // Ctrl-C while random numbers were read: `why`
        Devices    // not all of them are quiet: `why`
    };
    Kind kind;
    std::optional<u64> address{}; // none: that of a file which is not in memory yet
    ImageKind image{};
    ImageKind wanted{};
    std::string_view machine{};
    Error why{ErrorCode::Io, ""};
    Refusal refusal{};
};

// A boot that is ready: only start() moves anything.
struct Boot {
    Plan plan;
    OwnedArray<u64> description; // plan.description has its size and where it goes
};

// Finds out what lies at the addresses, takes off what is wrapped around the kernel, places everything, edits
// a copy of the tree and verifies the plan. Memory stays as it is, but for what is unpacked: that goes to RAM
// that nobody owns, off all that `request` names. What that refers to stays until start().
[[nodiscard]] std::expected<Boot, Failure> prepare(const Services& services, const Request& request);

// Quiets the devices, moves what the plan moves, and enters the operating system. Returns only if something
// failed, and only before anything was moved; then devices are up again.
[[nodiscard]] Failure start(const Services& services, const Boot& boot);

} // namespace vireo::boot
