// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"
#include "base/range.h"
#include "system/machine.h"
#include "system/memory_map.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

// The machine that vireo-hosted shows to commands: RAM, and what kernels it would start.
namespace vireo::hosted {

struct MachineOptions {
    struct Reservation {
        Range range;
        std::string owner;
    };
    std::optional<system::Isa> isa{};    // none: it starts no kernels
    std::vector<Range> ram{};            // none: what the tree says, or else what is usual
    std::vector<Reservation> reserved{}; // besides Vireo's own
    std::string tree{};                  // a file; empty: a tree with the RAM in it is made, if one is needed
};

// RAM is memory of this process, of which only what is touched costs any. No kernel is ever entered.
class RamMachine final : public system::Machine {
  public:
    // Enters its RAM and what is taken of that into `memory`, which is empty. Empty, with a one-line text in
    // `problem`, if that cannot be had.
    static std::unique_ptr<RamMachine> create(const MachineOptions& options, system::MemoryMap& memory,
                                              std::string& problem);
    ~RamMachine();

    // Called before power_off() ends the program.
    void set_at_end(std::function<void()> call) { at_end_ = std::move(call); }

    std::string_view board() const override { return "hosted"; }
    std::string_view model() const override { return "a Linux program"; }
    u64 default_load_address() const override;
    KernelPlace kernel_place() const override;
    std::optional<u64> device_tree() const override { return tree_; }
    Result<> reset() override { return error(ErrorCode::NotSupported, "a program has no reset"); }
    Result<> power_off() override;
    void print_facts(Writer&) const override {}
    std::byte* memory(u64 address) override;
    std::optional<system::Isa> isa() const override { return options_.isa; }
    Result<> can_enter() const override;
    Result<> enter(const Handover&) override;

  private:
    struct Bank {
        Range range;
        std::byte* memory;
    };
    explicit RamMachine(const MachineOptions& options) : options_(options) {}
    bool build(system::MemoryMap& memory, std::string& problem);
    bool make_tree(std::string& problem);
    Result<> enter_ram(system::MemoryMap& memory);
    Result<> take(system::MemoryMap& memory);
    Result<> copy_tree(system::MemoryMap& memory);

    MachineOptions options_;
    OwnedArray<u64> tree_bytes_;
    usize tree_size_ = 0;
    std::optional<u64> tree_;
    std::vector<Bank> banks_;
    std::function<void()> at_end_;
};

} // namespace vireo::hosted
