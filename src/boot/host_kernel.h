// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/boot.h"
#include "system/host_files.h"

namespace vireo::boot {

// An operating system that the host gives (QEMU: -kernel, -initrd, -append), in memory.
struct HostKernel {
    Range kernel{}; // the whole file
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

// Brings it from the host straight to where it runs, after a look at its head; to places that a user wants
// without one. NotFound with kind Host: the host gives no kernel. Until all of it is known to fit, memory
// stays as it is.
std::expected<HostKernel, Failure> load_host_kernel(const Services& services, system::HostFiles& host,
                                                    system::HostFiles::Watcher& watcher,
                                                    const HostKernelPlaces& places = {});

} // namespace vireo::boot
