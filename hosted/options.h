// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/demo_machine.h"
#include "hosted/ram_machine.h"

#include <string>
#include <vector>

// The command line of vireo-hosted.
namespace vireo::hosted {

// An operating system, as QEMU is given one.
struct KernelOptions {
    std::string kernel{}; // a file; empty: none is given
    std::string initrd{};
    std::string command_line{};
    // Where the files are loaded to; without it: to where they run.
    struct Places {
        u64 kernel = 0;
        std::optional<u64> initrd{};
    };
    std::optional<Places> places{};
    bool plans = false; // instead of a shell
};

struct Options {
    DemoOptions devices;
    MachineOptions machine;
    KernelOptions kernel;
    std::vector<std::string> vhost_user_disks{}; // sockets
    const char* commands = nullptr;
    bool wants_help = false;
};

extern const char* const usage;

// Empty if the command line makes no sense; that has been said on standard error, in one line.
std::optional<Options> parse_options(std::span<const char* const> words);

} // namespace vireo::hosted
