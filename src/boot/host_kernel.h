// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/boot.h"
#include "system/host_files.h"

namespace vireo::boot {

// An operating system that the host gives (QEMU: -kernel, -initrd, -append), in memory.
struct HostKernel {
    Range kernel{}; // the whole file; with what it takes behind that, if the host put it there itself
    std::optional<Range> initrd{};
    OwnedArray<char> text{}; // that command_line() is from
    // Empty: the host gives none. It ends at its first zero byte.
    std::string_view command_line() const {
        std::string_view line(text.data(), text.size());
        return line.substr(0, line.find('\0'));
    }
};

// Where a user wants it; what is missing is chosen so that nothing has to be moved afterwards.
struct HostKernelPlaces {
    std::optional<u64> kernel{};
    std::optional<u64> initrd{}; // only with a kernel's
};

// Whether load_host_kernel() has something to say about one: it is there, or what the host says makes no
// sense.
bool host_gives_kernel(const system::Machine& machine, system::HostFiles* host);

// What of it lies in RAM since before the start, if anything does: load_host_kernel() believes that it is
// still whole there.
std::optional<system::Machine::GivenKernel> host_kernel_in_ram(const system::Machine& machine,
                                                               system::HostFiles* host);

// Brings it from the host straight to where it runs, after a look at its head; to places that a user wants
// without one. What the machine's host has put into RAM itself stays there, or is copied to those places;
// `host`, if there is one, comes first. NotFound with kind Host: the host gives no kernel. Until all of it is
// known to fit, memory stays as it is.
std::expected<HostKernel, Failure> load_host_kernel(const Services& services, system::HostFiles* host,
                                                    system::HostFiles::Watcher& watcher,
                                                    const HostKernelPlaces& places = {});

} // namespace vireo::boot
