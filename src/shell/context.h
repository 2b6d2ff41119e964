// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"
#include "base/range.h"
#include "device/registry.h"
#include "event/event_loop.h"
#include "load/loaded_ranges.h"
#include "net/stack/network.h"
#include "shell/command.h"
#include "shell/told_findings.h"
#include "shell/variables/environment.h"
#include "shell/working_tree.h"
#include "system/console.h"
#include "system/host_files.h"
#include "system/machine.h"
#include "system/memory_map.h"
#include "system/pci_inspector.h"
#include "system/virtio_inspector.h"

namespace vireo::shell {

// What the shell works with; the composition root owns it all and keeps it alive.
struct Services {
    system::Console& console;
    event::EventLoop& loop;
    system::MemoryMap& memory;
    device::Registry& devices;
    system::Machine& machine;
    system::VirtioInspector& virtio;
    net::Network& network;
    system::PciInspector* pci = nullptr;     // where there is a PCI host bridge
    system::HostFiles* host_files = nullptr; // where the host can give any
};

// Reads the console in every wait, so that type-ahead is kept and Ctrl-C ends whatever waits.
class ConsolePoller final : public event::Poller {
  public:
    ConsolePoller(system::Console& console, event::EventLoop& loop);
    ~ConsolePoller();
    bool poll() override;
    bool needs_polling() const override { return false; } // console input wakes the processor

    // From here on Ctrl-C is an interrupt (`begin`), or input like any other (`end`). begin() forgets older
    // ones.
    void begin_command();
    void end_command();
    bool was_interrupted() const { return interrupted_; }
    // Looks for Ctrl-C without waiting for anything: between two commands, of which none may have looked.
    void glance();
    // True for the first caller after an interrupt: who tells the user.
    bool take_report() { return std::exchange(report_, false); }

  private:
    bool take_interrupt();
    system::Console& console_;
    event::EventLoop& loop_;
    bool interrupted_ = false;
    bool report_ = false;
};

// Everything a command may use. One for the life of the shell; stays in place.
struct Context : Services {
    // Sets the default variables. `may_exit`: `exit` and Ctrl-D on an empty line leave the shell (hosted
    // program).
    explicit Context(const Services& services, bool may_exit_shell = false);

    Environment environment;
    Environment locals; // shell variables (`name=value`); not printed by printenv
    ConsolePoller poller;
    const bool may_exit;

    int status = 0;            // `$?`
    u64 current_disk = 0;      // of the `virtio` command
    ToldFindings told;         // what was said about the data of disks
    load::LoadedRanges loaded; // for commands that are told an address only
    WorkingTree working_tree;
    struct { // what `zboot start` was told, for its next steps
        Range kernel{};
        Range initrd{}; // at 0: none
        u64 setup = 0;  // 0: before the kernel
        OwnedArray<char> command_line{};
        bool is_set = false;
    } zboot;
    struct { // where `md` goes on
        u64 address = 0;
        u64 count = 0;
        u8 width = 4;
    } dump;
    u16 nesting = 0;                     // of running text: 1 for what was typed, more inside `run`
    bool exiting = false;                // `exit` was called: the text that runs now ends
    const Command* repeatable = nullptr; // what an empty line repeats

    // Looks at the console and the devices once; true after Ctrl-C. For loops that wait for nothing.
    bool interrupted() {
        loop.poll_once();
        return poller.was_interrupted();
    }
};

} // namespace vireo::shell
