// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.h"
#include "bus/pci/host.h"
#include "unit/bus/pci_fabric.h"

#include <gtest/gtest.h>
#include <string>

namespace vireo::bus::pci {

using test::a_bridge;
using test::a_disk;
using test::a_root_port;
using test::Fabric;
using test::FabricFunction;

inline std::string place(const Function& function) {
    StringBuffer<16> text;
    print(text, function.location());
    return std::string(text.view());
}

inline std::vector<std::string> places(Host& host) {
    std::vector<std::string> all;
    for (Function* function = host.first(); function; function = host.next(*function))
        all.push_back(place(*function));
    return all;
}

inline Function* at(Host& host, const std::string& where) {
    for (Function* function = host.first(); function; function = host.next(*function))
        if (place(*function) == where)
            return function;
    return nullptr;
}

using Places = std::vector<std::string>;

struct Warnings final : Writer {
    Warnings() { set_log_writer(this); }
    ~Warnings() { set_log_writer(nullptr); }
    void write(std::string_view part) override { text += part; }
    std::string text;
};

// The range of a bridge's memory window: base and limit register.
inline bool memory_window_holds(const FabricFunction& bridge, u64 address, u64 bytes) {
    u64 base = bridge.get(0x20, 2) << 16;
    u64 limit = bridge.get(0x22, 2) << 16 | 0xf'ffff;
    return address >= base && address + bytes - 1 <= limit;
}

} // namespace vireo::bus::pci
