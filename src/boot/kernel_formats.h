// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/description.h"
#include "boot/image/needs.h"

namespace vireo::boot {

// A kind of kernel, and the machines that start it.
struct KernelFormat {
    ImageKind kind;
    system::Isa isa;
    // What the kernel asks for. `file`: its bytes, as far as they are known, from the first on; `ram`: where
    // RAM begins. Corrupt or NotSupported, with a text for the user.
    Result<Needs> (*read)(Bytes file, u64 ram);
    // What it is told. Called before anything is placed: that may take RAM of its own.
    std::expected<Description, Failure> (*describe)(const Services& services,
                                                    const Request& request) = describe_by_tree;
    // Whether `file` is one, of a kind that recognise() does not know.
    bool (*is_it)(Bytes file) = nullptr;
};

// Those that this build knows.
std::span<const KernelFormat> kernel_formats();

// The usual one of a machine that can_enter(): there is one.
const KernelFormat& format_of(const system::Machine& machine);

// The one that `file` is in, of those that the machine starts; nullptr: it is in none. `kind`: what it begins
// with.
const KernelFormat* format_of(const system::Machine& machine, std::optional<ImageKind> kind, Bytes file);

} // namespace vireo::boot
