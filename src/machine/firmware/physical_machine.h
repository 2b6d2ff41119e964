// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/machine.h"

namespace vireo::machine {

// What every real machine has in common: addresses are those of the processor.
class PhysicalMachine : public system::Machine {
  public:
    std::optional<system::Isa> isa() const override;
    std::byte* memory(u64 address) override;
    Result<u64> load(u64 address, u8 width) override;
    Result<> store(u64 address, u8 width, u64 value) override;
    Result<u64> call(u64 address, std::span<const char* const> arguments, const system::MemoryMap& map,
                     std::span<const Range> written) override;

  protected:
    ~PhysicalMachine() = default;
};

} // namespace vireo::machine
