// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dma/bounce_pool.h"
#include "hosted/vhost_user/file_descriptor.h"

namespace vireo::hosted::vhost_user {

// The memory that this program shares with its vhost-user back ends, and nothing else of it: a memfd with the
// product's bounce pool in it. While it lives all DMA memory comes from there, that of fake devices too.
class SharedPool {
  public:
    // Errors: NoMemory, or what the host refuses.
    static Result<std::unique_ptr<SharedPool>> create();
    ~SharedPool();
    SharedPool(const SharedPool&) = delete;
    SharedPool& operator=(const SharedPool&) = delete;

    // What a back end is told (SET_MEM_TABLE). Devices' addresses, and those by which the protocol names ring
    // memory, are two different things; so they are two different numbers here, and neither is a pointer.
    int descriptor() const { return memory_file_.get(); }
    static constexpr u64 bytes = u64{32} << 20;
    static constexpr u64 bus_base = 0x1'0000'0000;
    static constexpr u64 user_base = 0x5000'0000'0000;
    static u64 user_address(dma::BusAddress bus) { return bus.value - bus_base + user_base; }

    // The split ring's `used.idx` as the device has left it (section 2.7.8).
    u16 used_index(dma::BusAddress device_area) const;

  private:
    SharedPool() = default;
    FileDescriptor memory_file_;
    std::byte* memory_ = nullptr;
    dma::BouncePool pool_;
};

} // namespace vireo::hosted::vhost_user
