// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/function.h"

namespace vireo::bus::pci {

// One bus: a root, or the one behind a bridge. Owned by the Host.
class Bus : public ListNode {
  public:
    Bus(u8 number, Bus* parent, Function* bridge) : number_(number), parent_(parent), bridge_(bridge) {}
    u8 number() const { return number_; }
    Bus* parent() const { return parent_; }
    Function* bridge() const { return bridge_; } // the bridge that leads here; nullptr: a root

  private:
    friend class Host;
    u8 number_;
    u8 last_below_ = 0;     // the highest bus number that may be used at or below this bus
    u16 next_number_ = 0;   // root buses: the next number to give out to a bus below
    bool is_open_ = false;  // the windows of its bridge still grow
    bool has_many_ = false; // the device that is scanned has more than one function
    u16 scan_position_ = 0; // device * 8 + function
    u16 scan_end_ = 256;    // 8 below a PCI Express port, where there is device 0 only
    u8 port_ = 0;           // that port's PCI Express capability, of `bridge_`
    Bus* parent_;
    Function* bridge_;
    Rooms rooms_; // of a bus behind a bridge
    IntrusiveList<Function> functions_;
};

// A PCI host bridge and everything below it, and below the further root buses that QEMU's expander bridges
// make: their configuration space is the host bridge's, and so are their windows; only their bus numbers are
// fixed. Finds functions, numbers the buses behind bridges, gives each BAR an address and each bridge its
// windows. Trusts nothing that configuration space says.
class Host {
  public:
    // More than any machine has: a bridge that makes things up must not use up the heap.
    static constexpr usize max_functions = 1024;

    // Copies the description.
    explicit Host(const HostDescription& description) : description_(description) {}
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    ~Host();

    const HostDescription& description() const { return description_; }

    // Finds the functions that are not known yet and gives them addresses; what is known stays as it is, so
    // this may be repeated while devices are in use. What was found before a failure remains usable.
    // NotSupported: the configuration space is out of reach. TooLarge: more than max_functions. NoMemory.
    Result<> scan();

    // All functions found, by bus, device and function number; those of later scans behind the others of
    // their bus. nullptr at the end.
    Function* first() { return first_from(buses_.front()); }
    Function* next(Function& function);

    // Writes into each function that has an interrupt pin which line of the interrupt controller it leads to
    // (PCI 3.0, 6.2.4): what `line` says of the pin, 0 to 3, of the device on a root bus that it goes
    // through. Bridges turn the pins of what is behind them (PCI-to-PCI Bridge 1.2, 9.1).
    void set_interrupt_lines(u8 (*line)(u8 device, u8 pin));

    // Switches bus mastering off in all of them, bridges too.
    void stop_bus_masters();

  private:
    Function* first_from(Bus* bus);
    Result<> open_root(unsigned number);
    Result<> find_more_roots();
    Bus* next_root(Bus* bus);
    static Bus& root_of(Bus& bus);
    Rooms& rooms_on(Bus& bus) { return bus.parent_ ? bus.rooms_ : root_rooms_; }
    void insert(Bus& bus);
    // Looks at the scan position of `bus` and moves it on. The bus to go on with first, or nullptr.
    Result<Bus*> visit(Bus& bus);
    Result<Function*> add(Bus& bus, Location location, u32 ids);
    Function* find(Bus& bus, Location location);
    Result<Bus*> open_bridge(Function& bridge);
    void close_bridge(Bus& bus);

    HostDescription description_;
    std::optional<ConfigAccess> config_;
    IntrusiveList<Bus> buses_; // in the order of their numbers
    Rooms root_rooms_;
    usize function_count_ = 0;
    bool sees_expander_ = false;
    bool knows_roots_ = false;
};

} // namespace vireo::bus::pci
