// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/device.h"

namespace vireo::fake {

// An entropy device, section 5.4.
class Rng final : public Device {
  public:
    static constexpr u32 type_id = 4;
    // A repeatable sequence in tests; `host_entropy`: the host's getrandom.
    explicit Rng(std::string name, bool host_entropy = false)
        : Device(type_id, std::move(name), 1), host_entropy_(host_entropy) {
        offered.add(feature::indirect_desc);
        offered.add(feature::event_idx);
    }

    // Gives at most this many bytes for a request (the standard asks for at least one).
    u32 at_most = ~u32{0};
    // The n-th byte of the repeatable sequence.
    static u8 byte_at(u64 n) { return static_cast<u8>((n * 0x9e37'79b9u + 0x55) >> 7); }
    u64 bytes_given() const { return given_; }

  protected:
    u32 execute(u16 queue, const Chain& chain) override;

  private:
    bool host_entropy_;
    u64 given_ = 0;
};

} // namespace vireo::fake
